package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/mask"
)

const (
	// Backoff of a message grows from minBackoff to maxBackoff.
	minBackoff = 5 * time.Second
	maxBackoff = 30 * time.Minute
	// holdFor is how long a channel that refuses everything is left alone.
	holdFor = time.Hour
	// patience is how long a message is posted as it is while Slack answers it
	// with 5xx and takes others.
	patience = 6 * time.Hour
	// maxFailing is how many messages may wait for a retry before no more are
	// frozen: what comes during an outage stays unfrozen, to become a digest. Where
	// all of them meet a 5xx, one is frozen all the same now and then, as a probe:
	// perhaps it is the messages that are at fault, not the way.
	maxFailing = 5
	minProbe   = 5 * time.Minute
	maxProbe   = 6 * time.Hour
	// grace is how long a call may go on after the process was told to stop: cut
	// off, it could have got through, and would be repeated.
	grace = 10 * time.Second
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
	pace  *pace
	// quieted is the end of the quiet hours that are recorded.
	quieted time.Time
	noEdits time.Time // Slack takes no edits until then
	tries   map[int64]try
	probe   time.Duration // the pause before the next probe
	probeAt time.Time     // zero while none is needed
	// unmarked are messages whose outcome could not be recorded. Nothing is
	// posted before it is, or a full disk would repeat them for ever.
	unmarked map[int64]coc.Message
	awake    bool // what an earlier process left behind is known
}

func (s *Sender) lane(n *Notifier) *lane {
	return &lane{Sender: s, n: n, write: s.writer(n), pace: s.paceOf(n), tries: map[int64]try{}, unmarked: map[int64]coc.Message{}}
}

func (s *Sender) writer(n *Notifier) *writer {
	return &writer{n: n, mask: &mask.Masker{Patterns: n.Mask}, people: s.People, links: s.Links}
}

// wake takes up what an earlier process left: messages that wait for a retry, and
// the time for which Slack asked to be left alone.
func (l *lane) wake(ctx context.Context) error {
	until, err := l.Outbox.Asked(ctx, l.n.Name)
	if err != nil {
		return err
	}
	tried, err := l.Outbox.Tried(ctx, l.n.Name)
	if err != nil {
		return err
	}
	// A clock that was set back must not silence the channel for long.
	if l.awake = true; until.Sub(l.now()) <= maxWait {
		l.pace.hush(until)
	}
	for _, m := range tried {
		l.tries[m.ID] = try{Message: m}
	}
	return nil
}

// try is a message that failed and waits, as it was recorded.
type try struct {
	coc.Message
	fault bool // by a 5xx of Slack's, not on the way to it
	alone bool // others passed meanwhile: it is this message that does not
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
	if !l.awake {
		if err := l.wake(ctx); err != nil {
			return false, time.Time{}, err
		}
	}
	reason, until, err := l.Outbox.Held(ctx, l.n.Name)
	if err != nil {
		return false, time.Time{}, err
	}
	now := l.now()
	if reason != "" && onHold(until, now) {
		return false, until, nil
	}
	if until := l.pace.hushed(); now.Before(until) {
		return false, until, nil
	}
	m, ok, wake, err := l.Outbox.Next(ctx, l.n.Name, now)
	if err != nil {
		return false, time.Time{}, err
	}
	if ok {
		return true, time.Time{}, l.attempt(ctx, m, reason != "")
	}
	// Only now: what comes while others are being posted may become a digest.
	limit, at := l.room(now)
	if limit == 0 {
		return false, at, nil
	}
	var over time.Time
	again, over, err = l.freeze(ctx, limit)
	switch {
	case again || err != nil:
		return again, wake, err
	case reason == "":
		if again, err = l.recount(ctx); again || err != nil {
			return again, wake, err
		}
	}
	if !over.IsZero() {
		wake = earliest(over, l.nextTry()) // what is due waits for it
	}
	return false, wake, nil
}

// onHold reports whether a channel is on hold until then. A time further ahead than a hold
// lasts was written before the clock was set back.
func onHold(until, now time.Time) bool { return now.Before(until) && until.Sub(now) <= holdFor }

