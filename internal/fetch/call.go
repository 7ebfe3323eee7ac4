package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
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
	growing := backoff.NewExponentialBackOff()
	growing.MaxInterval = c.maxWait() / attempts
	growing.InitialInterval, growing.Multiplier = min(time.Second, growing.MaxInterval), 2
	for attempt := 1; ; attempt++ {
		a, err := c.try(ctx, q, time.Until(deadline))
		if err == nil {
			return a, nil
		}
		e, ok := errors.AsType[*Error](err)
		switch {
		case ctx.Err() != nil:
			return reply{}, fmt.Errorf("%s: %w", q.op, context.Cause(ctx))
		case !ok:
			return reply{}, fmt.Errorf("%s: %w", q.op, err)
		case !e.is(coc.ErrTemporary) || e.final:
			return reply{}, e
		}
		pause := growing.NextBackOff()
		pause = cmp.Or(c.requestedWait(e), pause)
		if attempt == attempts || time.Until(deadline) < pause {
			c.pauseUntil(e)
			return reply{}, e
		}
		c.log.Warn("retrying", "attempt", attempt, "wait", pause.Round(time.Millisecond), "err", err)
		if e.RetryAfter > 0 || tooMany(e) {
			c.pace.pause(pause, e)
		}
		if err := sleep(ctx, pause); err != nil {
			return reply{}, fmt.Errorf("%s: %w", q.op, err)
		}
	}
}

// pauseUntil pauses the account after the last attempt of a call, for as long as COC asked.
func (c *Client) pauseUntil(e *Error) {
	pause := cmp.Or(e.RetryAfter, e.window)
	if pause == 0 && tooMany(e) {
		pause = exhausted
	}
	if pause > 0 {
		e.Until = c.now().Add(pause)
		c.pace.pause(pause, e)
	}
}

// requestedWait is the pause before the next attempt that COC asked for; 0 if it asked
// for none. COC names the window of a limit but not how much of it is left: a quarter
// of the window each time reaches its end within the attempts.
func (c *Client) requestedWait(e *Error) time.Duration {
	return cmp.Or(e.RetryAfter, min(e.window/(attempts-1), c.maxWait()/attempts))
}

func tooMany(e *Error) bool {
	return e.Status == http.StatusTooManyRequests || strings.HasSuffix(e.Code, ".0308")
}

// try makes one attempt, and a second one only if the key pair was refused and its
// source has another one now. Nothing is sent after that one.
func (c *Client) try(ctx context.Context, q request, patience time.Duration) (reply, error) {
	kp, err := c.keyPair(ctx, q.op, KeyPair{})
	if err != nil {
		return reply{}, err
	}
	a, err := c.attempt(ctx, q, kp, patience)
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.is(coc.ErrUnauthorized) || e.final {
		return a, err
	}
	other, readErr := c.keyPair(ctx, q.op, kp)
	if readErr != nil || other.same(kp) {
		return a, err
	}
	c.log.Warn("key pair refused, trying its replacement", "err", err)
	a, err = c.attempt(ctx, q, other, patience)
	if e, ok := errors.AsType[*Error](err); ok {
		e.final = true
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
	e, ok := errors.AsType[*Error](err)
	switch {
	case err == nil:
		c.served.Add(1)
		c.guard.prove(kp, c.now())
		c.pace.faster()
	case !ok || e.Status == 0:
	case e.is(coc.ErrUnauthorized):
		c.guard.refuse(kp, e, c.now())
	case tooMany(e):
		c.pace.slower(sentAt, e.pace)
	case !e.is(coc.ErrTemporary) && e.Code != "":
		c.guard.prove(kp, c.now())
	}
	return a, err
}

// classOutcomes are the outcomes of a request whose response is an error, by its class.
func classOutcomes() map[error]string {
	return map[error]string{
		coc.ErrTemporary:    "server_error", // 5xx, or not COC's and perhaps different next time
		coc.ErrUnauthorized: "unauthorized",
		coc.ErrForbidden:    "forbidden",
		coc.ErrNotFound:     "not_found", // COC does not have that document
		coc.ErrRefused:      "refused",
		coc.ErrMalformed:    "malformed", // the response cannot be read
	}
}

// Outcomes returns all outcomes that Observe may receive.
func Outcomes() []string {
	return append(slices.Sorted(maps.Values(classOutcomes())), "ok", "throttled", "network", "stopped")
}

// outcome classifies the result of one request.
func outcome(err error) string {
	e, ok := errors.AsType[*Error](err)
	switch {
	case err == nil:
		return "ok"
	case !ok:
		return "stopped" // the caller stopped waiting
	case e.Status == 0:
		return "network" // no complete response
	case tooMany(e):
		return "throttled"
	}
	for class, name := range classOutcomes() {
		if e.is(class) {
			return name
		}
	}
	return ""
}
