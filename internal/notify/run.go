package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"cocsync/internal/coc"
)

const (
	// idle is the longest that a notifier sleeps: another process may have put
	// something into the outbox, or freed a channel.
	idle = 30 * time.Second
	// blink is the shortest: what waits in line behind a message that failed is
	// due already.
	blink = time.Second
	// troubled is the pause after the outbox itself failed.
	troubled = 5 * time.Second
)

// Run sends until ctx ends. It wakes when something falls due and at each poke;
// poke may be nil. Each notifier works by itself, so one dead channel holds up
// no other. A channel that was held is tried at once, because who starts or
// reloads may have fixed it.
func (s *Sender) Run(ctx context.Context, poke <-chan struct{}) {
	var wg sync.WaitGroup
	var pokes []chan struct{}
	for i := range s.Notifiers {
		poked := make(chan struct{}, 1)
		pokes = append(pokes, poked)
		wg.Go(func() { s.lane(&s.Notifiers[i]).run(ctx, poked) })
	}
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-poke:
			if !ok {
				poke = nil // closed: nobody pokes any more
			}
			for _, p := range pokes {
				select {
				case p <- struct{}{}:
				default: // it is awake already
				}
			}
		}
	}
}

func (l *lane) run(ctx context.Context, poke <-chan struct{}) {
	if err := l.unhold(ctx); err != nil {
		l.report(ctx, err)
	}
	for ctx.Err() == nil {
		again, wake, err := l.step(ctx)
		pause := max(blink, min(idle, wake.Sub(l.now())))
		if wake.IsZero() {
			pause = idle
		}
		if err != nil && !l.report(ctx, err) {
			again, pause = false, troubled
		}
		if !again {
			sleep(ctx, pause, poke)
		}
	}
}

// unhold makes a held channel due for a try.
func (l *lane) unhold(ctx context.Context) error {
	now := l.now()
	reason, until, err := l.Outbox.Held(ctx, l.n.Name)
	if err != nil || reason == "" || !now.Before(until) {
		return err
	}
	return l.Outbox.Hold(ctx, l.n.Name, reason, now)
}

// report logs what went wrong. It reports whether the outbox works all the same.
func (l *lane) report(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return true
	}
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = joined.Unwrap()
	}
	good := true
	for _, err := range errs {
		var u *undelivered
		if errors.As(err, &u) {
			l.log().Log(ctx, u.level, "message not sent", "notifier", l.n.Name,
				"message", u.message, "attempt", u.attempt, "err", u.err)
			continue
		}
		good = false
		l.log().Log(ctx, slog.LevelError, "outbox does not work", "notifier", l.n.Name, "err", err)
	}
	return good
}

func sleep(ctx context.Context, d time.Duration, poke <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-poke:
	case <-ctx.Done():
	}
}

// Drain sends what is due now and returns when nothing is, or when ctx ends. It
// waits for no message in backoff and no channel that is held or asked for
// quiet. The error says what was not sent and why.
func (s *Sender) Drain(ctx context.Context) error {
	errs := make([]error, len(s.Notifiers))
	var wg sync.WaitGroup
	for i := range s.Notifiers {
		wg.Go(func() {
			if err := s.lane(&s.Notifiers[i]).drain(ctx); err != nil {
				errs[i] = fmt.Errorf("send to %s: %w", s.Notifiers[i].Name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (l *lane) drain(ctx context.Context) error {
	var errs []error
	for again := true; again; {
		var err error
		again, _, err = l.step(ctx)
		if err != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)) {
			return errors.Join(append(errs, fmt.Errorf("stopped before everything was sent: %w", err))...)
		}
		var u *undelivered
		if err == nil || errors.As(err, &u) && u.again {
			continue
		}
		errs = append(errs, err)
		again = again && u != nil
	}
	if len(errs) == 0 {
		return l.waits(ctx)
	}
	return errors.Join(errs...)
}

// waits is the error of a channel that is held while something waits for it.
func (l *lane) waits(ctx context.Context) error {
	reason, until, err := l.Outbox.Held(ctx, l.n.Name)
	if err != nil || reason == "" {
		return err
	}
	_, ok, _, err := l.Outbox.Next(ctx, l.n.Name, l.now())
	if err == nil && !ok {
		var due []coc.Delivery
		due, err = l.Outbox.Due(ctx, l.n.Name, l.now(), nil, 1)
		ok = len(due) > 0
	}
	if err != nil || !ok {
		return err
	}
	return fmt.Errorf("held until %s: %s", until.UTC().Format(time.RFC3339), reason)
}
