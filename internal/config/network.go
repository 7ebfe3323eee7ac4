package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
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
func CheckProxy() error {
	var errs []error
	for _, names := range [][2]string{{"HTTPS_PROXY", "https_proxy"}, {"HTTP_PROXY", "http_proxy"}} {
		name := names[0]
		if os.Getenv(name) == "" {
			name = names[1]
		}
		errs = append(errs, checkProxy(name, os.Getenv(name)))
	}
	return errors.Join(errs...)
}

// checkProxy checks one variable as golang.org/x/net/http/httpproxy reads it.
func checkProxy(name, value string) error {
	const advice = "write http://HOST:PORT, http://USER:PASSWORD@HOST:PORT or socks5://HOST:PORT; in the user and the password write % as %25, @ as %40, : as %3A, / as %2F and # as %23"
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
	if c.cfg.CAFile != "" {
		if _, err := c.cfg.RootCAs(); err != nil {
			c.fault("ca_file", err.Error(), hint.Of(err))
		}
	}
	if err := CheckProxy(); err != nil {
		for _, one := range unjoin(err) {
			c.problems = append(c.problems, Problem{Fault: one.Error(), Hint: hint.Of(one)})
		}
	}
}

// unjoin returns the errors of errors.Join.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
