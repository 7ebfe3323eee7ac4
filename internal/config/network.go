package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"cocsync/internal/hint"
)

// maxCA bounds ca_file. The system's own bundles have about 200 KB.
const maxCA = 4 << 20

// RootCAs returns the certificate authorities that TLS clients trust: the system's
// and those of ca_file. It is nil, which means the system's, if no file is set.
func (c *Config) RootCAs() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	list, err := certificates(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("read the system's certificate authorities: %w", err), "check SSL_CERT_FILE and SSL_CERT_DIR")
	}
	for _, one := range list {
		pool.AddCert(one)
	}
	return pool, nil
}

// certificates reads the certificates of a file in PEM, at least one.
func certificates(path string) (list []*x509.Certificate, err error) {
	const advice = "write the path of a file of certificates in PEM (-----BEGIN CERTIFICATE-----), readable by cocsync's user"
	defer func() { err = hint.Wrap(err, advice) }()
	text, err := readFile(path, maxCA)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: certificate %d: %w", path, len(list)+1, err)
		}
		list = append(list, one)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no certificate", path)
	}
	return list, nil
}

// CheckProxy returns an error if the environment names a proxy that net/http
// would ignore: requests would then bypass it. The error does not show the value,
// which may contain a password.
func CheckProxy() error { return errors.Join(proxyErrors()...) }

func proxyErrors() (errs []error) {
	for _, names := range [][2]string{{"HTTPS_PROXY", "https_proxy"}, {"HTTP_PROXY", "http_proxy"}} {
		name := names[0]
		if os.Getenv(name) == "" {
			name = names[1]
		}
		if err := checkProxy(name, os.Getenv(name)); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// checkProxy checks one variable as golang.org/x/net/http/httpproxy reads it.
func checkProxy(name, value string) error {
	const advice = "write http://HOST:PORT, http://USER:PASSWORD@HOST:PORT or socks5://HOST:PORT; in the user and the " +
		"password write % as %25, @ as %40, : as %3A, / as %2F and # as %23"
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if (err != nil || u.Scheme == "" || u.Host == "") && !strings.Contains(value, "://") {
		u, err = url.Parse("http://" + value)
	}
	known := []string{"http", "https", "socks5", "socks5h"}
	switch {
	case err != nil || u.Hostname() == "":
		return hint.Wrap(fmt.Errorf("environment variable %s is not a valid address of a proxy", name), advice)
	case !slices.Contains(known, u.Scheme):
		return hint.Wrap(fmt.Errorf("environment variable %s has the unknown scheme %s", name, quote(u.Scheme)), advice)
	}
	return nil
}

// network checks what all connections share.
func (c *checker) network() {
	if _, err := c.cfg.RootCAs(); err != nil {
		c.fault("ca_file", err.Error(), hint.Of(err))
	}
	for _, err := range proxyErrors() {
		c.problems = append(c.problems, Problem{Fault: err.Error(), Hint: hint.Of(err)})
	}
}

const urlAdvice = "write https://…; plain http is accepted on loopback only"

// checkURL accepts https, and http on loopback, with nothing after the path.
// The error does not show the URL, which may hold a password.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err == nil && (u.RawQuery != "" || u.ForceQuery) {
		return hint.Wrap(errors.New("a user, query or fragment is not allowed in this URL"), urlAdvice)
	}
	return checkTarget(text)
}

// checkTarget is checkURL for a complete address: it may have a query.
func checkTarget(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return hint.Wrap(errors.New("this is not a valid URL"), urlAdvice)
	}
	if u.User != nil || u.Fragment != "" {
		return hint.Wrap(errors.New("a user or fragment is not allowed in this URL"), urlAdvice)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return hint.Wrap(errors.New("this URL is not https"), urlAdvice)
	}
	return nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// replacePlaceholders replaces each placeholder by the result of f.
func replacePlaceholders(text string, f func(string) string) string {
	return regexp.MustCompile(`\{[^{}]*\}`).ReplaceAllStringFunc(text, f)
}

// placeholders are replaced by parts of a change in the address of a page.
func placeholders() []string {
	return []string{"{account}", "{document_id}", "{name}", "{version}", "{change}"}
}

// checkLink checks the template of an address that people open: http or https,
// with placeholders only after the host, so that no document decides where a link
// leads. "" means no link.
func checkLink(text string) error {
	if text == "" {
		return nil
	}
	const advice = `write an address such as "https://example.com/changes/{change}", or "" for no link`
	known := placeholders()
	var unknown string
	filled := replacePlaceholders(text, func(p string) string {
		if !slices.Contains(known, p) && unknown == "" {
			unknown = p
		}
		return "x"
	})
	switch {
	case unknown != "":
		return hint.Wrap(fmt.Errorf("unknown placeholder %s", quote(unknown)),
			hint.OneOf(unknown, known))
	case strings.ContainsAny(filled, "{}"):
		return hint.Wrap(errors.New("a brace has no counterpart"),
			"placeholders are "+strings.Join(known, ", ")+"; write other braces as %7B and %7D")
	}
	u, err := url.Parse(filled)
	// A character that is not allowed in a URL would end a link in Slack early.
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsFunc(filled, notInURL) {
		return hint.Wrap(errors.New("this is not a valid http or https URL"), advice)
	}
	_, host, _ := strings.Cut(text, "://")
	if end := strings.IndexAny(host, "/?#"); end >= 0 {
		host = host[:end]
	}
	switch {
	case u.User != nil:
		return hint.Wrap(errors.New("a user is not allowed in this URL"), advice)
	case strings.Contains(host, "{"):
		return hint.Wrap(errors.New("a placeholder is not allowed in the host"), advice)
	}
	return nil
}

// notInURL reports whether a character must be escaped in a URL.
func notInURL(r rune) bool { return notInID(r) || strings.ContainsRune("<>\"\\^`|", r) }
