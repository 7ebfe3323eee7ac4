package cocsim

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The published vectors: the reference's own, and the official SDK's test.
func TestSignatureVectors(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet,
		"https://service.region.example.com/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0", nil)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Sdk-Date", "20191115T033655Z")
	canonical := canonicalRequest(r, []string{"content-type", "host", "x-sdk-date"}, nil)
	sum := sha256.Sum256([]byte(canonical))
	if got, want := hex.EncodeToString(sum[:]), "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a"; got != want {
		t.Errorf("hash of canonical request = %s, want %s", got, want)
	}
	got := signature("MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc", "20191115T033655Z", canonical)
	if want := "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe"; got != want {
		t.Errorf("signature = %s, want %s", got, want)
	}

	r = httptest.NewRequest(http.MethodGet, "https://example.huaweicloud.com/path?limit=1", nil)
	r.Header.Set("X-Sdk-Date", "20060102T150405Z")
	got = signature("SecretKey", "20060102T150405Z", canonicalRequest(r, []string{"x-sdk-date"}, nil))
	if want := "5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624"; got != want {
		t.Errorf("signature = %s, want %s", got, want)
	}
}

func TestCanonicalQuery(t *testing.T) {
	got := canonicalQuery(url.Values{
		"test": {"一 (&=?!#%.*)"}, "multi": {"3", "1", "2"}, "limit": {"1"}, "enable": {"true"}, "path": {"/tmp/123"},
	})
	const want = "enable=true&limit=1&multi=1&multi=2&multi=3&path=%2Ftmp%2F123&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29"
	if got != want {
		t.Errorf("canonicalQuery = %s\nwant             %s", got, want)
	}
}

// signed returns a request to list documents, signed as of at.
func signed(ak, sk, token string, at time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://coc.example.com/v1/documents?limit=100&offset=0", nil)
	names := []string{"host", "x-sdk-date"}
	r.Header.Set("X-Sdk-Date", at.UTC().Format(signTime))
	if token != "" {
		r.Header.Set("X-Security-Token", token)
		names = []string{"host", "x-sdk-date", "x-security-token"}
	}
	sign(r, ak, sk, names)
	return r
}

func sign(r *http.Request, ak, sk string, names []string) {
	r.Header.Set("Authorization", "SDK-HMAC-SHA256 Access="+ak+", SignedHeaders="+strings.Join(names, ";")+
		", Signature="+signature(sk, r.Header.Get("X-Sdk-Date"), canonicalRequest(r, names, nil)))
}

func TestUnauthorized(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	bare := signed("AK", "SK", "tok", now)
	bare.Header.Del("Authorization")
	garbled := signed("AK", "SK", "tok", now)
	garbled.Header.Set("Authorization", "SDK-HMAC-SHA256 Access=AK,,Signature")
	loose := signed("AK", "SK", "tok", now)
	sign(loose, "AK", "SK", []string{"host", "x-sdk-date"})
	undated := signed("AK", "SK", "tok", now)
	sign(undated, "AK", "SK", []string{"host", "x-security-token"})
	moved := signed("AK", "SK", "tok", now)
	moved.URL.RawQuery = "limit=100&offset=100"
	for _, tt := range []struct {
		name string
		req  *http.Request
		want int
	}{
		{"good", signed("AK", "SK", "tok", now), 200},
		{"a clock fourteen minutes off", signed("AK", "SK", "tok", now.Add(-14*time.Minute)), 200},
		{"a clock sixteen minutes behind", signed("AK", "SK", "tok", now.Add(-16*time.Minute)), 401},
		{"a clock sixteen minutes ahead", signed("AK", "SK", "tok", now.Add(16*time.Minute)), 401},
		{"wrong secret", signed("AK", "other", "tok", now), 401},
		{"unknown key", signed("XX", "SK", "tok", now), 401},
		{"no security token", signed("AK", "SK", "", now), 401},
		{"wrong security token", signed("AK", "SK", "kot", now), 401},
		{"security token not signed", loose, 401},
		{"date not signed", undated, 401},
		{"no signature", bare, 401},
		{"garbled signature", garbled, 401},
		{"another query than was signed", moved, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := NewCOC(COCOptions{AccessKey: "AK", SecretKey: "SK", SecurityToken: "tok", Now: func() time.Time { return now }})
			w := httptest.NewRecorder()
			c.ServeHTTP(w, tt.req)
			if w.Code != tt.want {
				t.Fatalf("status = %d %s, want %d", w.Code, w.Body, tt.want)
			}
			if w.Code == 401 && !strings.Contains(w.Body.String(), `"error_code":"APIGW.0301"`) {
				t.Errorf("body = %s, want error_code APIGW.0301", w.Body)
			}
		})
	}
}

// More than five bad signatures in a row lock the key pair for five minutes:
// even a good one is refused until then.
func TestLockOut(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	c := NewCOC(COCOptions{AccessKey: "AK", SecretKey: "SK", Now: func() time.Time { return now }})
	ask := func(sk string) int {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, signed("AK", sk, "", now))
		return w.Code
	}
	for range 5 {
		ask("bad")
	}
	if got := ask("SK"); got != 200 {
		t.Fatalf("after five failures a good signature gets %d, want 200", got)
	}
	for range 6 {
		ask("bad")
	}
	if got := ask("SK"); got != 401 {
		t.Fatalf("after six failures in a row a good signature gets %d, want 401", got)
	}
	now = now.Add(5*time.Minute - time.Second)
	if got := ask("SK"); got != 401 {
		t.Fatalf("within five minutes a good signature gets %d, want 401", got)
	}
	now = now.Add(time.Second)
	if got := ask("SK"); got != 200 {
		t.Fatalf("after five minutes a good signature gets %d, want 200", got)
	}
}
