package fetch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

const (
	// attemptTimeout bounds one request, its body included. COC responds in well under a
	// second.
	attemptTimeout = 30 * time.Second
	// maxPage bounds a page of the list: a hundred rows have about 50 KB.
	maxPage = 8 << 20
	// maxDocument bounds a document. Its content has at most 64 KB, which JSON's escapes
	// make 384 KB in the worst case, and it lists a hundred versions.
	maxDocument = 4 << 20
)

// request is what one call requests, the same at each attempt.
type request struct {
	op       string // for messages
	action   string // the IAM action it needs
	document string // "" for the list
	query    url.Values
	limit    int64 // of the body
}

// reply is an HTTP response with JSON and no error.
type reply struct {
	status   int
	root     envelope
	evidence coc.Evidence
	size     int64 // of the body
}

// send signs and sends one request and reads the response.
func (c *Client) send(ctx context.Context, q request, kp KeyPair) (reply, error) {
	timed, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	r := c.request(timed, q)
	sign(r, kp, c.now())
	c.sent.Add(1)
	resp, err := c.http.Do(r)
	var body []byte
	if err == nil {
		defer resp.Body.Close()
		body, err = readAll(resp, q.limit+1)
	}
	if err != nil {
		if ctx.Err() != nil {
			return reply{}, context.Cause(ctx)
		}
		return reply{}, broken(q, resp, err, kp)
	}
	return c.judge(q, resp, body, kp)
}

// readAll reads up to limit bytes of a body. A short body of known length fits in its buffer.
func readAll(resp *http.Response, limit int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(resp.ContentLength, 0), 64<<10)) + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(resp.Body, limit))
	return b.Bytes(), err
}

// request builds an unsigned request.
func (c *Client) request(ctx context.Context, q request) *http.Request {
	u := *c.base
	raw := u.EscapedPath() + "/v1/documents"
	u.Path += "/v1/documents"
	if q.document != "" {
		segment := escape(q.document)
		if segment == "." || segment == ".." { // a single . or .. would be a step up in the path
			segment = strings.ReplaceAll(segment, ".", "%2E")
		}
		raw += "/" + segment
		u.Path += "/" + q.document
	}
	u.RawPath = raw
	u.RawQuery = canonicalQuery(q.query)
	r := &http.Request{Method: http.MethodGet, URL: &u, Host: u.Host, Header: http.Header{
		"Accept":     {"application/json"},
		"User-Agent": {"cocsync"},
	}}
	return r.WithContext(ctx)
}

// broken is the error of an attempt without a complete response. A certificate that is
// not trusted makes it permanent.
func broken(q request, resp *http.Response, err error, kp KeyPair) error {
	e := &Error{Op: q.op, class: coc.ErrTemporary}
	if hint.Permanent(err) {
		e.class = coc.ErrMalformed
	}
	e.class = hint.Wrap(e.class, hint.Network(err))
	if resp != nil {
		e.Message = "the response was truncated: "
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // the rest repeats the URL
	}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Message = "no complete response in time"
		return e
	}
	e.Message += foreign(err.Error(), kp)
	return e
}

// judge returns the JSON of a response, or its error.
func (c *Client) judge(q request, resp *http.Response, body []byte, kp KeyPair) (reply, error) {
	a := reply{status: resp.StatusCode, size: int64(len(body))}
	a.evidence.RequestID = foreign(resp.Header.Get("X-Request-Id"), kp)
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		a.evidence.Date = date.UTC()
	}
	e := &Error{Op: q.op, Status: resp.StatusCode, RequestID: a.evidence.RequestID}
	root, isJSON := parse(body)
	e.External = !isJSON
	said := readFailure(root, resp.StatusCode)
	e.Code = foreign(said.code, kp)
	e.External = e.External || e.Code == "" && resp.StatusCode != http.StatusOK
	e.Message = strings.TrimSuffix(foreign(said.message, kp), ".")
	e.RequestID = cmp.Or(e.RequestID, foreign(said.requestID, kp))
	if e.class = classify(resp.StatusCode, said.code); e.class == nil {
		switch {
		case int64(len(body)) > q.limit:
			e.class, e.Message = coc.ErrMalformed, fmt.Sprintf("the response is longer than %d MiB, more than COC ever sends", q.limit>>20)
		case !isJSON:
			e.class = hint.Wrap(coc.ErrTemporary,
				"COC did not send this: check the endpoint in the config, and a proxy or the login page of a network in between")
			e.Message = "the response is not JSON: " + outline(body, kp)
		default:
			a.root = root
			return a, nil
		}
	}
	e.RetryAfter = retryAfter(resp.Header, c.now())
	e.window, e.pace = limitOf(said.message)
	switch {
	case e.is(coc.ErrUnauthorized):
		const advice = "check the access key and the secret key; they are paused for five minutes, because COC locks a key " +
			"pair that keeps failing"
		e.Note = cmp.Or(clockNote(c.now(), a.evidence.Date), advice)
	case e.is(coc.ErrForbidden):
		e.Action, e.Note = q.action, "the user needs the IAM action "+q.action
	case resp.StatusCode/100 == 3:
		e.Message = "redirected to " + target(resp, kp)
		e.Note = "redirects are not followed: check the endpoint"
	case e.Code == "" && e.Message == "":
		e.Message = outline(body, kp)
	}
	return reply{}, e
}

// target returns the host of a redirect.
func target(resp *http.Response, kp KeyPair) string {
	u, err := resp.Location()
	if err != nil {
		return "nowhere"
	}
	return foreign(u.Host, kp)
}

// outline describes a body without an error of COC's.
func outline(body []byte, kp KeyPair) string {
	text := bytes.TrimSpace(body)
	switch {
	case len(text) == 0:
		return "empty"
	case text[0] == '<':
		return "a page of HTML or XML, perhaps a proxy's or a load balancer's"
	}
	return foreign(string(text), kp)
}
