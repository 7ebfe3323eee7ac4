package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/coc"
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
		return &refusal{class: later, why: "read the URL: " + err.Error()}
	}
	key, err := n.Hook.Key()
	if err != nil {
		return &refusal{class: later, why: "read the secret: " + err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(m.Body))
	if err != nil || req.URL.Host == "" {
		return &refusal{class: channel, why: "the url is no URL", mend: "write the whole address, with https://"}
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
		mend: "check url and secret in the config, and what the receiver says of it"}
	switch status := got.status; {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && got.retryAfter != "":
		r.class, r.mend, r.wait = limited, "", seconds(got.retryAfter)
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		r.class, r.fault, r.mend = later, true, ""
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		r.class = message
	case status == http.StatusGone:
		r.mend = "the receiver wants nothing more from here: take the webhook out of the config"
	case status < 400:
		r.mend = "redirects are not followed: give the address that it leads to"
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

// eventSchema is the number of the form of an event: docs/events.md.
const eventSchema = 1

// event is the body of a webhook's request.
type event struct {
	Schema    int       `json:"schema"`
	Type      string    `json:"type"` // change.version, notice.trouble
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

type changeData struct {
	ID         int64      `json:"id"`
	Kind       coc.Kind   `json:"kind"`
	Account    string     `json:"account"`
	DocumentID string     `json:"document_id"`
	Name       string     `json:"name"`
	Version    *string    `json:"version"`
	Previous   *string    `json:"previous"`
	MadeAt     *time.Time `json:"made_at"`
	SeenAt     time.Time  `json:"seen_at"`
	By         *string    `json:"by"`
	Modifier   *string    `json:"modifier"`
	RiskLevel  *string    `json:"risk_level"`
	Added      int        `json:"added"`
	Removed    int        `json:"removed"`
	Summary    string     `json:"summary"`
	Note       string     `json:"note"`
	Backfill   bool       `json:"backfill"`
	Late       bool       `json:"late"`
	Items      []itemData `json:"items"`
	More       int        `json:"more"` // differences that are not in items
	Diff       *string    `json:"diff"`
	DiffWhole  bool       `json:"diff_whole"`
}

type itemData struct {
	Op   string  `json:"op"`
	Path string  `json:"path"`
	Step string  `json:"step"`
	Task string  `json:"task"`
	Old  *string `json:"old"` // null: not told
	New  *string `json:"new"`
}

type noticeData struct {
	ID    int64          `json:"id"`
	Kind  coc.NoticeKind `json:"kind"`
	Watch string         `json:"watch"`
	Title string         `json:"title"`
	Lines []string       `json:"lines"`
}

// maxHookDiff bounds the diff in an event, in characters of its JSON. Receivers often
// take no more than a megabyte.
const maxHookDiff = 256 << 10

// event drafts the event of one change.
func (l *lane) event(ctx context.Context, out *draft, t telling) error {
	pair, err := l.contents(ctx, t.Change)
	if err != nil {
		return err
	}
	m := coc.Message{Kind: coc.MessageRoot, Document: t.Change.Document}
	if m.Body, m.Text, err = l.write.event(t.Change, pair); err != nil {
		return err
	}
	out.put(m, t.ID)
	return nil
}

// event writes a change as JSON, masked and as detailed as the notifier is told.
// text says the same in a line.
func (w *writer) event(c *coc.Change, pair contents) (body []byte, text string, err error) {
	c = w.veil(c)
	s := w.content(c, pair)
	d := changeData{ID: c.ID, Kind: c.Kind, Account: c.Account, DocumentID: c.DocumentID, Name: c.Name,
		Version: orNull(c.Version), Previous: orNull(c.Previous), SeenAt: c.SeenAt.UTC(),
		By: orNull(w.mask.shaped(c.By)), Modifier: orNull(w.mask.shaped(c.Modifier)), RiskLevel: orNull(w.mask.shaped(c.RiskLevel)),
		Added: c.Added, Removed: c.Removed, Summary: s.summary, Backfill: c.Backfill, Late: c.Late, Items: []itemData{}, More: s.more, DiffWhole: true}
	if !c.MadeAt.IsZero() {
		at := c.MadeAt.UTC()
		d.MadeAt = &at
	}
	for i, n := range s.notes {
		if i > 0 {
			d.Note += " "
		}
		d.Note += n
	}
	for i := range s.items {
		it := &s.items[i]
		item := itemData{Op: it.Op, Path: it.Path, Step: it.Step, Task: it.Task}
		if it.values {
			item.Old, item.New = &it.Old, &it.New
		}
		d.Items = append(d.Items, item)
	}
	if len(s.patch) > 0 {
		var b strings.Builder
		room := maxHookDiff
		for _, l := range s.patch {
			if room -= weight(l); room < 0 {
				d.DiffWhole = false
				break
			}
			b.WriteString(l)
			b.WriteByte('\n')
		}
		diff := b.String()
		d.Diff = &diff
	}
	body, err = json.Marshal(event{eventSchema, "change." + string(c.Kind), c.SeenAt.UTC(), d})
	return body, w.title(c) + " (" + idOf(c) + ")", err
}

// noticeEvent writes a notice as JSON.
func (w *writer) noticeEvent(n *coc.Notice) (body []byte, text string, err error) {
	d := noticeData{ID: n.ID, Kind: n.Kind, Watch: n.Watch, Title: w.mask.shaped(n.Title), Lines: []string{}}
	for _, l := range n.Lines {
		d.Lines = append(d.Lines, w.mask.shaped(l))
	}
	body, err = json.Marshal(event{eventSchema, "notice." + string(n.Kind), n.At.UTC(), d})
	return body, line(w.mask.shaped(n.Title), maxHeader), err
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
