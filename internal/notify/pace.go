package notify

import (
	"cmp"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// postEvery is Slack's rate limit for one channel.
	// https://docs.slack.dev/apis/web-api/rate-limits/
	postEvery = time.Second
	// editEvery is a little slower than its limit for edits, fifty a minute (tier 3).
	editEvery = time.Minute / 45
)

// pace limits the posts to one channel. Several notifiers of the channel share it.
type pace struct {
	*rate.Limiter               // of all calls
	edits         *rate.Limiter // of edits, which have both limits
	mu            sync.Mutex
	until         time.Time // the channel is rate limited
}

// pauseUntil pauses the channel until then.
func (p *pace) pauseUntil(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}

func (p *pace) paused() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until
}

// paceOf returns the pace of a notifier.
func (s *Sender) paceOf(n *Notifier) *pace {
	t := n.traits()
	key := cmp.Or(t.pace, "notifier "+n.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paces == nil {
		s.paces = map[string]*pace{}
	}
	if s.paces[key] == nil {
		s.paces[key] = &pace{Limiter: rate.NewLimiter(rate.Every(t.every), 1), edits: rate.NewLimiter(rate.Every(editEvery), 1)}
	}
	return s.paces[key]
}
