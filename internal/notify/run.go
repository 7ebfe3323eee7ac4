package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cocsync/internal/coc"
)

const (
	// idle is the longest that a worker sleeps: another process may have added to the
	// outbox, or ended a hold.
	idle = 30 * time.Second
	// minSleep is the shortest: what is queued after a failed message is due already.
	minSleep = time.Second
	// failurePause is the pause after the outbox itself failed.
	failurePause = 5 * time.Second
)

// Run sends until ctx ends. It wakes when something is due and at each receive from
// wake, which may be nil. Each notifier has its own worker, so a dead channel delays no
// other. A channel on hold is tried at once: anyone who starts or reloads may have fixed
// it.
func (s *Sender) Run(ctx context.Context, wake <-chan struct{}) {
	var wg sync.WaitGroup
	var workers []chan struct{} // to wake each
	for i := range s.Notifiers {
		c := make(chan struct{}, 1)
		workers = append(workers, c)
		wg.Go(func() { s.worker(&s.Notifiers[i]).run(ctx, c) })
	}
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-wake:
			if !ok {
				wake = nil
			}
			for _, c := range workers {
				select {
				case c <- struct{}{}:
				default: // it is awake already
				}
			}
		}
	}
}

func (w *worker) run(ctx context.Context, wake <-chan struct{}) {
	if err := w.endHold(ctx); err != nil {
		w.report(ctx, err)
	}
	for ctx.Err() == nil {
		more, at, err := w.step(ctx)
		pause := max(minSleep, min(idle, at.Sub(w.now())))
		if at.IsZero() {
			pause = idle
		}
		if err != nil && !w.report(ctx, err) {
			more, pause = false, failurePause
		}
		if !more {
			sleep(ctx, pause, wake)
		}
	}
}

// endHold makes a channel on hold due for a try.
func (w *worker) endHold(ctx context.Context) error {
	now := w.now()
	reason, until, err := w.Outbox.Held(ctx, w.n.Name)
	if err != nil || reason == "" || !now.Before(until) {
		return err
	}
	return w.Outbox.Hold(ctx, w.n.Name, reason, now)
}

// report logs the errors of a step. It reports whether the outbox works.
func (w *worker) report(ctx context.Context, err error) (works bool) {
	if ctx.Err() != nil {
		return true
	}
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = joined.Unwrap()
	}
	works = true
	for _, err := range errs {
		if u, ok := errors.AsType[*undelivered](err); ok {
			w.log().Log(ctx, u.level, "message not sent", "notifier", w.n.Name,
				"message", u.message, "attempt", u.attempt, "err", u.err)
			continue
		}
		works = false
		w.log().Error("outbox does not work", "notifier", w.n.Name, "err", err)
	}
	return works
}

func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
}

// Drain sends what is due now and returns when nothing is, or when ctx ends. It waits for
// no backoff, hold or pause. The error says what was not sent and why.
func (s *Sender) Drain(ctx context.Context) error {
	errs := make([]error, len(s.Notifiers))
	var wg sync.WaitGroup
	for i := range s.Notifiers {
		wg.Go(func() {
			if err := s.worker(&s.Notifiers[i]).drain(ctx); err != nil {
				errs[i] = fmt.Errorf("send to %s: %w", s.Notifiers[i].Name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (w *worker) drain(ctx context.Context) error {
	var errs []error
	for more := true; more; {
		var err error
		more, _, err = w.step(ctx)
		if err != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)) {
			return errors.Join(append(errs, fmt.Errorf("stopped before everything was sent: %w", err))...)
		}
		u, ok := errors.AsType[*undelivered](err)
		if err == nil || ok && u.more {
			continue
		}
		errs = append(errs, err)
		more = more && ok
	}
	if len(errs) == 0 {
		return w.held(ctx)
	}
	return errors.Join(errs...)
}

// held returns an error if the channel is on hold while messages are pending.
func (w *worker) held(ctx context.Context) error {
	reason, until, err := w.Outbox.Held(ctx, w.n.Name)
	if err != nil || reason == "" {
		return err
	}
	_, ok, _, err := w.Outbox.Next(ctx, w.n.Name, w.now())
	if err == nil && !ok {
		var due []coc.Delivery
		due, err = w.Outbox.Due(ctx, w.n.Name, w.now(), nil, 1)
		ok = len(due) > 0
	}
	if err != nil || !ok {
		return err
	}
	return fmt.Errorf("on hold until %s: %s", until.UTC().Format(time.RFC3339), reason)
}
