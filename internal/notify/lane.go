package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"cocsync/internal/coc"
)

const (
	// postEvery is Slack's pace for one channel.
	// https://docs.slack.dev/apis/web-api/rate-limits/
	postEvery = time.Second
	// Backoff of a message grows from minBackoff to maxBackoff.
	minBackoff = 5 * time.Second
	maxBackoff = 30 * time.Minute
	// holdFor is how long a channel that refuses everything is left alone.
	holdFor = time.Hour
	// patience is how long a message is posted as it is while Slack answers it
	// with 5xx and takes others.
	patience = 6 * time.Hour
	// maxFailing is how many messages may wait for a retry before no more are
	// frozen: what comes during an outage stays unfrozen, to become a digest.
	maxFailing = 5
	// asPlain stands between why a message's body was refused and why its plain
	// text did not go.
	asPlain = "; as plain text: "
	// markTimeout bounds the transaction that records a post when the process is
	// told to stop meanwhile.
	markTimeout = 5 * time.Second
)

// lane is one notifier at work. One goroutine has it.
type lane struct {
	*Sender
	n     *Notifier
	write *writer
	pace  *rate.Limiter
	quiet time.Time // the channel asked for quiet until then
	// quieted is the end of the quiet hours that are recorded.
	quieted time.Time
	tries   map[int64]try // messages that failed and wait
	// unmarked are messages whose outcome could not be recorded. Nothing is
	// posted before it is, or a full disk would repeat them for ever.
	unmarked map[int64]coc.Message
}

func (s *Sender) lane(n *Notifier) *lane {
	return &lane{Sender: s, n: n, write: s.writer(n), pace: s.pace(n), tries: map[int64]try{}, unmarked: map[int64]coc.Message{}}
}

// pace is the pace of a notifier. Several that post to one channel share it.
func (s *Sender) pace(n *Notifier) *rate.Limiter {
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
		s.paces = map[string]*rate.Limiter{}
	}
	if s.paces[key] == nil {
		s.paces[key] = rate.NewLimiter(rate.Every(every), 1)
	}
	return s.paces[key]
}

func (s *Sender) writer(n *Notifier) *writer {
	return &writer{n: n, mask: newMask(n.Mask), people: s.People, links: s.Links}
}

// try is a message that failed and waits, as it was recorded.
type try struct {
	coc.Message
	fault bool // by a 5xx of Slack's, not on the way to it
}

// hopeless reports whether the message itself may be what breaks Slack, and other
// words could help.
func (l *lane) hopeless(t *try, now time.Time) bool {
	return t.fault && !t.Plain && l.n.Hook == nil && now.Sub(t.FirstAt) >= patience
}

// undelivered is an attempt that did not go through. The outbox knows of it.
type undelivered struct {
	message int64
	attempt int
	err     error
	level   slog.Level // Error where a person should look
	again   bool       // it goes on at once, as plain text
}

func (u *undelivered) Error() string {
	return fmt.Sprintf("message %d, attempt %d: %v", u.message, u.attempt, u.err)
}

func (u *undelivered) Unwrap() error { return u.err }

// step does the next thing there is to do. again says to come back at once, else
// wake when; zero for no particular time.
func (l *lane) step(ctx context.Context) (again bool, wake time.Time, _ error) {
	for _, m := range l.unmarked {
		if err := l.record(ctx, m); err != nil {
			return false, time.Time{}, err
		}
	}
	reason, until, err := l.Outbox.Held(ctx, l.n.Name)
	if err != nil {
		return false, time.Time{}, err
	}
	now := l.now()
	if reason != "" && now.Before(until) {
		return false, until, nil
	}
	if now.Before(l.quiet) {
		return false, l.quiet, nil
	}
	m, ok, wake, err := l.Outbox.Next(ctx, l.n.Name, now)
	if err != nil {
		return false, time.Time{}, err
	}
	if ok {
		return true, time.Time{}, l.attempt(ctx, m, reason != "")
	}
	// Only now: what comes while others are being posted may become a digest.
	if len(l.tries) >= maxFailing {
		return false, l.nextTry(), nil
	}
	var over time.Time
	again, over, err = l.freeze(ctx)
	switch {
	case again || err != nil:
		return again, wake, err
	case reason == "":
		if again, err = l.recount(ctx); again || err != nil {
			return again, wake, err
		}
	}
	if !over.IsZero() {
		wake = over // what is due waits for it
		if t := l.nextTry(); !t.IsZero() && t.Before(wake) {
			wake = t
		}
	}
	return false, wake, nil
}

