package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/hint"
	"cocsync/internal/mask"
)

const (
	// maxResponse bounds what is read of a response.
	maxResponse = 1 << 20
	// maxWait bounds the wait that a Retry-After can cause.
	maxWait = time.Hour
	// minRedacted is the length from which a query value of a secret URL is hidden in errors.
	minRedacted = 5
)

// client sends the requests of channels. Redirects are refused, because they would send
// the secret elsewhere, responses are bounded, and Retry-After becomes a whole number of
// seconds, the only form that slack-go reads.
type client struct {
	http http.Client
	now  func() time.Time
}

func (s *Sender) client() *client {
	c := &client{now: s.now}
	if s.HTTP != nil {
		c.http = *s.HTTP
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// Do sends one request.
func (c *client) Do(req *http.Request) (*http.Response, error) {
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, maxResponse), res.Body}
	if after := res.Header.Get("Retry-After"); after != "" {
		res.Header.Del("Retry-After")
		if d := retryAfter(after, res.Header.Get("Date")); d > 0 {
			res.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Seconds()))))
		}
	}
	return res, nil
}

// response is a response that was read completely.
type response struct {
	status     int // 0 if only a body is known
	body       string
	retryAfter time.Duration // 0 if it did not say
}

// post sends a body of a content type to an address, which may be secret. The error is a
// *refusal that does not contain it.
func (c *client) post(ctx context.Context, address, contentType string, body []byte, headers ...string) (response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil || req.URL.Host == "" {
		return response{}, &refusal{class: channel, why: "the URL is not valid", fix: "give cocsync the whole URL, with https://"}
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		return response{}, networkRefusal(err, address)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return response{}, networkRefusal(err, address)
	}
	return response{res.StatusCode, string(text), seconds(res.Header.Get("Retry-After"))}, nil
}

// networkRefusal is the refusal of an error that prevented a response. A retry does not
// fix an untrusted certificate: the channel is on hold until a person has fixed it.
func networkRefusal(err error, secret string) *refusal {
	r := &refusal{class: network, advice: hint.Network(err)}
	if hint.Permanent(err) {
		r.class, r.fix = channel, r.advice
	}
	// A *url.Error prints the URL, which for a webhook is the secret itself.
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		r.why = "no response within " + postTimeout.String()
	case errors.As(err, &dns):
		r.why = "look up the host's name: " + dns.Err
	default:
		r.why = redact(err.Error(), secret)
	}
	return r
}

// redact hides a secret in a text, also as it is written in a form or a path.
func redact(s, secret string) string {
	forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
	if u, err := url.Parse(secret); err == nil && u.Host != "" {
		if len(u.Path) > 1 {
			forms = append(forms, u.Path, u.EscapedPath())
		}
		forms = append(forms, u.RawQuery)
		for _, values := range u.Query() {
			forms = append(forms, slices.DeleteFunc(values, func(v string) bool { return len(v) < minRedacted })...)
		}
	}
	for _, f := range forms {
		if f != "" {
			s = strings.ReplaceAll(s, f, mask.Hidden)
		}
	}
	return s
}

// apiClient is a client for the Web API, which responds in JSON: anything else in a 200 is
// a *refusal. slack-go would report only where its JSON decoder stopped.
type apiClient struct{ *client }

// Do sends one request.
func (c apiClient) Do(req *http.Request) (*http.Response, error) {
	res, err := c.client.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		return res, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if text := bytes.TrimSpace(body); len(text) == 0 || text[0] != '{' || !json.Valid(text) {
		return nil, notSlack(text)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// retryAfter reads any form of the header: seconds, whole or not, or a date, which is
// relative to the response's own. The result is at least a second, or 0 if the header is
// not valid.
func retryAfter(after, date string) time.Duration {
	var d time.Duration
	if n, err := strconv.ParseFloat(strings.TrimSpace(after), 64); err == nil && !math.IsNaN(n) {
		d = time.Duration(max(0, min(n, maxWait.Seconds())) * float64(time.Second))
	} else if at, err := http.ParseTime(after); err == nil {
		from, err := http.ParseTime(date)
		if err != nil {
			return 0
		}
		d = at.Sub(from)
	} else {
		return 0
	}
	return max(time.Second, min(d, maxWait))
}

// seconds reads a Retry-After that Do has rewritten.
func seconds(s string) time.Duration {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
