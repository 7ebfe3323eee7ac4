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

	"golang.org/x/time/rate"
)

// SlackOptions are the settings of a Slack.
type SlackOptions struct {
	// Token is the bot token; any is accepted if it is empty.
	Token string
	// Channels are the IDs of the channels that the bot is in. Incoming webhooks post to
	// the first. The default is C0123456789.
	Channels []string
	// WebhookPath is the secret path of the incoming webhook; the default is
	// DefaultWebhook.
	WebhookPath string
	// Now is the service's clock; time.Now if nil.
	Now func() time.Time
	// EnforceRate refuses posts above the rate limit with 429.
	EnforceRate bool
}

// DefaultWebhook is the default path of the incoming webhook.
const DefaultWebhook = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"

// Message is a message in a channel.
type Message struct {
	Channel  string
	TS       string
	ThreadTS string // the root of its thread; "" for none
	Text     string
	Blocks   json.RawMessage // nil if there are none
	At       time.Time
	Unfurl   bool   // links, unless unfurl_links=false
	Parse    string // "full" turns names and addresses into mentions and links
}

// File is a completed upload.
type File struct {
	ID       string
	Name     string
	Title    string
	Content  []byte
	Channel  string
	ThreadTS string
	At       time.Time
}

// Slack is a fake of Slack's Web API and of incoming webhooks. It is safe for
// concurrent use.
type Slack struct {
	opts  SlackOptions
	now   func() time.Time
	serve service

	mu       sync.Mutex
	messages []Message
	files    []File
	uploads  map[string]*upload
	refused  map[string]string // by channel, and "" for the token: the error code
	posts    map[string]*rate.Limiter
	lastTS   int64 // microseconds
	calls    map[string]int
	changed  chan struct{} // closed and replaced at each message
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
		posts: map[string]*rate.Limiter{}, calls: map[string]int{},
		changed: make(chan struct{}),
	}
	s.serve = service{respond: s.respond, refusal: s.refusal, setHeaders: s.setHeaders}
	return s
}

// ServeHTTP responds as slack.com and hooks.slack.com do.
func (s *Slack) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve.serve(w, r) }

// Fail queues a fault. Its Code is Slack's error code.
func (s *Slack) Fail(f Fault) { s.serve.faults.add(f) }

// ClearFaults drops the faults that are still queued.
func (s *Slack) ClearFaults() { s.serve.faults.clear() }

// Refuse makes every post to a channel fail with an error code ("is_archived",
// "not_in_channel", …), or with channel "" everything done with the token
// ("token_revoked"). The code "" undoes it.
func (s *Slack) Refuse(channel, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[channel] = code
}

// Messages returns the messages in the order in which they were posted.
func (s *Slack) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Files returns the completed uploads in the order in which they were completed.
func (s *Slack) Files() []File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.files)
}

// Calls returns how often a method ("chat.postMessage") or "webhook" was called,
// refusals included. Calls that a fault handled are not counted.
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

// store stores a message with a timestamp of its own. s.mu is held.
func (s *Slack) store(m Message) Message {
	m.At = s.now()
	s.lastTS = max(s.lastTS+1, m.At.UnixMicro())
	m.TS = fmt.Sprintf("%d.%06d", s.lastTS/1e6, s.lastTS%1e6)
	s.messages = append(s.messages, m)
	close(s.changed)
	s.changed = make(chan struct{})
	return m
}

// message returns the index of a message, -1 if it does not exist. s.mu is held.
func (s *Slack) message(channel, ts string) int {
	return slices.IndexFunc(s.messages, func(m Message) bool { return m.Channel == channel && m.TS == ts })
}

func (s *Slack) setHeaders(_ *http.Request, h http.Header) {
	h.Set("Date", s.now().UTC().Format(http.TimeFormat))
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
}

// respond handles a call of the webhook, an upload or a method.
func (s *Slack) respond(r *http.Request, body []byte) reply {
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

// refusal is a fault's error: JSON with "ok": false, or for a webhook its code.
func (s *Slack) refusal(r *http.Request, f *Fault) reply {
	code, status := f.Code, cmp.Or(f.Status, http.StatusOK)
	if code == "" {
		code = "internal_error"
		if status == http.StatusTooManyRequests {
			code = "ratelimited"
		}
	}
	if strings.HasPrefix(r.URL.Path, "/services/") || r.URL.Path == s.opts.WebhookPath {
		return plainText(cmp.Or(f.Status, http.StatusBadRequest), code)
	}
	p := refuse(code)
	p.status = status
	return p
}
