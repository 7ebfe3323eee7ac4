package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"cocsync/internal/coc"
)

const (
	// attempts bounds the requests of one call.
	attempts = 5
	// exhausted is how long requests are paused if every attempt was rate limited and no
	// response said for how long.
	exhausted = time.Minute
)

// call sends requests until one succeeds, the error is permanent, or the attempts or
// the time are used up.
func (c *Client) call(ctx context.Context, q request) (reply, error) {
	if err := c.setup(); err != nil {
		return reply{}, err
	}
	deadline := time.Now().Add(c.maxWait())
	waits := &waits{ExponentialBackOff: backoff.NewExponentialBackOff()}
	waits.MaxInterval = c.maxWait() / attempts
	waits.InitialInterval, waits.Multiplier = min(time.Second, waits.MaxInterval), 2
	attempt := 0
	a, err := backoff.Retry(ctx, func() (reply, error) {
		attempt++
		a, err := c.try(ctx, q, time.Until(deadline))
		var e *Error
		if errors.As(err, &e) && e.is(coc.ErrTemporary) && !e.held {
			waits.asked = c.requestedWait(e)
		} else if err != nil {
			err = backoff.Permanent(err)
		}
		return a, err
	},
		backoff.WithBackOff(waits), backoff.WithMaxTries(attempts), backoff.WithMaxElapsedTime(c.maxWait()),
		backoff.WithNotify(func(err error, next time.Duration) {
			c.log.Warn("retrying", "attempt", attempt, "wait", next.Round(time.Millisecond), "err", err)
			var e *Error
			if errors.As(err, &e) && (e.RetryAfter > 0 || tooMany(e)) {
				c.pace.pause(next, e)
			}
		}))
	return a, c.settle(ctx, q, err)
}

// settle makes the last attempt's error the call's error.
func (c *Client) settle(ctx context.Context, q request, err error) error {
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) { // Retry leaves it around the last attempt's
		err = permanent.Unwrap()
	}
	var e *Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", q.op, context.Cause(ctx))
	case !errors.As(err, &e):
		return fmt.Errorf("%s: %w", q.op, err)
	case !e.is(coc.ErrTemporary) || e.held:
		return e
	}
	quiet := cmp.Or(e.RetryAfter, e.window)
	if quiet == 0 && tooMany(e) {
		quiet = exhausted
	}
	if quiet > 0 {
		e.Until = c.now().Add(quiet)
		c.pace.pause(quiet, e)
	}
	return e
}

// requestedWait is the pause before the next attempt that COC asked for; 0 if it asked
// for none. COC names the window of a limit but not how much of it is left: a quarter
// of the window each time reaches its end within the attempts.
func (c *Client) requestedWait(e *Error) time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter
	}
	return min(e.window/(attempts-1), c.maxWait()/attempts)
}

// waits are the pauses between attempts: what COC asked for, else increasing ones.
type waits struct {
	*backoff.ExponentialBackOff
	asked time.Duration
}

// NextBackOff returns the pause before the next attempt.
func (w *waits) NextBackOff() time.Duration {
	growing := w.ExponentialBackOff.NextBackOff()
	return cmp.Or(w.asked, growing)
}

func tooMany(e *Error) bool {
	return e.Status == http.StatusTooManyRequests || strings.HasSuffix(e.Code, ".0308")
}

// try makes one attempt, and a second one only if the key pair was refused and its
// source has another one now.
func (c *Client) try(ctx context.Context, q request, patience time.Duration) (reply, error) {
	kp, err := c.keyPair(ctx, q.op)
	if err != nil {
		return reply{}, err
	}
	a, err := c.attempt(ctx, q, kp, patience)
	var e *Error
	if !errors.As(err, &e) || !e.is(coc.ErrUnauthorized) || e.held {
		return a, err
	}
	if f, ok := c.source.(forgetter); ok {
		f.forget(kp)
	}
	other, readErr := c.keyPair(ctx, q.op)
	if readErr != nil || other.same(kp) {
		return a, err
	}
	c.log.Warn("key pair refused, trying its replacement", "err", err)
	a, err = c.attempt(ctx, q, other, patience)
	if err != nil {
		err = backoff.Permanent(err) // nothing is sent after a refusal
	}
	return a, err
}

// attempt sends one request when the rate allows it, and adapts the rate to the
// response.
func (c *Client) attempt(ctx context.Context, q request, kp KeyPair, patience time.Duration) (reply, error) {
	leave, err := c.guard.enter(ctx, q.op, kp, c.now)
	if err != nil {
		return reply{}, err
	}
	defer leave()
	if err := c.pace.wait(ctx, q.op, patience); err != nil {
		return reply{}, err
	}
	if err := c.guard.refusal(q.op, kp, c.now()); err != nil { // refused during the wait
		return reply{}, err
	}
	sentAt := time.Now()
	a, err := c.send(ctx, q, kp)
	if c.Observe != nil {
		c.Observe(outcome(err), time.Since(sentAt))
	}
	var e *Error
	switch {
	case err == nil:
		c.served.Add(1)
		c.guard.prove(kp, c.now())
		c.pace.faster()
	case !errors.As(err, &e) || e.Status == 0:
	case e.is(coc.ErrUnauthorized):
		c.guard.refuse(kp, e, c.now())
	case tooMany(e):
		c.pace.slower(sentAt, e.pace)
	case !e.is(coc.ErrTemporary) && e.Code != "":
		c.guard.prove(kp, c.now())
	}
	return a, err
}
