package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"

	"cocsync/internal/coc"
	"cocsync/internal/config"
	"cocsync/internal/fetch"
	"cocsync/internal/hint"
)

// network returns the certificate authorities of ca_file, or nil for the system's. It fails
// if net/http would bypass the proxy set in the environment.
func network(cfg *config.Config) (*x509.CertPool, error) {
	if err := config.CheckProxy(); err != nil {
		return nil, err
	}
	return cfg.RootCAs()
}

// postClient returns the HTTP client for Slack and webhooks.
func postClient(authorities *x509.CertPool) *http.Client {
	t := &http.Transport{}
	if d, ok := http.DefaultTransport.(*http.Transport); ok {
		t = d.Clone()
	}
	t.OnProxyConnectResponse = hint.OnProxyConnect
	if authorities != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: authorities}
	}
	return &http.Client{Transport: t}
}

// adviceOn returns the hint for a failed request to COC, by the class of the error; "" if
// the class is unknown.
func adviceOn(err error) string {
	e, ok := errors.AsType[*fetch.Error](err)
	switch {
	case !ok:
		return ""
	case errors.Is(err, coc.ErrUnauthorized):
		return "check access_key, secret_key and, for temporary keys, security_token of the account, and this machine's clock"
	case errors.Is(err, coc.ErrForbidden) && e.External:
		return "this response is not from COC: check the endpoint in the config, and whether a proxy or a firewall refuses the request"
	case errors.Is(err, coc.ErrForbidden):
		return "grant the user of this key the IAM action " + e.Action
	case errors.Is(err, coc.ErrNotFound):
		return "check the document's ID in the config: COC has no such document"
	case e.Status == http.StatusTooManyRequests:
		return "COC limits requests: wait a few minutes, and lower requests_per_second if it happens again"
	case e.Status/100 == 3, e.Status == http.StatusNotFound, e.External && e.Status > 0 && e.Status < 500:
		return "check the endpoint or the region in the config: the response may be from another service"
	case e.Status >= 500:
		return "COC or its gateway fails: try again in a few minutes"
	case errors.Is(err, coc.ErrTemporary):
		return "check network, proxy and DNS of this machine, and the endpoint or region in the config"
	}
	return ""
}