// nextTry is when the first of the failed messages is due again.
func (l *lane) nextTry() (first time.Time) {
	for _, t := range l.tries {
		if first.IsZero() || t.NextAt.Before(first) {
			first = t.NextAt
		}
	}
	return first
}

// attempt posts a message and records what became of it. The error is
// *undelivered when Slack did not take it.
func (l *lane) attempt(ctx context.Context, m coc.Message, held bool) error {
	if err := l.pace.Wait(ctx); err != nil {
		return context.DeadlineExceeded // its turn would come too late, or ctx ended
	}
	channel, ts, err := l.post(ctx, l.n, m)
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // cut off by us: it stays as it is
	}
	now := l.now()
	m.Attempts++
	if m.FirstAt.IsZero() {
		m.FirstAt = now
	}
	if err != nil {
		return l.refused(ctx, m, err, now)
	}
	delete(l.tries, m.ID)
	m.State, m.SentAt, m.Channel, m.TS = coc.Sent, now, channel, ts
	if !m.Plain {
		m.Err = "" // else it says why it went as plain text
	}
	l.log().Info("message sent", "notifier", l.n.Name, "message", m.ID, "attempt", m.Attempts)
	errs := []error{l.record(ctx, m)}
	if held {
		errs = append(errs, l.Outbox.Hold(context.WithoutCancel(ctx), l.n.Name, "", time.Time{}))
	}
	return errors.Join(append(errs, l.resume(ctx, now)...)...)
}

// resume looks after the messages that failed when another one passes: the way
// is free again for those that did not reach Slack, and those that Slack breaks
// on for long are themselves at fault.
func (l *lane) resume(ctx context.Context, now time.Time) (errs []error) {
	for id, t := range l.tries {
		if t.fault && !l.hopeless(&t, now) {
			continue
		}
		delete(l.tries, id)
		t.Plain, t.NextAt = t.Plain || t.fault, now
		errs = append(errs, l.record(ctx, t.Message))
	}
	return errs
}

// refused decides what a failed post means and records it.
func (l *lane) refused(ctx context.Context, m coc.Message, err error, now time.Time) error {
	r := &refusal{why: err.Error()}
	errors.As(err, &r)
	kind := r.class
	if kind == unknown {
		// Perhaps the blocks are at fault. If the fallback text alone is
		// refused too, in a word nobody knows, nothing is given up: it holds.
		kind = message
		if m.Plain {
			kind = channel
		}
	}
	if m.Plain && m.Err != "" {
		first, _, _ := strings.Cut(m.Err, asPlain)
		m.Err = first + asPlain + r.Error()
	} else {
		m.Err = r.Error()
	}
	delete(l.tries, m.ID)
	u := &undelivered{message: m.ID, attempt: m.Attempts, err: r, level: slog.LevelWarn}
	switch kind {
	case later:
		m.NextAt = now.Add(backoff(m.Attempts))
		t := try{m, r.fault}
		// Where so many fail that nothing else is posted, none can pass.
		if l.hopeless(&t, now) && len(l.tries)+1 >= maxFailing {
			m.Plain, m.NextAt, u.again = true, now, true
			break
		}
		l.tries[m.ID] = t
	case limited:
		m.NextAt = now.Add(r.wait)
		if r.wait <= 0 {
			m.NextAt = now.Add(backoff(m.Attempts))
		}
		l.quiet = m.NextAt
	case channel:
		u.level = slog.LevelError
		if err := l.Outbox.Hold(context.WithoutCancel(ctx), l.n.Name, m.Err, now.Add(holdFor)); err != nil {
			l.quiet = now.Add(holdFor)
			return errors.Join(u, err)
		}
	case message:
		m.NextAt = now
		m.Plain = m.Plain || l.n.Hook != nil // it has no other words
		if u.again = !m.Plain; m.Plain {
			u.level, m.State = slog.LevelError, coc.Failed
		}
		m.Plain = true
	}
	return errors.Join(u, l.record(ctx, m))
}

// record stores what became of a message, also when ctx just ended: an outcome
// that is known must not be lost.
func (l *lane) record(ctx context.Context, m coc.Message) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTimeout)
	defer cancel()
	err := l.Outbox.Attempted(ctx, m)
	if err != nil {
		l.unmarked[m.ID] = m
	} else {
		delete(l.unmarked, m.ID)
	}
	return err
}

// backoff is the time before the next attempt: between half and all of a time
// that doubles, so that many messages do not come back together.
func backoff(attempts int) time.Duration {
	d := maxBackoff
	if attempts < 12 {
		d = min(maxBackoff, 2*minBackoff<<max(0, attempts-1))
	}
	return d/2 + rand.N(d/2)
}
