package cocsim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// SlackOptions are the settings of a Slack.
type SlackOptions struct {
	// Token is the bot token; any will do when it is empty.
	Token string
	// Channels are the IDs of the channels that the bot is in. Incoming
	// webhooks post to the first. When empty it is C0123456789.
	Channels []string
	// WebhookPath is the secret path of the incoming webhook; DefaultWebhook
	// when empty.
	WebhookPath string
	// Now is the service's clock; time.Now when nil.
	Now func() time.Time
	// EnforceRate refuses posts that come too fast with 429.
	EnforceRate bool
}

// DefaultWebhook is where incoming webhooks are posted to unless told otherwise.
const DefaultWebhook = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"

// Via says which way a message came.
type Via string

const (
	ViaToken   Via = "token"
	ViaWebhook Via = "webhook"
)

// Message is a message in a channel.
type Message struct {
	Channel  string
	TS       string
	ThreadTS string // the root that it replies to; "" for none
	Text     string
	Blocks   json.RawMessage // nil when there are none
	At       time.Time
	Via      Via
	Edits    int
	Unfurl   bool   // links, unless unfurl_links=false
	Parse    string // "full" turns names and addresses into mentions and links
}

// File is an upload that was completed.
type File struct {
	ID       string
	Name     string
	Title    string
	Content  []byte
	Channel  string
	ThreadTS string
	Comment  string
	At       time.Time
}

// Slack is a stand-in for Slack's Web API and for incoming webhooks. It may be
// used by many goroutines at once.
type Slack struct {
	opts  SlackOptions
	now   func() time.Time
	serve service

	mu       sync.Mutex
	messages []Message
	files    []File
	uploads  map[string]*upload
	refused  map[string]string // by channel, and "" for the token: the error word
	posts    map[string]*bucket
	updates  bucket
	lastTS   int64 // microseconds
	calls    map[string]int
	changed  chan struct{} // closed and replaced when a message comes
}

// NewSlack returns a Slack without messages.
func NewSlack(opts SlackOptions) *Slack {
	if len(opts.Channels) == 0 {
		opts.Channels = []string{"C0123456789"}
	}
	opts.WebhookPath = cmp.Or(opts.WebhookPath, DefaultWebhook)
	s := &Slack{
		opts: opts, now: clock(opts.Now),
		uploads: map[string]*upload{}, refused: map[string]string{},
		posts: map[string]*bucket{}, calls: map[string]int{},
		changed: make(chan struct{}),
	}
	s.serve = service{answer: s.answer, refusal: s.refusal, seal: s.seal}
	return s
}

// ServeHTTP answers as slack.com and hooks.slack.com do.
func (s *Slack) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve.serve(w, r) }

// Fail queues a fault. Its Code is the word of Slack's error.
func (s *Slack) Fail(f Fault) { s.serve.faults.add(f) }

// ClearFaults drops the faults that are still queued.
func (s *Slack) ClearFaults() { s.serve.faults.clear() }

// Refuse has every post to a channel refused with that word ("is_archived",
// "not_in_channel", …), or with channel "" everything done by the token
// ("token_revoked"). The word "" takes it back.
func (s *Slack) Refuse(channel, word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[channel] = word
}

// Messages returns the messages in the order in which they came.
func (s *Slack) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Files returns the completed uploads in the order in which they came.
func (s *Slack) Files() []File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.files)
}

// Calls returns how often a method ("chat.postMessage") or "webhook" was
// called, refusals included. Calls that a fault answered are not counted.
func (s *Slack) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Wait returns when there are n messages or more.
func (s *Slack) Wait(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		have, changed := len(s.messages), s.changed
		s.mu.Unlock()
		if have >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for message %d, have %d: %w", n, have, context.Cause(ctx))
		}
	}
}

// store keeps a message under a timestamp of its own. s.mu is held.
func (s *Slack) store(m Message) Message {
	m.At = s.now()
	s.lastTS = max(s.lastTS+1, m.At.UnixMicro())
	m.TS = fmt.Sprintf("%d.%06d", s.lastTS/1e6, s.lastTS%1e6)
	s.messages = append(s.messages, m)
	close(s.changed)
	s.changed = make(chan struct{})
	return m
}

// message returns the index of a message, -1 when there is none. s.mu is held.
func (s *Slack) message(channel, ts string) int {
	return slices.IndexFunc(s.messages, func(m Message) bool { return m.Channel == channel && m.TS == ts })
}

func (s *Slack) seal(_ *http.Request, h http.Header) {
	h.Set("Date", s.now().UTC().Format(http.TimeFormat))
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
}

// answer sends a request to the webhook, an upload or a method.
func (s *Slack) answer(r *http.Request, body []byte) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/services/") || r.URL.Path == s.opts.WebhookPath {
		s.calls["webhook"]++
		return s.webhook(r, body)
	}
	if id, ok := strings.CutPrefix(r.URL.Path, uploadPath); ok {
		return s.receive(r, id, body)
	}
	return s.method(r, strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/"), "api/"), body)
}

// refusal is a fault's error: JSON with "ok": false, or for a webhook a word.
func (s *Slack) refusal(r *http.Request, f *Fault) reply {
	word, status := f.Code, or(f.Status, http.StatusOK)
	if word == "" {
		word = "internal_error"
		if status == http.StatusTooManyRequests {
			word = "ratelimited"
		}
	}
	if strings.HasPrefix(r.URL.Path, "/services/") || r.URL.Path == s.opts.WebhookPath {
		return plainText(or(f.Status, http.StatusBadRequest), word)
	}
	p := refuse(word)
	p.status = status
	return p
}

// bucket lets a burst through and then one in so often.
type bucket struct {
	used float64 // of the burst
	at   time.Time
}

// take reports how long to wait, 0 when there is room.
func (b *bucket) take(now time.Time, burst float64, every time.Duration) time.Duration {
	b.used = max(0, b.used-float64(now.Sub(b.at))/float64(every))
	b.at = now
	if b.used+1 > burst {
		return time.Duration((b.used + 1 - burst) * float64(every))
	}
	b.used++
	return 0
}
