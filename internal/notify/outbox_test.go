package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
)

// memory is an Outbox as the archive's is, without a file.
type memory struct {
	head       coc.Head
	headsOf    []string // the accounts of which heads were requested
	logs       []coc.Head
	noLogs     error // why there are no logs
	mu         sync.Mutex
	deliveries []*owed
	messages   []*coc.Message
	claims     map[int64][]int64 // by message
	holds      map[string]hold
	contents   map[coc.Key]contents // by change
	broken     error                // what Contents fails with
	full       int                  // so many calls of RecordAttempt fail
	closed     map[int64]bool       // whose thread was deleted
	quiets     map[string]time.Time
}

type owed struct {
	coc.Delivery
	state string
}

type hold struct {
	reason string
	until  time.Time
}

func (o *memory) Due(_ context.Context, notifier string, now time.Time, kinds []coc.Kind, limit int) (list []coc.Delivery, _ error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	passes := map[coc.Key]bool{} // documents with a later change of these kinds
	for _, d := range slices.Backward(o.deliveries) {
		if d.Notifier != notifier || d.state != "waiting" || d.DueAt.After(now) {
			continue
		}
		if c := d.Change; c != nil && kinds != nil {
			if passes[c.Document] = passes[c.Document] || slices.Contains(kinds, c.Kind); !passes[c.Document] {
				continue
			}
		}
		list = append(list, d.Delivery)
	}
	slices.Reverse(list)
	return list[:min(limit, len(list))], nil
}

func (o *memory) Freeze(_ context.Context, b coc.Batch, now time.Time) (ids []int64, _ error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	stored := map[*coc.Draft]int64{}
	for _, draft := range b.Drafts {
		m := draft.Message
		if draft.ReplyTo != nil {
			m.Parent = stored[draft.ReplyTo]
		}
		m.ID = int64(len(o.messages) + 1)
		m.State, m.CreatedAt, m.NextAt = coc.Waiting, now, now
		o.messages = append(o.messages, &m)
		if o.claims == nil {
			o.claims = map[int64][]int64{}
		}
		o.claims[m.ID] = draft.Claims
		for _, id := range draft.Claims {
			if o.deliveries[id-1].state != "waiting" {
				return nil, fmt.Errorf("delivery %d is claimed twice", id)
			}
			o.deliveries[id-1].state = "claimed"
		}
		stored[draft] = m.ID
		ids = append(ids, m.ID)
	}
	for _, id := range b.Drop {
		o.deliveries[id-1].state = "dropped"
	}
	for _, a := range b.Recipients {
		for _, n := range append(slices.Clone(a.Routed), a.FromWatches...) {
			at := slices.IndexFunc(o.deliveries, func(d *owed) bool { return d.Notifier == n && d.Change != nil && d.Change.Key == a.Change })
			switch routed := slices.Contains(a.Routed, n); {
			case at >= 0 && o.deliveries[at].state == "dropped" && (routed || !o.deliveries[at].Routed):
				o.deliveries[at].state = "waiting"
			case at < 0 && routed:
				c := slices.IndexFunc(o.deliveries, func(d *owed) bool { return d.Change != nil && d.Change.Key == a.Change })
				o.deliveries = append(o.deliveries, &owed{coc.Delivery{ID: int64(len(o.deliveries) + 1), Notifier: n, DueAt: now,
					Routed: true, Change: o.deliveries[c].Change}, "waiting"})
			}
		}
	}
	return ids, nil
}

