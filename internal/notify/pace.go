package notify

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// postEvery is Slack's pace for one channel.
	// https://docs.slack.dev/apis/web-api/rate-limits/
	postEvery = time.Second
	// editEvery is a little slower than its pace for edits, fifty a minute (tier 3).
	editEvery = time.Minute / 45
)

// pace is how fast one channel may be posted to. Several notifiers that post to it
// share it.
type pace struct {
	*rate.Limiter               // of all calls
	edits         *rate.Limiter // of edits besides
	mu            sync.Mutex
	until         time.Time // the channel asked for quiet
}

// hush silences the channel until then.
func (p *pace) hush(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}

func (p *pace) hushed() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until
}

// paceOf is the pace of a notifier.
func (s *Sender) paceOf(n *Notifier) *pace {
	key, every := "channel "+n.APIURL+" "+n.Channel, postEvery
	switch {
	case n.Hook != nil:
		key, every = "hook "+n.Name, hookEvery
	case n.Token == nil || n.Channel == "":
		key = "notifier " + n.Name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paces == nil {
		s.paces = map[string]*pace{}
	}
	if s.paces[key] == nil {
		s.paces[key] = &pace{Limiter: rate.NewLimiter(rate.Every(every), 1), edits: rate.NewLimiter(rate.Every(editEvery), 1)}
	}
	return s.paces[key]
}