// room is how many deliveries may be frozen now: all, or while messages fail none
// until some instant, and then one.
func (l *lane) room(now time.Time) (limit int, at time.Time) {
	failing, faults := 0, 0
	for _, t := range l.tries {
		if !t.alone {
			failing++
		}
		if t.fault && !t.alone {
			faults++
		}
	}
	switch {
	case failing < maxFailing:
		l.probe, l.probeAt = 0, time.Time{}
		return maxDue, at
	case faults < failing: // the way itself is down
		return 0, l.nextTry()
	case l.probeAt.IsZero():
		l.probe = minProbe
	case !now.Before(l.probeAt):
		l.probe = min(2*l.probe, maxProbe)
		limit = 1
	default:
		return 0, earliest(l.probeAt, l.nextTry())
	}
	l.probeAt = now.Add(l.probe)
	return limit, earliest(l.probeAt, l.nextTry())
}

// nextTry is when the first of the failed messages is due again, zero for never.
func (l *lane) nextTry() (first time.Time) {
	for _, t := range l.tries {
		first = earliest(first, t.NextAt)
	}
	return first
}

// earliest is the earlier of two instants; zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// attempt posts a message and records what became of it. The error is
// *undelivered when Slack did not take it.
func (l *lane) attempt(ctx context.Context, m coc.Message, held bool) error {
	if err := l.pace.Wait(ctx); err != nil {
		return context.DeadlineExceeded // its turn would come too late, or ctx ended
	}
	if l.now().Before(l.pace.hushed()) {
		return nil // another notifier of the channel was asked meanwhile
	}
	landed, ts, err := l.deliver(ctx, &m)
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
	m.State, m.SentAt, m.Channel, m.TS = coc.Sent, now, landed, ts
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

// deliver posts a message. Where its thread is gone, or in another channel than the
// notifier's, it stands in the channel: better there than nowhere. A change's
// message is the first of a new thread then.
func (l *lane) deliver(ctx context.Context, m *coc.Message) (landed, ts string, err error) {
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	threaded := m.ThreadTS != ""
	if id := channelID(l.n.Channel); threaded && id != "" && m.ThreadChannel != id {
		m.ThreadChannel, m.ThreadTS = "", ""
	}
	landed, ts, err = l.post(call, l.n, *m)
	if m.ThreadTS != "" && threadGone(err) {
		if l.pace.Wait(ctx) != nil {
			return "", "", err
		}
		m.ThreadChannel, m.ThreadTS = "", ""
		landed, ts, err = l.post(call, l.n, *m)
	}
	if err == nil && threaded && m.ThreadTS == "" && m.Kind == coc.MessageReply && m.Document != 0 {
		m.Kind = coc.MessageRoot
	}
	return landed, ts, err
}

// resume looks after the messages that failed when another one passes: the way
// is free again for those that did not reach Slack, and those that Slack breaks
// on for long are themselves at fault.
func (l *lane) resume(ctx context.Context, now time.Time) (errs []error) {
	for id, t := range l.tries {
		if t.fault && now.Sub(t.FirstAt) < patience {
			t.alone = true
			l.tries[id] = t
			continue
		}
		delete(l.tries, id)
		t.NextAt = now
		switch {
		case t.fault && (t.Plain || l.n.Hook != nil): // it has no other words
			t.State = coc.Failed
		case t.fault:
			t.Plain = true
		}
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
	alone := l.tries[m.ID].alone
	delete(l.tries, m.ID)
	u := &undelivered{message: m.ID, attempt: m.Attempts, err: r, level: slog.LevelWarn}
	switch kind {
	case later:
		m.NextAt = now.Add(backoff(m.Attempts))
		l.tries[m.ID] = try{Message: m, fault: r.fault, alone: alone}
	case limited:
		m.NextAt = now.Add(r.wait)
		if r.wait <= 0 {
			m.NextAt = now.Add(backoff(m.Attempts))
		}
		l.pace.hush(m.NextAt)
		if err := l.Outbox.Quiet(context.WithoutCancel(ctx), l.n.Name, coc.QuietAsked, m.NextAt); err != nil {
			return errors.Join(u, err, l.record(ctx, m))
		}
	case channel:
		u.level = slog.LevelError
		if err := l.Outbox.Hold(context.WithoutCancel(ctx), l.n.Name, m.Err, now.Add(holdFor)); err != nil {
			l.pace.hush(now.Add(holdFor))
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