func (o *memory) Next(_ context.Context, notifier string, now time.Time) (_ coc.Message, ok bool, wake time.Time, _ error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	busy := map[string]bool{} // documents and watches with an earlier unsent message
	for _, m := range o.messages {
		if m.Notifier != notifier || m.State != coc.Waiting {
			continue
		}
		documents := o.documents(m.ID)
		waits := false
		if m.Parent != 0 {
			up := o.messages[m.Parent-1]
			waits = up.State == coc.Waiting
			if up.Parent != 0 {
				up = o.messages[up.Parent-1]
			}
			m.ThreadChannel, m.ThreadTS = up.Channel, up.TS
		}
		if !waits && !m.NextAt.After(now) && !slices.ContainsFunc(documents, func(d string) bool { return busy[d] }) {
			return *m, true, time.Time{}, nil
		}
		for _, d := range documents {
			busy[d] = true
		}
		if wake.IsZero() || m.NextAt.Before(wake) {
			wake = m.NextAt
		}
	}
	for _, d := range o.deliveries {
		if d.Notifier == notifier && d.state == "waiting" && (wake.IsZero() || d.DueAt.Before(wake)) {
			wake = d.DueAt
		}
	}
	return coc.Message{}, false, wake, nil
}

func (o *memory) documents(message int64) (list []string) {
	for _, id := range o.claims[message] {
		if c := o.deliveries[id-1].Change; c != nil {
			list = append(list, fmt.Sprint(c.Document))
		} else {
			list = append(list, "watch "+o.deliveries[id-1].Notice.Watch)
		}
	}
	return list
}

func (o *memory) RecordAttempt(ctx context.Context, m coc.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if o.full > 0 {
		o.full--
		return errors.New("disk full")
	}
	if m.State == coc.Sent && m.Kind == coc.MessageRoot && m.Parent != 0 {
		o.closed[m.Parent] = true
		m.Parent = 0
	}
	*o.messages[m.ID-1] = m
	if m.State != coc.Waiting {
		for _, id := range o.claims[m.ID] {
			o.deliveries[id-1].state = string(m.State)
		}
	}
	return nil
}

func (o *memory) Held(_ context.Context, notifier string) (string, time.Time, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.holds[notifier].reason, o.holds[notifier].until, nil
}

func (o *memory) Hold(_ context.Context, notifier, reason string, until time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.holds == nil {
		o.holds = map[string]hold{}
	}
	o.holds[notifier] = hold{reason, until}
	if reason == "" {
		delete(o.holds, notifier)
	}
	return nil
}

func (o *memory) Contents(_ context.Context, change coc.Key) (old, now []byte, _ error) {
	return o.contents[change].old, o.contents[change].now, o.broken
}

func (o *memory) Pause(_ context.Context, notifier string, why coc.PauseReason, until time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if why == coc.PauseRateLimit {
		notifier = "asked " + notifier
	}
	o.quiets[notifier] = until
	return nil
}

func (o *memory) quietUntil(notifier string) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.quiets[notifier]
}

func (o *memory) PausedUntil(_ context.Context, notifier string) (time.Time, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.quiets["asked "+notifier], nil
}

func (o *memory) Retrying(_ context.Context, notifier string) (list []coc.Message, _ error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.messages {
		if m.Notifier == notifier && m.State == coc.Waiting && m.Attempts > 0 {
			list = append(list, *m)
		}
	}
	return list, nil
}

func (o *memory) Thread(_ context.Context, notifier string, document coc.Key, channel string, since time.Time) (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.messages {
		if m.Notifier == notifier && m.Document == document && m.Kind == coc.MessageRoot && m.CreatedAt.After(since) && m.State != coc.Failed &&
			!o.closed[m.ID] && (channel == "" || m.Channel == "" || m.Channel == channel) {
			return m.ID, nil
		}
	}
	return 0, nil
}

// queue adds changes to the outbox, due now.
func (o *memory) queue(notifier string, changes ...*coc.Change) {
	for _, c := range changes {
		o.add(coc.Delivery{Notifier: notifier, DueAt: time.Now(), Change: c})
	}
}

func (o *memory) add(d coc.Delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d.ID = int64(len(o.deliveries) + 1)
	o.deliveries = append(o.deliveries, &owed{d, "waiting"})
}

// message returns a message as it is stored now.
func (o *memory) message(id int) coc.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return *o.messages[id-1]
}

