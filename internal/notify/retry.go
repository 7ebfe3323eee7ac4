package notify

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"cocsync/internal/coc"
)

const (
	// The backoff of a message grows from minBackoff to maxBackoff.
	minBackoff = 5 * time.Second
	maxBackoff = 30 * time.Minute
	// patience is how long a message is posted unchanged while it gets a 5xx and others
	// pass.
	patience = 6 * time.Hour
	// maxFailing is how many failed messages may be pending before no more are frozen: what
	// becomes due during an outage stays unfrozen, to become a digest. If all of them get
	// a 5xx, one more is frozen now and then as a probe: perhaps the messages cause it.
	maxFailing = 5
	minProbe   = 5 * time.Minute
	maxProbe   = 6 * time.Hour
	// asPlain separates why a message's body was refused from why its plain text was.
	asPlain = "; as plain text: "
)

// try is a message that failed and is pending, as it was recorded.
type try struct {
	coc.Message
	serverError bool // it got a 5xx; else no response
	poisoned    bool // others passed meanwhile: this message causes the failure
}

// freezeLimit is how many deliveries may be frozen now: all, or while messages fail none
// until a time, and then one.
func (w *worker) freezeLimit(now time.Time) (limit int, at time.Time) {
	failing, serverErrors := 0, 0
	for _, t := range w.tries {
		if !t.poisoned {
			failing++
		}
		if t.serverError && !t.poisoned {
			serverErrors++
		}
	}
	switch {
	case failing < maxFailing:
		w.probe, w.probeAt = 0, time.Time{}
		return maxDue, at
	case serverErrors < failing: // the network is down
		return 0, w.nextTry()
	case w.probeAt.IsZero():
		w.probe = minProbe
	case !now.Before(w.probeAt):
		w.probe = min(2*w.probe, maxProbe)
		limit = 1
	default:
		return 0, earliest(w.probeAt, w.nextTry())
	}
	w.probeAt = now.Add(w.probe)
	return limit, earliest(w.probeAt, w.nextTry())
}

// nextTry is when the first of the failed messages is due again; zero for never.
func (w *worker) nextTry() (first time.Time) {
	for _, t := range w.tries {
		first = earliest(first, t.NextAt)
	}
	return first
}

// earliest returns the earlier of two times; zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// resume handles the failed messages when another one is accepted: those that got no
// response are due now, and those that got a 5xx for long are treated as refused.
func (w *worker) resume(ctx context.Context, now time.Time) (errs []error) {
	for id, t := range w.tries {
		if t.serverError && now.Sub(t.FirstAt) < patience {
			t.poisoned = true
			w.tries[id] = t
			continue
		}
		delete(w.tries, id)
		t.NextAt = now
		if t.serverError {
			w.fallBack(&t.Message)
		}
		errs = append(errs, w.record(ctx, t.Message))
	}
	return errs
}

// fallBack makes a refused message plain text, or failed if it has no other text.
func (w *worker) fallBack(m *coc.Message) {
	if m.Plain || w.n.traits().structured {
		m.State = coc.Failed
	}
	m.Plain = true
}

// refused decides what a failed post means and records it.
func (w *worker) refused(ctx context.Context, m coc.Message, err error, now time.Time) error {
	r := &refusal{why: err.Error()}
	errors.As(err, &r)
	class := r.class
	if class == unknown {
		class = message // perhaps it refuses the blocks
		if m.Plain {
			class = channel // nothing is dropped for a code that is not known
		}
	}
	first, _, _ := strings.Cut(m.Err, asPlain)
	m.Err = r.Error()
	if m.Plain && first != "" {
		m.Err = first + asPlain + m.Err
	}
	poisoned := w.tries[m.ID].poisoned
	delete(w.tries, m.ID)
	u := &undelivered{message: m.ID, attempt: m.Attempts, err: r, level: slog.LevelWarn}
	switch class {
	case network, serverError:
		m.NextAt = now.Add(backoff(m.Attempts))
		w.tries[m.ID] = try{m, class == serverError, poisoned}
	case limited:
		m.NextAt = now.Add(r.wait)
		if r.wait <= 0 {
			m.NextAt = now.Add(backoff(m.Attempts))
		}
		w.pace.pauseUntil(m.NextAt)
		if err := w.Outbox.Pause(context.WithoutCancel(ctx), w.n.Name, coc.PauseRateLimit, m.NextAt); err != nil {
			return errors.Join(u, err, w.record(ctx, m))
		}
	case channel:
		u.level = slog.LevelError
		if err := w.Outbox.Hold(context.WithoutCancel(ctx), w.n.Name, m.Err, now.Add(holdFor)); err != nil {
			w.pace.pauseUntil(now.Add(holdFor))
			return errors.Join(u, err)
		}
	case message:
		m.NextAt = now
		w.fallBack(&m)
		if u.more = m.State != coc.Failed; !u.more {
			u.level = slog.LevelError
		}
	}
	return errors.Join(u, w.record(ctx, m))
}

// backoff returns the pause before the next attempt: between half and all of a time that
// doubles, so that many messages are not due together.
func backoff(attempts int) time.Duration {
	d := maxBackoff
	if attempts < 12 {
		d = min(maxBackoff, 2*minBackoff<<max(0, attempts-1))
	}
	return d/2 + rand.N(d/2)
}

// postEvery is Slack's rate limit for one channel.
// https://docs.slack.dev/apis/web-api/rate-limits/
const postEvery = time.Second

// pace limits the posts to one channel. Several notifiers of the channel share it.
type pace struct {
	*rate.Limiter // of all calls
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
		s.paces[key] = &pace{Limiter: rate.NewLimiter(rate.Every(t.every), 1)}
	}
	return s.paces[key]
}
