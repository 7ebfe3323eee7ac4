package notify

import (
	"bytes"
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
	"cocsync/internal/hint"
)

// hookEvery is the pace of a webhook. Nobody but its owner limits it.
const hookEvery = 100 * time.Millisecond

// Hook is a webhook of whatever system: it gets each change as JSON, signed as
// https://www.standardwebhooks.com has it.
type Hook struct {
	URL func() (string, error)
	Key func() ([]byte, error) // of the signature
}

// postHook posts a frozen event once.
func (s *Sender) postHook(ctx context.Context, n *Notifier, m coc.Message) error {
	address, err := n.Hook.URL()
	if err != nil {
		return &refusal{class: later, why: "read the URL: " + err.Error(), advice: hint.Of(err)}
	}
	key, err := n.Hook.Key()
	if err != nil {
		return &refusal{class: later, why: "read the secret: " + err.Error(), advice: hint.Of(err)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(m.Body))
	if err != nil || req.URL.Host == "" {
		return &refusal{class: channel, why: "the url is no URL", fix: "write the whole address, with https://"}
	}
	id, at := eventID(m.Body), s.now().Unix()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "cocsync")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(at, 10))
	req.Header.Set("webhook-signature", sign(key, id, at, m.Body))
	got, err := s.send(req, address)
	if err != nil || got.status >= 200 && got.status < 300 {
		return err
	}
	return judgeHook(got)
}

// judgeHook reads a webhook's refusal. Its receiver may be anybody's, so only the
// status counts.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func judgeHook(got answer) *refusal {
	r := &refusal{class: channel, why: fmt.Sprintf("status %d %s", got.status, http.StatusText(got.status)),
		fix: "check url and secret in the config, and what the receiver says of it"}
	switch status := got.status; {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && got.retryAfter != "":
		r.class, r.fix, r.wait = limited, "", seconds(got.retryAfter)
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		r.class, r.fault, r.fix = later, true, ""
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		r.class = message
	case status == http.StatusGone:
		r.fix = "the receiver wants nothing more from here: take the webhook out of the config"
	case status < 400:
		r.fix = "redirects are not followed: give the address that it leads to"
	}
	return r
}

// eventID names an event. It comes from the body, which is frozen: a repeat has
// the id of the first.
func eventID(body []byte) string {
	sum := sha256.Sum256(body)
	return "msg_" + hex.EncodeToString(sum[:12])
}

// sign is the value of the header webhook-signature.
func sign(key []byte, id string, at int64, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", id, at, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
