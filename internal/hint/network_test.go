package hint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

// Each class of network error has its own advice, also if it is wrapped, and only an
// error that no retry can fix is permanent.
func TestNetwork(t *testing.T) {
	for _, tt := range []struct {
		err       error
		want      string
		permanent bool
	}{
		{nil, "", false},
		{errors.New("x"), "", false},
		{os.NewSyscallError("connect", syscall.ECONNREFUSED), "nothing listens there", false},
		{os.NewSyscallError("connect", syscall.EHOSTUNREACH), "this machine's network", false},
		{&net.OpError{Op: "proxyconnect", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "the proxy cannot be reached", false},
		{&net.DNSError{Err: "no such host"}, "DNS", false},
		{context.DeadlineExceeded, "firewall", false},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "ca_file", true},
		{x509.UnknownAuthorityError{}, "ca_file", true},
		{&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}}}, "another host", true},
		{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}, "clock", true},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "does not speak TLS", false},
		{&ProxyError{Code: 407}, "the password in HTTPS_PROXY", true},
		{&ProxyError{Code: 403}, "NO_PROXY", true},
		{&ProxyError{Code: 502}, "NO_PROXY", false},
	} {
		err := tt.err
		for range 2 {
			if got := Network(err); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("Network(%v) = %q, want %q", err, got, tt.want)
			}
			if got := Permanent(err); got != tt.permanent {
				t.Errorf("Permanent(%v) = %v, want %v", err, got, tt.permanent)
			}
			if tt.err != nil {
				err = &url.Error{Op: "Get", URL: "https://x", Err: fmt.Errorf("dial: %w", tt.err)}
			}
		}
	}
}

// net/http reports a proxy that refuses with only the text of its status.
func TestOnProxyConnect(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(address), OnProxyConnectResponse: OnProxyConnect}
	defer transport.CloseIdleConnections()
	_, err = (&http.Client{Transport: transport}).Get("https://coc.example.com/")
	if err == nil || !strings.Contains(err.Error(),
		"the proxy "+address.Host+" returned 407 Proxy Authentication Required") || !Permanent(err) {
		t.Errorf("Get through a proxy that refuses = %v", err)
	}
}
