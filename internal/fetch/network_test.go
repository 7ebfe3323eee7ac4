package fetch

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// A gateway's error that quoted the request showed its signature, and secrets that
// were escaped or truncated.
func TestQuotedRequestIsHidden(t *testing.T) {
	kp := KeyPair{AccessKey: "AKEXAMPLE0123456789", SecretKey: "SKexample0123456789secret",
		SecurityToken: "TOKEN/example+0123456789abcdefghij=="}
	var auth, signature string
	for _, quote := range []func() string{
		func() string { return "header Authorization: " + auth },
		func() string { return "got Signature=" + signature[:20] },
		func() string { return "Signature%3D" + signature[:20] },
		func() string { return `{\"signature\": \"` + signature[:10] + `\"}` },
		func() string { return "expected another than " + signature },
		func() string { return "token " + url.QueryEscape(kp.SecurityToken) },
		func() string { return "token " + strings.ReplaceAll(kp.SecurityToken, "/", `\/`) },
		func() string { return "token " + kp.SecurityToken[:20] + "…" },
		func() string { return strings.Repeat("x", maxText-20) + kp.SecurityToken },
	} {
		for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusNotFound} {
			c, _ := newClient(func(_ int, r *http.Request) (*http.Response, error) {
				auth = r.Header.Get("Authorization")
				_, signature, _ = strings.Cut(auth, "Signature=")
				text, err := json.Marshal(quote())
				if err != nil || len(signature) != 64 {
					t.Errorf("Authorization %q: %v", auth, err)
				}
				return respond(status, `{"error_code":"COC.00010002","error_msg":`+string(text)+`}`), nil
			})
			c.Credentials = Static(kp)
			_, err := c.Get(t.Context(), "DM1", "", "")
			if err == nil {
				t.Fatal("no error")
			}
			for _, secret := range []string{signature, signature[:20], signature[:10], kp.AccessKey, "TOKEN/example",
				"TOKEN%2Fexample", `TOKEN\/example`} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q is shown in %q", secret, err)
				}
			}
		}
	}
	const id = "0123456789abcdef0123456789abcdef"
	if got := foreign(id+" failed to verify signature: bad", kp); got != id+" failed to verify signature: bad" {
		t.Errorf("foreign = %q", got)
	}
}

// A certificate of an unknown authority caused five requests, without a hint.
func TestUnknownAuthorityIsPermanent(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	c := &Client{Endpoint: s.URL, Credentials: Static(testKey)}
	_, err := c.Get(t.Context(), "DM1", "", "")
	if !errors.Is(err, coc.ErrMalformed) || !strings.Contains(hint.Of(err), "ca_file") || c.Requests() != 1 {
		t.Errorf("Get = %v (hint %q) after %d requests, want one request and a hint that names ca_file", err, hint.Of(err), c.Requests())
	}
	authorities := x509.NewCertPool()
	authorities.AddCert(s.Certificate())
	c = &Client{Endpoint: s.URL, Credentials: Static(testKey), RootCAs: authorities}
	if _, err = c.Get(t.Context(), "DM1", "", ""); err == nil || !strings.Contains(err.Error(), "HTTP 404") {
		t.Errorf("Get with the authority = %v, want the server's 404", err)
	}
	c = &Client{Endpoint: strings.Replace(s.URL, "127.0.0.1", "localhost", 1), Credentials: Static(testKey), RootCAs: authorities}
	if _, err = c.Get(t.Context(), "DM1", "", ""); !errors.Is(err, coc.ErrMalformed) || !strings.Contains(hint.Of(err), "another host") {
		t.Errorf("Get under another name = %v (hint %q)", err, hint.Of(err))
	}
}

// Each class of network error has its own hint.
func TestHints(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		body string
		want string
	}{
		{"refused", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "", "nothing listens there"},
		{"name", &net.DNSError{Err: "no such host", Name: "coc.invalid", IsNotFound: true}, "", "DNS"},
		{"proxy", &net.OpError{Op: "proxyconnect", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "", "the proxy cannot be reached"},
		{"proxy's password", &hint.ProxyError{Host: "proxy:1", Status: "407 Proxy Authentication Required", Code: 407}, "",
			"the password in HTTPS_PROXY"},
		{"HTML", nil, "<html>log in</html>", "login page"},
		{"nothing", nil, "", "login page"},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := newClient(func(int, *http.Request) (*http.Response, error) {
				if tt.err != nil {
					return nil, tt.err
				}
				return respond(200, tt.body), nil
			})
			_, err := c.Get(t.Context(), "DM1", "", "")
			if !strings.Contains(hint.Of(err), tt.want) {
				t.Errorf("%s: Get = %v with the hint %q, want %q", tt.name, err, hint.Of(err), tt.want)
			}
			if e := new(Error); errors.As(err, &e) && e.External != (tt.err == nil) {
				t.Errorf("%s: External is %v", tt.name, e.External)
			}
		})
	}
}
