package fetch

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The first vector is the API reference's own, the second the official SDK's.
func TestSignaturePublishedVectors(t *testing.T) {
	for _, tt := range []struct {
		name, url, date, secret string
		signed                  []string
		hash, want              string
	}{
		{
			name:   "reference",
			url:    "https://service.region.example.com/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0",
			date:   "20191115T033655Z",
			secret: "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc",
			signed: []string{"content-type", "host", "x-sdk-date"},
			hash:   "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a",
			want:   "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe",
		},
		{
			name:   "sdk",
			url:    "https://example.huaweicloud.com/path?limit=1",
			date:   "20060102T150405Z",
			secret: "SecretKey",
			signed: []string{"x-sdk-date"},
			want:   "5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequest(http.MethodGet, tt.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set(headerDate, tt.date)
			if got := hexHash(canonicalRequest(r, tt.signed)); tt.hash != "" && got != tt.hash {
				t.Errorf("hash of canonical request = %s, want %s", got, tt.hash)
			}
			if got := signature(r, tt.signed, tt.secret); got != tt.want {
				t.Errorf("signature = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestCanonicalQueryPublishedVector(t *testing.T) {
	got := canonicalQuery(url.Values{
		"test": {"一 (&=?!#%.*)"}, "path": {"/tmp/123"}, "limit": {"1"}, "enable": {"true"}, "multi": {"3", "1", "2"},
	})
	want := "enable=true&limit=1&multi=1&multi=2&multi=3&path=%2Ftmp%2F123&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29"
	if got != want {
		t.Errorf("canonicalQuery = %s\nwant %s", got, want)
	}
}

func TestCanonicalPath(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/documents":     "/v1/documents/",
		"/v1/documents/":    "/v1/documents/",
		"/v1/documents/a b": "/v1/documents/a%20b/",
		"/v1/documents/50%": "/v1/documents/50%25/",
		"/v1/documents/a/b": "/v1/documents/a/b/",
		"/v1/documents/作业":  "/v1/documents/%E4%BD%9C%E4%B8%9A/",
	} {
		if got := canonicalPath(path); got != want {
			t.Errorf("canonicalPath(%q) = %s, want %s", path, got, want)
		}
	}
}

// Temporary credentials send and sign their token.
func TestSignSecurityToken(t *testing.T) {
	r, _ := http.NewRequest(http.MethodGet, "https://coc.example.com/v1/documents", nil)
	sign(r, KeyPair{AccessKey: "ACCESS", SecretKey: "SECRET", SecurityToken: "TOKEN"}, time.Unix(0, 0))
	if got, want := r.Header.Get(headerToken), "TOKEN"; got != want {
		t.Errorf("token = %q, want %q", got, want)
	}
	auth := r.Header.Get("Authorization")
	for _, want := range []string{"SDK-HMAC-SHA256 Access=ACCESS, SignedHeaders=host;x-sdk-date;x-security-token, Signature="} {
		if !strings.HasPrefix(auth, want) {
			t.Errorf("Authorization = %q, want the prefix %q", auth, want)
		}
	}
	if got, want := r.Header.Get(headerDate), "19700101T000000Z"; got != want {
		t.Errorf("date = %q, want %q", got, want)
	}
}
