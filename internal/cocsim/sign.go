package cocsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// The rules of Huawei Cloud's API gateway for signed requests, from the APIG
// reference, "Common Errors Related to IAM Authentication Information".
const (
	signAlgorithm = "SDK-HMAC-SHA256"
	signTime      = "20060102T150405Z"
	maxSkew       = 15 * time.Minute // between X-Sdk-Date and the gateway's clock
	maxFailures   = 5                // in a row; one more locks the key pair
	lockTime      = 5 * time.Minute
)

// gate checks signatures and locks the key pair after too many bad ones.
type gate struct {
	accessKey, secretKey, securityToken string
	now                                 func() time.Time

	mu          sync.Mutex
	failures    int // in a row
	lockedUntil time.Time
}

// check returns why r is refused, "" if it is accepted.
func (g *gate) check(r *http.Request, body []byte) string {
	if g.accessKey == "" {
		return ""
	}
	why, counts := g.verify(r, body)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now().Before(g.lockedUntil) {
		return "AK access failed to reach the limit,forbidden."
	}
	switch {
	case why == "":
		g.failures = 0
	case counts:
		g.failures++
		if g.failures > maxFailures {
			g.failures = 0
			g.lockedUntil = g.now().Add(lockTime)
		}
	}
	return why
}

// verify returns what is wrong with r's signature and whether that counts as a failure
// of the key pair.
func (g *gate) verify(r *http.Request, body []byte) (why string, counts bool) {
	auth := r.Header.Get("Authorization")
	if auth == "" {
		return "x-auth-token not found", false
	}
	fields, ok := authFields(auth)
	if !ok {
		return "authorization format is incorrect", false
	}
	if fields["Access"] != g.accessKey {
		return "Get secretKey failed,ak:" + fields["Access"] + ",err:ak not exist", false
	}
	signed := strings.Split(fields["SignedHeaders"], ";")
	if !slices.IsSorted(signed) || !slices.Contains(signed, "x-sdk-date") {
		return "verify aksk signature fail: SignedHeaders must be sorted and hold x-sdk-date", true
	}
	date := r.Header.Get("X-Sdk-Date")
	at, err := time.Parse(signTime, date)
	if err != nil {
		return "verify aksk signature fail: x-sdk-date format is incorrect", true
	}
	if skew := g.now().Sub(at).Abs(); skew > maxSkew {
		return "calc ak sk signature fail:signature expired", true
	}
	token := r.Header.Get("X-Security-Token")
	if token != g.securityToken || token != "" && !slices.Contains(signed, "x-security-token") {
		return "verify aksk signature fail: security token", true
	}
	want := signature(g.secretKey, date, canonicalRequest(r, signed, body))
	if !hmac.Equal([]byte(want), []byte(fields["Signature"])) {
		return "verify aksk signature fail", true
	}
	return "", false
}

// authFields parses "SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…".
func authFields(auth string) (map[string]string, bool) {
	rest, ok := strings.CutPrefix(auth, signAlgorithm+" ")
	if !ok {
		return nil, false
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || value == "" {
			return nil, false
		}
		fields[name] = value
	}
	return fields, len(fields) == 3 && fields["Access"] != "" &&
		fields["SignedHeaders"] != "" && fields["Signature"] != ""
}

// canonicalRequest is the text that is signed.
func canonicalRequest(r *http.Request, signed []string, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n")
	for segment := range strings.SplitSeq(strings.Trim(r.URL.Path, "/"), "/") {
		b.WriteString("/" + percent(segment))
	}
	if !strings.HasSuffix(b.String(), "/") {
		b.WriteByte('/')
	}
	b.WriteString("\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range signed {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		b.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	sum := sha256.Sum256(body)
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + hex.EncodeToString(sum[:]))
	return b.String()
}

// canonicalQuery sorts parameters by name, then value, and escapes both.
func canonicalQuery(query url.Values) string {
	for _, values := range query {
		slices.Sort(values)
	}
	return strings.ReplaceAll(query.Encode(), "+", "%20")
}

// percent escapes all except the unreserved characters of RFC 3986.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// signature signs a canonical request as of date.
func signature(secretKey, date, canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	mac := hmac.New(sha256.New, []byte(secretKey))
	mac.Write([]byte(signAlgorithm + "\n" + date + "\n" + hex.EncodeToString(sum[:])))
	return hex.EncodeToString(mac.Sum(nil))
}
