package fetch

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// firstRate is the first rate of a client without a configured limit after its first
	// "too many requests": cocsync's default rate.
	firstRate rate.Limit = 5
	// minRate is the lowest rate, however often COC asks for fewer requests.
	minRate rate.Limit = 0.1
	// freeRate is the rate above which a client without a configured limit has no limit
	// again.
	freeRate rate.Limit = 50
	// The rate is raised by a quarter after each recovery period without "too many
	// requests".
	recovery = 30 * time.Second
)

// pacer keeps all callers of a client under one rate, and pauses them if COC asks for
// it. It measures with the monotonic clock: a wall clock may jump.
type pacer struct {
	limiter *rate.Limiter

	mu      sync.Mutex
	ceiling rate.Limit // the configured rate, or the limit in COC's message
	moved   time.Time  // when the rate was last changed
	until   time.Time  // requests are paused until then,
	why     *Error     // because of this
}

func (p *pacer) start(perSecond float64, burst int) {
	p.ceiling = rate.Inf
	if perSecond > 0 {
		p.ceiling = rate.Limit(perSecond)
	}
	p.limiter = rate.NewLimiter(p.ceiling, burst)
}

// wait returns when the next request may be sent. If a pause is longer than patience,
// it returns the response that caused the pause.
func (p *pacer) wait(ctx context.Context, op string, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for limited := false; ; {
		p.mu.Lock()
		until, why := p.until, p.why
		p.mu.Unlock()
		switch pause := time.Until(until); {
		case pause <= 0 && limited:
			return nil
		case pause > 0 && until.After(deadline):
			return why.forOp(op)
		case pause > 0:
			if err := sleep(ctx, pause); err != nil {
				return err
			}
			limited = false
		default:
			if err := p.limiter.Wait(ctx); err != nil {
				return cmp.Or(context.Cause(ctx), context.DeadlineExceeded)
			}
			limited = true // a pause may have started during the wait
		}
	}
}

// pause pauses every caller for a duration.
func (p *pacer) pause(d time.Duration, why *Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.until) {
		p.until, p.why = until, why
	}
}

// slower halves the rate after a request, sent at that time, was one too many, and
// applies the limit in COC's message; 0: none. Concurrent requests count once.
func (p *pacer) slower(sentAt time.Time, allowed float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit := max(rate.Limit(allowed), minRate); allowed > 0 && limit < p.ceiling {
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
	p.limiter.SetLimit(min(old, p.ceiling, max(slow, minRate)))
	p.moved = time.Now()
}

// faster raises the rate slowly.
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

// maxPause bounds how long a response can pause an account. One request an hour is
// harmless, and a wrong date must not stop monitoring permanently.
const maxPause = time.Hour

// retryAfter reads the header: seconds, with or without a fraction, or a date. It
// returns 0 if the header is absent or invalid or the time has passed. A date is
// compared with the response's own, so a wrong clock on this machine does not matter.
func retryAfter(h http.Header, now time.Time) time.Duration {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(n) {
		return bounded(n)
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	if there, err := http.ParseTime(h.Get("Date")); err == nil {
		now = there
	}
	return min(max(0, at.Sub(now)), maxPause)
}

// bounded returns a duration in seconds, at least 0 and at most maxPause.
func bounded(seconds float64) time.Duration {
	return time.Duration(min(max(0, seconds), maxPause.Seconds()) * float64(time.Second))
}

// limitOf parses the limit in the gateway's message, as in "policy user over
// ratelimit,limit:200,time:5 minute": the window, and the allowed requests a second.
// Both are 0 if the message has none.
func limitOf(message string) (window time.Duration, perSecond float64) {
	m := regexp.MustCompile(`limit: *(\d{1,15})\b.*?time: *(\d{1,15})\s*(s|minute|hour|day)`).FindStringSubmatch(message)
	if m == nil {
		return 0, 0
	}
	limit, _ := strconv.ParseFloat(m[1], 64)
	count, _ := strconv.ParseFloat(m[2], 64)
	seconds := count * map[string]float64{"s": 1, "minute": 60, "hour": 3600, "day": 86400}[m[3]]
	if limit == 0 || seconds == 0 {
		return 0, 0
	}
	return bounded(seconds), limit / seconds
}
