package fetch

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The SDK-HMAC-SHA256 signature that Huawei Cloud's API gateway checks:
// https://support.huaweicloud.com/intl/en-us/api-coc/coc_api_00_005.html
const (
	algorithm     = "SDK-HMAC-SHA256"
	headerDate    = "X-Sdk-Date"
	headerToken   = "X-Security-Token"
	dateLayout    = "20060102T150405Z"
	emptyBodyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// sign signs a request without a body for a time. Each attempt needs its own
// signature, because the time is part of it.
func sign(r *http.Request, kp KeyPair, at time.Time) {
	r.Header.Set(headerDate, at.UTC().Format(dateLayout))
	signed := []string{"host", "x-sdk-date"}
	if kp.SecurityToken != "" {
		r.Header.Set(headerToken, kp.SecurityToken)
		signed = append(signed, "x-security-token")
	}
	r.Header.Set("Authorization", algorithm+" Access="+kp.AccessKey+
		", SignedHeaders="+strings.Join(signed, ";")+
		", Signature="+signature(r, signed, kp.SecretKey))
}

// signature is computed over the given headers, which are lower-case and sorted.
func signature(r *http.Request, signed []string, secret string) string {
	text := algorithm + "\n" + r.Header.Get(headerDate) + "\n" + hexHash(canonicalRequest(r, signed))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func canonicalRequest(r *http.Request, signed []string) string {
	var headers strings.Builder
	for _, name := range signed {
		value := r.Header.Get(name)
		if name == "host" { // net/http stores it elsewhere
			if value = r.Host; value == "" {
				value = r.URL.Host
			}
		}
		headers.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	return strings.Join([]string{
		r.Method, canonicalPath(r.URL.Path), canonicalQuery(r.URL.Query()),
		headers.String(), strings.Join(signed, ";"), emptyBodyHash,
	}, "\n")
}

// canonicalPath escapes each segment of the decoded path and ends in a slash. A slash
// in a document id is sent as %2F and signed as a slash: the gateway decodes before it
// splits, and so does the official SDK.
func canonicalPath(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = escape(s)
	}
	return strings.TrimSuffix(strings.Join(segments, "/"), "/") + "/"
}

// canonicalQuery is also what is sent. It sorts parameters by name, then value.
func canonicalQuery(v url.Values) string {
	for _, values := range v {
		slices.Sort(values)
	}
	return strings.ReplaceAll(v.Encode(), "+", "%20")
}

// escape leaves RFC 3986's unreserved characters and encodes every other byte. The gateway
// signs a plus sign as such, not as a space.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func hexHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
