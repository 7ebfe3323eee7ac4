package hint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"syscall"
)

// ProxyError is a proxy that refuses to connect. net/http would report only the text
// of its status.
type ProxyError struct {
	Host   string
	Status string // such as "407 Proxy Authentication Required"
	Code   int
}

func (e *ProxyError) Error() string { return "the proxy " + e.Host + " returned " + e.Status }

// OnProxyConnect is an http.Transport's OnProxyConnectResponse that returns a
// *ProxyError for a refusal.
func OnProxyConnect(_ context.Context, proxy *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{proxy.Host, res.Status, res.StatusCode}
}

// Permanent reports whether retrying cannot fix a connection error: the server's
// certificate is not trusted, or the proxy denies access.
func Permanent(err error) bool {
	if p, ok := errors.AsType[*ProxyError](err); ok {
		return p.Code == http.StatusProxyAuthRequired || p.Code == http.StatusForbidden
	}
	return errors.As(err, new(*tls.CertificateVerificationError)) || untrusted(err)
}

func untrusted(err error) bool {
	return errors.As(err, new(x509.UnknownAuthorityError)) || errors.As(err, new(x509.HostnameError)) ||
		errors.As(err, new(x509.CertificateInvalidError))
}

// Network returns how to fix an error of net/http without a response; "" if its class
// is unknown.
func Network(err error) string {
	var invalid x509.CertificateInvalidError
	var proxy *ProxyError
	var op *net.OpError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &proxy) && proxy.Code == http.StatusProxyAuthRequired:
		return "check the user and the password in HTTPS_PROXY"
	case errors.As(err, &proxy):
		return "check HTTPS_PROXY and whether the proxy allows this host; NO_PROXY lists hosts that bypass it"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate is not valid now: check this machine's clock, or have the certificate renewed"
	case errors.As(err, new(x509.HostnameError)):
		return "the server's certificate is for another host: check the address in the config, and a proxy in between"
	case Permanent(err):
		return "the authority that signed the server's certificate is unknown here: if it is your company's, such as that " +
			"of a proxy that reads TLS, set ca_file in the config to its certificate"
	case errors.As(err, new(tls.RecordHeaderError)):
		return "the server does not speak TLS: check the address and its port in the config, and HTTPS_PROXY"
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "the proxy cannot be reached: check HTTPS_PROXY"
	case errors.As(err, new(*net.DNSError)):
		return "check the host name in the config, and DNS on this machine; behind a proxy set HTTPS_PROXY"
	case errors.Is(err, syscall.ECONNREFUSED), runtime.GOOS == "windows" && errors.Is(err, connectionRefused):
		return "nothing listens there: check the host and the port in the config; behind a proxy set HTTPS_PROXY"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "check this machine's network; behind a proxy set HTTPS_PROXY"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return "check this machine's network and firewall; behind a proxy set HTTPS_PROXY"
	}
	return ""
}

// connectionRefused is Windows' WSAECONNREFUSED, which is not syscall.ECONNREFUSED.
const connectionRefused = syscall.Errno(10061)

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}