func (o *memory) states() (list []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.deliveries {
		list = append(list, d.state)
	}
	return list
}

// wire answers requests by a handler in the same goroutine, so that time may be
// fake. The hook may fail a request on its way.
type wire struct {
	http.Handler
	hook func(*http.Request) error
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.hook != nil {
		if err := w.hook(r); err != nil {
			return nil, err
		}
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

const (
	testToken   = "xoxb-1234567890-9876543210-SeCrEtSeCrEtSeCrEt"
	testChannel = "C0123456789"
	testHook    = "https://hooks.slack.com/services/T0000/B0000/SeCrEtSeCrEtSeCrEt"
)

// bench is a Sender with everything around it.
type bench struct {
	*Sender
	out   *memory
	slack *cocsim.Slack
	wire  *wire
	logs  *bytes.Buffer
}

// setUp makes a Sender to a Slack. Without notifiers it has ops, by token.
func setUp(t testing.TB, notifiers ...Notifier) *bench {
	t.Helper()
	if len(notifiers) == 0 {
		notifiers = []Notifier{byToken("ops", testChannel)}
	}
	s := cocsim.NewSlack(cocsim.SlackOptions{Token: testToken, Channels: []string{testChannel, "C0OTHER"},
		WebhookPath: "/services/T0000/B0000/SeCrEtSeCrEtSeCrEt", EnforceRate: true})
	w := &wire{Handler: s}
	out := &memory{contents: map[coc.Key]contents{}, closed: map[int64]bool{}, quiets: map[string]time.Time{}}
	logs := &bytes.Buffer{}
	return &bench{out: out, slack: s, wire: w, logs: logs, Sender: &Sender{
		Outbox: out, Notifiers: notifiers, HTTP: &http.Client{Transport: w},
		Log: slog.New(slog.NewTextHandler(&lockedWriter{w: logs}, nil)),
	}}
}

type lockedWriter struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func byToken(name, channel string) Notifier {
	return Notifier{Name: name, Channel: Slack{Channel: channel, Token: func() (string, error) { return testToken, nil }}}
}

// bySlack is a notifier with a token, with these settings altered.
func bySlack(n Notifier, alter func(*Slack)) Notifier {
	c := n.Channel.(Slack)
	alter(&c)
	n.Channel = c
	return n
}

func byWebhook(name string) Notifier {
	return Notifier{Name: name, Channel: SlackWebhook{URL: func() (string, error) { return testHook, nil }}}
}

// edit is the nth change of a document.
func edit(id, document int64, n int) *coc.Change {
	at := time.Date(2026, 7, 1, 13, 0, 0, 0, time.UTC).Add(time.Duration(id) * time.Minute)
	return &coc.Change{Key: key(id), Ref: fmt.Sprint(id), Kind: coc.KindVersion, Account: "prod", Document: key(document),
		DocumentID: fmt.Sprintf("DM%d", document), Name: fmt.Sprintf("job-%d", document),
		Previous: fmt.Sprintf("v%d", n), Version: fmt.Sprintf("v%d", n+1),
		MadeAt: at, SeenAt: at, At: at, By: "COC-li.wei",
		Difference: coc.Difference{Added: 1, Removed: 1, Summary: "timeout 30 → 60 in wait"}}
}

// Heads returns head for each account, if it is not zero.
func (m *memory) Heads(_ context.Context, accounts []string, _ time.Time) (map[string]coc.Head, error) {
	heads := map[string]coc.Head{}
	m.mu.Lock()
	m.headsOf = append(m.headsOf, accounts...)
	m.mu.Unlock()
	for _, a := range append(accounts, "") {
		if m.head.Key != "" {
			heads[a] = m.head
		}
	}
	return heads, nil
}

// SignedHeads returns logs, or why there are none.
func (m *memory) SignedHeads(context.Context, time.Time) ([]coc.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.logs, m.noLogs
}

// key is a key of the first account.
func key(id int64) coc.Key { return coc.Key{Account: 1, ID: id} }
