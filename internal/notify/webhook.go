package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

const (
	// webhookEvery is the pace of a webhook. Only its receiver limits it.
	webhookEvery = 100 * time.Millisecond
	// maxEventDiff bounds the diff in an event, in characters of its JSON. Receivers often
	// accept no more than a megabyte.
	maxEventDiff = 256 << 10
)

// Webhook is a webhook of any system: it gets each change as JSON, signed as
// https://www.standardwebhooks.com specifies.
type Webhook struct {
	// URL and Key are called at each post, so that a rotated secret is used. Their results
	// are in no log, error or message.
	URL func() (string, error)
	Key func() ([]byte, error) // of the signature
}

func (Webhook) traits() traits { return traits{kind: "webhook", every: webhookEvery, structured: true} }

// compose drafts an event for each notice and each change.
func (Webhook) compose(ctx context.Context, b *batch) error {
	for i := range b.notices {
		d := &b.notices[i]
		body, title, err := b.write.noticeEvent(d.Notice)
		if err != nil {
			return err
		}
		b.put(coc.Draft{Message: coc.Message{Kind: coc.MessageNotice, Body: body, Text: title}, Claims: []int64{d.ID}})
	}
	for i := range b.changes {
		d := &b.changes[i]
		pair, err := b.contents(ctx, d.Change)
		if err != nil {
			return err
		}
		body, title, err := b.write.event(d.Change, pair)
		if err != nil {
			return err
		}
		b.put(coc.Draft{Message: coc.Message{Kind: coc.MessageRoot, Document: d.Change.Document, Body: body, Text: title}, Claims: []int64{d.ID}})
	}
	return nil
}

// event writes a change as JSON, masked and within the notifier's detail. title says the
// same in one line.
func (w *writer) event(c *coc.Change, pair contents) (body []byte, title string, err error) {
	c = w.maskNames(c)
	s := w.excerpt(c, pair)
	masked := *c
	for _, name := range []*string{&masked.By, &masked.Modifier, &masked.RiskLevel} {
		*name = w.mask.Words(*name)
	}
	n := fitting(s.patch, len(s.patch), maxEventDiff, weight)
	s.patch, s.cut = s.patch[:n], n < len(s.patch)
	body, err = s.event(&masked, w.heads[c.Account])
	return body, w.title(c) + " (" + idOf(c) + ")", err
}

// noticeEvent writes a notice as JSON.
func (w *writer) noticeEvent(n *coc.Notice) (body []byte, title string, err error) {
	masked := *n
	masked.Title, masked.Lines = w.mask.Words(n.Title), nil
	for _, l := range n.Lines {
		masked.Lines = append(masked.Lines, w.mask.Words(l))
	}
	body, err = noticeEvent(&masked, w.heads[""])
	return body, text.Line(masked.Title, maxHeader), err
}

func (h Webhook) post(ctx context.Context, c *client, m coc.Message) (receipt, error) {
	address, key, err := h.secrets()
	if err != nil {
		return receipt{}, err
	}
	id, at := eventID(m.Body), c.now().Unix()
	res, err := c.post(ctx, address, "application/json", m.Body, "User-Agent", "cocsync", "webhook-id", id,
		"webhook-timestamp", strconv.FormatInt(at, 10), "webhook-signature", sign(key, id, at, m.Body))
	if err != nil || res.status >= 200 && res.status < 300 {
		return receipt{}, err
	}
	return receipt{}, h.classify(res)
}

// secrets returns the URL and the key of the signature. The error is a *refusal.
func (h Webhook) secrets() (address string, key []byte, err error) {
	if address, err = h.URL(); err != nil {
		return "", nil, secretUnreadable("URL", err)
	}
	if key, err = h.Key(); err != nil {
		return "", nil, secretUnreadable("secret", err)
	}
	return address, key, nil
}

// eventID returns the id of an event. It is computed from the body, which is frozen: a
// repeat has the id of the first.
func eventID(body []byte) string {
	sum := sha256.Sum256(body)
	return "msg_" + hex.EncodeToString(sum[:12])
}

// sign returns the value of the header webhook-signature.
func sign(key []byte, id string, at int64, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", id, at, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// classify reads the status only: the receiver can be any program.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func (Webhook) classify(res response) *refusal {
	r := &refusal{class: channel, why: fmt.Sprintf("status %d %s", res.status, http.StatusText(res.status)),
		fix: "check url and secret in the config, and the receiver's log"}
	switch status := res.status; {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && res.retryAfter > 0:
		r.class, r.fix, r.wait = limited, "", res.retryAfter
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		r.class, r.fix = serverError, ""
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		r.class = message
	case status == http.StatusGone:
		r.fix = "the receiver accepts no more events: remove the webhook from the config"
	case status < 400:
		r.fix = "redirects are not followed: give the address that it redirects to"
	}
	return r
}

func (h Webhook) check(context.Context, *client) (string, error) {
	_, _, err := h.secrets()
	return "", err
}
