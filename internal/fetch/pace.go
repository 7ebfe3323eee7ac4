package fetch

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// firstRate is where a client without a limit begins when it is told that
	// it asks too much: what cocsync asks of an account unless told otherwise.
	firstRate rate.Limit = 5
	// leastRate keeps a client going, however often it is told to be slower.
	leastRate rate.Limit = 0.1
	// freeRate is where a client that was told no limit has none again.
	freeRate rate.Limit = 50
	// After recovery without a complaint the rate goes up by a quarter.
	recovery = 30 * time.Second
)

// pacer keeps all callers of a client under one rate, and still while COC wants
// quiet. It measures with the monotonic clock: a wall clock may jump.
type pacer struct {
	limiter *rate.Limiter

	mu      sync.Mutex
	ceiling rate.Limit // the rate that was configured, or the limit COC named
	moved   time.Time  // when the rate was last changed
	until   time.Time  // nothing is sent before then,
	why     *Error     // because of this
}

func (p *pacer) start(perSecond float64, burst int) {
	p.ceiling = rate.Inf
	if perSecond > 0 {
		p.ceiling = rate.Limit(perSecond)
	}
	p.limiter = rate.NewLimiter(p.ceiling, burst)
}

// wait returns when the next request may be sent. It does not sit out a quiet
// time longer than patience, but returns the answer that began it.
func (p *pacer) wait(ctx context.Context, op string, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for {
		if err := p.quiet(ctx, op, deadline); err != nil {
			return err
		}
		if err := p.limiter.Wait(ctx); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return context.DeadlineExceeded // it would come before our turn
		}
		p.mu.Lock()
		still := time.Until(p.until) > 0 // somebody was told so meanwhile
		p.mu.Unlock()
		if !still {
			return nil
		}
	}
}

func (p *pacer) quiet(ctx context.Context, op string, deadline time.Time) error {
	for {
		p.mu.Lock()
		until, why := p.until, p.why
		p.mu.Unlock()
		d := time.Until(until)
		if d <= 0 {
			return nil
		}
		if until.After(deadline) {
			return why.again(op)
		}
		if err := sleep(ctx, d); err != nil {
			return err
		}
	}
}

// pause keeps every caller still for so long.
func (p *pacer) pause(d time.Duration, why *Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.until) {
		p.until, p.why = until, why
	}
}

// slower halves the rate after a request, sent at that time, was one too many,
// and heeds the limit that COC named; 0: none. Requests that were under way
// together count once.
func (p *pacer) slower(sentAt time.Time, allowed float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit := max(rate.Limit(allowed), leastRate); allowed > 0 && limit < p.ceiling {
		p.ceiling = limit
	}
	old := p.limiter.Limit()
	if sentAt.Before(p.moved) && old <= p.ceiling {
		return
	}
	slow := firstRate
	if old != rate.Inf {
		slow = old / 2
	}
	p.limiter.SetLimit(min(old, p.ceiling, max(slow, leastRate)))
	p.moved = time.Now()
}

// faster lets the rate recover slowly.
func (p *pacer) faster() {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.limiter.Limit()
	if old >= p.ceiling || time.Since(p.moved) < recovery {
		return
	}
	next := min(p.ceiling, old*5/4)
	if p.ceiling == rate.Inf && next > freeRate {
		next = rate.Inf
	}
	p.limiter.SetLimit(next)
	p.moved = time.Now()
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
