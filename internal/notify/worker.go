package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cocsync/internal/coc"
)

const (
	holdFor = coc.MaxHold
	// grace is how long a call may continue after the process was asked to stop: an
	// interrupted call may have succeeded, and would be repeated.
	grace = 10 * time.Second
	// recordTimeout bounds the transaction that records a post when the process is asked
	// to stop meanwhile.
	recordTimeout = 5 * time.Second
)

// worker sends the messages of one notifier, in one goroutine.
type worker struct {
	*Sender
	n    *Notifier
	pace *pace
	// quietUntil is the end of the quiet hours that are recorded.
	quietUntil time.Time
	tries      map[int64]try
	probe      time.Duration // the pause before the next probe
	probeAt    time.Time     // zero if none is needed
	// unrecorded are messages whose result could not be recorded. Nothing is posted
	// before it is, or a full disk would repeat them again and again.
	unrecorded map[int64]coc.Message
	loaded     bool // the state of an earlier process is loaded
}

func (s *Sender) worker(n *Notifier) *worker {
	return &worker{Sender: s, n: n, pace: s.paceOf(n), tries: map[int64]try{}, unrecorded: map[int64]coc.Message{}}
}

// undelivered is a failed attempt, which the outbox has recorded.
type undelivered struct {
	message int64
	attempt int
	err     error
	level   slog.Level // Error if a person should look
	more    bool       // the message is posted again at once, as plain text
}

func (u *undelivered) Error() string {
	return fmt.Sprintf("message %d, attempt %d: %v", u.message, u.attempt, u.err)
}

func (u *undelivered) Unwrap() error { return u.err }

// load records what could not be recorded, and once loads the state of an earlier process:
// messages that are pending after a failure, and the pause of the channel.
func (w *worker) load(ctx context.Context) error {
	for _, m := range w.unrecorded {
		if err := w.record(ctx, m); err != nil {
			return err
		}
	}
	if w.loaded {
		return nil
	}
	until, err := w.Outbox.PausedUntil(ctx, w.n.Name)
	if err != nil {
		return err
	}
	retrying, err := w.Outbox.Retrying(ctx, w.n.Name)
	if err != nil {
		return err
	}
	w.loaded = true
	if until.Sub(w.now()) <= maxWait { // else the clock was set back since
		w.pace.pauseUntil(until)
	}
	for _, m := range retrying {
		w.tries[m.ID] = try{Message: m}
	}
	return nil
}

// step does the next thing there is to do. more means that there may be more to do at
// once, else wake says when; zero for no particular time.
func (w *worker) step(ctx context.Context) (more bool, wake time.Time, _ error) {
	if err := w.load(ctx); err != nil {
		return false, time.Time{}, err
	}
	reason, until, err := w.Outbox.Held(ctx, w.n.Name)
	if err != nil {
		return false, time.Time{}, err
	}
	now := w.now()
	if reason != "" && onHold(until, now) {
		return false, until, nil
	}
	if until := w.pace.paused(); now.Before(until) {
		return false, until, nil
	}
	m, ok, wake, err := w.Outbox.Next(ctx, w.n.Name, now)
	if err == nil && ok {
		if w.pace.Wait(ctx) != nil {
			return true, time.Time{}, context.DeadlineExceeded // its turn would be after the deadline, or ctx ended
		}
		if w.now().Before(w.pace.paused()) {
			return true, time.Time{}, nil // another notifier of the channel was rate limited meanwhile
		}
		// An erasure may have removed or replaced it meanwhile.
		if m, ok, wake, err = w.Outbox.Next(ctx, w.n.Name, w.now()); err == nil && !ok {
			return true, time.Time{}, nil
		}
	}
	if errors.Is(err, coc.ErrForged) {
		delete(w.tries, m.ID)
		return true, time.Time{}, &undelivered{message: m.ID, attempt: m.Attempts, err: err, level: slog.LevelError}
	}
	if err != nil {
		return false, time.Time{}, err
	}
	if ok {
		return true, time.Time{}, w.attempt(ctx, m, reason != "")
	}
	// Only now: what becomes due while others are posted may become a digest.
	limit, at := w.freezeLimit(now)
	if limit == 0 {
		return false, at, nil
	}
	more, quiet, err := w.freeze(ctx, limit)
	if more || err != nil {
		return more, wake, err
	}
	if !quiet.IsZero() {
		wake = earliest(quiet, w.nextTry()) // what is due is pending until then
	}
	return false, wake, nil
}

// onHold reports whether a channel is on hold until then. A time further ahead than a
// hold lasts was recorded before the clock was set back.
func onHold(until, now time.Time) bool { return now.Before(until) && until.Sub(now) <= holdFor }

// attempt posts a message, whose turn it is, and records the result. The error is *undelivered if the post
// failed.
func (w *worker) attempt(ctx context.Context, m coc.Message, held bool) error {
	at, err := w.deliver(ctx, &m)
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // interrupted by the end of the process: nothing is recorded
	}
	now := w.now()
	m.Attempts++
	if m.FirstAt.IsZero() {
		m.FirstAt = now
	}
	if err != nil {
		return w.refused(ctx, m, err, now)
	}
	delete(w.tries, m.ID)
	m.State, m.SentAt, m.Channel, m.TS = coc.Sent, now, at.channel, at.ts
	if !m.Plain {
		m.Err = "" // else it says why it was sent as plain text
	}
	w.log().Info("message sent", "notifier", w.n.Name, "message", m.ID, "attempt", m.Attempts)
	errs := []error{w.record(ctx, m)}
	if held {
		errs = append(errs, w.Outbox.Hold(context.WithoutCancel(ctx), w.n.Name, "", time.Time{}))
	}
	return errors.Join(append(errs, w.resume(ctx, now)...)...)
}

// deliver posts a message. If its thread was deleted, or is in another channel than the
// notifier's, it is posted to the channel instead. A message about a change then opens a
// new thread.
func (w *worker) deliver(ctx context.Context, m *coc.Message) (receipt, error) {
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	threaded := m.ThreadTS != ""
	if id := w.n.traits().id; threaded && id != "" && m.ThreadChannel != id {
		m.ThreadChannel, m.ThreadTS = "", ""
	}
	at, err := w.post(call, w.n, *m)
	if r, ok := errors.AsType[*refusal](err); ok && r.thread && m.ThreadTS != "" {
		if w.pace.Wait(ctx) != nil {
			return receipt{}, err
		}
		m.ThreadChannel, m.ThreadTS = "", ""
		at, err = w.post(call, w.n, *m)
	}
	if err == nil && threaded && m.ThreadTS == "" && m.Kind == coc.MessageReply && !m.Document.IsZero() {
		m.Kind = coc.MessageRoot
	}
	return at, err
}

// record stores the result of a post, also if ctx just ended: a result that is known must
// not be lost.
func (w *worker) record(ctx context.Context, m coc.Message) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	err := w.Outbox.RecordAttempt(ctx, m)
	if err != nil {
		w.unrecorded[m.ID] = m
	} else {
		delete(w.unrecorded, m.ID)
	}
	return err
}
