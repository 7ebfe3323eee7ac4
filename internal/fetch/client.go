// Package fetch is the client of COC's document API: it signs, sends, paces,
// retries, reads and judges answers, and finds credentials.
//
// It knows nothing of the archive, and decides nothing about documents: what an
// answer means for a document's history is its caller's affair.
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

// defaultMaxWait lets a call sit out a limit of so many requests a minute, which
// is the commonest one, in four waits of a quarter of a minute.
const defaultMaxWait = 75 * time.Second

// Client talks to one account's endpoint. Its fields are set before the first
// call and not changed; all methods are safe for concurrent use. Whoever shares
// an account shares its Client, and with it the rate.
type Client struct {
	// Endpoint is https://host, or http://host on loopback alone.
	Endpoint string
	// Credentials is where key pairs come from; nil: DefaultChain.
	Credentials Source
	// HTTP sends the requests; nil: a client with timeouts. Its redirect policy
	// and cookies are not used: redirects are refused.
	HTTP *http.Client
	// RootCAs are the certificate authorities that are trusted; nil: the system's. They
	// are not used where HTTP is set.
	RootCAs *x509.CertPool
	// RPS is how many requests are sent in a second; 0: no limit.
	RPS float64
	// Connections is how many are kept open for the next request; 0 means 1.
	Connections int
	// Now is the wall clock; nil: time.Now. Waits are measured without it.
	Now func() time.Time
	// Log hears of retries and of what was skipped; nil: nobody does.
	Log *slog.Logger
	// MaxWait bounds the retrying of one call; 0 means 75 seconds. A quieter
	// time that COC asks for beyond it is not slept through: the error tells it.
	MaxWait time.Duration
	// Observe hears of each request that was sent, also of those of one call that was
	// repeated: what became of it, one of Outcomes, and how long that took. nil:
	// nobody hears.
	Observe func(outcome string, took time.Duration)

	once   sync.Once
	err    error // why the fields make no client
	base   *url.URL
	http   http.Client
	source Source
	log    *slog.Logger
	pace   pacer
	guard  guard
	sent   atomic.Int64
	served atomic.Int64
	bodies sync.Pool // of *bytes.Buffer
}

// List asks for the list of documents, all pages of it. See coc.List for a list
// that moved while it was read.
func (c *Client) List(ctx context.Context, s coc.Selection) (coc.List, error) {
	return c.list(ctx, s)
}

// Get asks for one document's version, "" for the newest. The answer says itself
// whose content it brings, which may be another version than was asked for.
func (c *Client) Get(ctx context.Context, documentID, version, documentType string) (coc.Answer, error) {
	op := fmt.Sprintf("get document %q", text.Truncate(documentID, maxText))
	if version != "" {
		op += " version " + text.Truncate(text.Visible(version), maxText)
	}
	if !plainName(documentID) {
		return coc.Answer{}, &Error{Op: op, Message: "this is no document id", class: coc.ErrRefused}
	}
	a, err := c.call(ctx, request{
		op: op, action: actionGet, limit: maxDocument, document: documentID,
		query: said(url.Values{"version": {version}, "document_type": {documentType}}),
	})
	if err != nil {
		return coc.Answer{}, err
	}
	answer, dropped, err := decodeDocument(a.root, documentID, version)
	if err != nil {
		return coc.Answer{}, &Error{Op: op, Status: a.status, Message: err.Error(), RequestID: a.evidence.RequestID, class: coc.ErrMalformed}
	}
	if dropped > 0 {
		c.log.Warn("unknown fields not kept: too long", "document", documentID, "bytes", dropped)
	}
	answer.Evidence = a.evidence
	c.done(a)
	return answer, nil
}

// Requests is how many requests were sent so far, retries included.
func (c *Client) Requests() int64 { return c.sent.Load() }

// Served is how many requests COC has served so far.
func (c *Client) Served() int64 { return c.served.Load() }

// KeyID names the key pair in use without telling it: the first eight bytes of
// a SHA-256 over both keys, in hexadecimal. A fixed secret key is another pair.
func (c *Client) KeyID(ctx context.Context) (string, error) {
	if err := c.setup(); err != nil {
		return "", err
	}
	kp, err := c.keyPair(ctx, "name the key pair")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(kp.AccessKey + "\x00" + kp.SecretKey))
	return hex.EncodeToString(sum[:8]), nil
}

// keyPair reads the credentials. Its error has the source's hint.
func (c *Client) keyPair(ctx context.Context, op string) (KeyPair, error) {
	kp, err := c.source.KeyPair(ctx)
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
	// The source's advice stays a hint: as a note it would stand in the text, and
	// who shows errors would add advice of his own to it.
	advice := foreign(strings.ReplaceAll(hint.Of(err), "\n", "; "), kp)
	return KeyPair{}, &Error{Op: op, Message: "read the credentials: " + foreign(err.Error(), kp), class: hint.Wrap(class, advice), held: true}
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

// parseEndpoint checks that an endpoint is one that secrets may be sent to. Its
// errors don't show the text, which may hold a password.
func parseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, errors.New("endpoint: not a URL such as https://coc.myhuaweicloud.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("endpoint: a user, query or fragment has no place in it")
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

// newTransport is net/http's, with an end to every wait.
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
		ReadBufferSize:         2 * usualBody, // most answers come in one read
		ForceAttemptHTTP2:      true,
	}
}

// said drops the parameters without a value.
func said(v url.Values) url.Values {
	for k := range v {
		if v.Get(k) == "" {
			v.Del(k)
		}
	}
	return v
}
