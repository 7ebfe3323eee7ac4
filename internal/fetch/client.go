// Package fetch is the client of COC's document API: it finds credentials, signs,
// sends, limits the rate, retries, and reads and classifies responses.
//
// It knows nothing of the archive and decides nothing about documents: the caller
// decides what a response means for a document's history.
package fetch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// The IAM actions that the two calls need.
const (
	actionList = "coc:document:listDocument"
	actionGet  = "coc:document:getDocument"
)

// maxName bounds document ids and version labels, in bytes. COC's are below 40.
const maxName = 256

// defaultMaxWait lets a call outlast the most common limit, a number of requests a
// minute, in four waits of a quarter of a minute.
const defaultMaxWait = 75 * time.Second

// Client calls one account's endpoint. Its fields are set before the first call and
// not changed; all methods are safe for concurrent use. All callers of an account
// share its Client, and so its rate.
type Client struct {
	// Endpoint is https://host, or http://host on loopback only.
	Endpoint string
	// Credentials is the source of key pairs; nil: DefaultChain.
	Credentials Source
	// HTTP sends the requests; nil: a client with timeouts. Its redirect policy
	// and cookies are not used: redirects are refused.
	HTTP *http.Client
	// RootCAs are the trusted certificate authorities; nil: the system's. They are not
	// used if HTTP is set.
	RootCAs *x509.CertPool
	// RPS is the number of requests a second; 0: no limit.
	RPS float64
	// Connections is how many connections are kept open for later requests; 0 means 1.
	Connections int
	// Now is the wall clock; nil: time.Now. Waits are measured with the monotonic clock.
	Now func() time.Time
	// Log receives retries and skipped rows; nil: nothing is logged.
	Log *slog.Logger
	// MaxWait bounds the retries of one call; 0 means 75 seconds. If COC asks for a
	// longer pause, the call does not wait for its end: the error has it.
	MaxWait time.Duration
	// Observe is called after each request, retries included, with its outcome, one of
	// Outcomes, and its duration. It may be nil.
	Observe func(outcome string, took time.Duration)

	once   sync.Once
	err    error // set if the fields are not valid
	base   *url.URL
	http   http.Client
	source Source
	log    *slog.Logger
	pace   pacer
	guard  guard
	sent   atomic.Int64
	served atomic.Int64
}

// Get requests one version of a document, "" for the newest. The response says whose
// content it has, which may be another version than was requested.
func (c *Client) Get(ctx context.Context, documentID, version, documentType string) (coc.Response, error) {
	op := fmt.Sprintf("get document %q", text.Truncate(documentID, maxText))
	if version != "" {
		op += " version " + text.Truncate(text.Visible(version), maxText)
	}
	if !plainName(documentID) {
		return coc.Response{}, &Error{Op: op, Message: "not a valid document id", class: coc.ErrRefused}
	}
	a, err := c.call(ctx, request{
		op: op, action: actionGet, limit: maxDocument, document: documentID,
		query: withoutEmpty(url.Values{"version": {version}, "document_type": {documentType}}),
	})
	if err != nil {
		return coc.Response{}, err
	}
	answer, dropped, err := decodeDocument(a.root, documentID, version)
	if err != nil {
		return coc.Response{}, &Error{Op: op, Status: a.status, Message: err.Error(), RequestID: a.evidence.RequestID, class: coc.ErrMalformed}
	}
	if dropped > 0 {
		c.log.Warn("unknown fields not kept: too long", "document", documentID, "bytes", dropped)
	}
	answer.Evidence = a.evidence
	return answer, nil
}

// Requests returns the number of requests sent so far, retries included.
func (c *Client) Requests() int64 { return c.sent.Load() }

// Served returns the number of requests that COC has served so far.
func (c *Client) Served() int64 { return c.served.Load() }

// KeyID identifies the key pair in use without revealing it: the first eight bytes of
// a SHA-256 over both keys, in hexadecimal. Another secret key makes another id.
func (c *Client) KeyID(ctx context.Context) (string, error) {
	if err := c.setup(); err != nil {
		return "", err
	}
	kp, err := c.keyPair(ctx, "identify the key pair", KeyPair{})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(kp.AccessKey + "\x00" + kp.SecretKey))
	return hex.EncodeToString(sum[:8]), nil
}

// keyPair reads the credentials; refused is the pair that COC has just refused. Its error has
// the source's hint.
func (c *Client) keyPair(ctx context.Context, op string, refused KeyPair) (KeyPair, error) {
	kp, err := c.source(ctx, refused)
	if err == nil {
		err = kp.check()
	}
	if err == nil {
		return kp, nil
	}
	if ctx.Err() != nil {
		return KeyPair{}, context.Cause(ctx)
	}
	class := coc.ErrUnauthorized
	if errors.Is(err, coc.ErrTemporary) {
		class = coc.ErrTemporary
	}
	// The source's advice stays a hint: in the message it would be shown next to the
	// caller's own advice.
	advice := foreign(strings.ReplaceAll(hint.Of(err), "\n", "; "), kp)
	return KeyPair{}, &Error{Op: op, Message: "read the credentials: " + foreign(err.Error(), kp),
		class: hint.Wrap(class, advice), final: true}
}

// setup prepares the client at its first call.
func (c *Client) setup() error {
	c.once.Do(func() {
		c.base, c.err = parseEndpoint(c.Endpoint)
		c.log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
		if c.source = c.Credentials; c.source == nil {
			c.source = DefaultChain()
		}
		c.http = http.Client{Transport: newTransport(c.Connections, c.RootCAs)}
		if c.HTTP != nil {
			c.http = *c.HTTP
		}
		c.http.Jar = nil
		c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		c.pace.start(c.RPS, max(1, c.Connections))
	})
	return c.err
}

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c *Client) maxWait() time.Duration { return cmp.Or(max(0, c.MaxWait), defaultMaxWait) }

// parseEndpoint checks that secrets may be sent to an endpoint. Its errors do not show
// the text, which may contain a password.
func parseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, errors.New("endpoint: not a URL such as https://coc.myhuaweicloud.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("endpoint: a user, query or fragment is not allowed")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("endpoint http://%s: plain http is accepted on loopback only; use https", u.Host)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("endpoint %s://%s: use https", u.Scheme, u.Host)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// newTransport returns net/http's transport with a timeout for every wait.
func newTransport(connections int, authorities *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: hint.OnProxyConnect,
		TLSClientConfig:        &tls.Config{RootCAs: authorities},
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  attemptTimeout,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    max(1, connections),
		MaxResponseHeaderBytes: 64 << 10,
		ReadBufferSize:         16 << 10, // enough for most responses
		ForceAttemptHTTP2:      true,
	}
}

// withoutEmpty drops the parameters without a value.
func withoutEmpty(v url.Values) url.Values {
	for k := range v {
		if v.Get(k) == "" {
			v.Del(k)
		}
	}
	return v
}
