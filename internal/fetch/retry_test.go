package fetch

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		header, date string
		want         time.Duration
	}{
		{"", "", 0},
		{"0", "", 0},
		{"-3", "", 0},
		{"7", "", 7 * time.Second},
		{" 1.5 ", "", 1500 * time.Millisecond},
		{"NaN", "", 0},
		{"1e300", "", maxPause},
		{"soon", "", 0},
		{now.Add(20 * time.Second).Format(http.TimeFormat), "", 20 * time.Second},
		{now.Add(-time.Minute).Format(http.TimeFormat), "", 0},
		{now.Add(1000 * time.Hour).Format(http.TimeFormat), "", maxPause},
		// This machine's clock is two hours behind: the response's own date counts.
		{now.Add(2*time.Hour + 30*time.Second).Format(http.TimeFormat), now.Add(2 * time.Hour).Format(http.TimeFormat), 30 * time.Second},
	} {
		h := http.Header{}
		h.Set("Retry-After", tt.header)
		h.Set("Date", tt.date)
		if got := retryAfter(h, now); got != tt.want {
			t.Errorf("retryAfter(%q, Date %q) = %v, want %v", tt.header, tt.date, got, tt.want)
		}
	}
}

func TestLimitOf(t *testing.T) {
	for _, tt := range []struct {
		message string
		window  time.Duration
		pace    float64
	}{
		{"The throttling threshold has been reached: policy user over ratelimit,limit:200,time:5 minute", 5 * time.Minute, 200.0 / 300},
		{"limit:60,time:1 minute", time.Minute, 1},
		{"limit: 5,time:1 second", time.Second, 5},
		{"limit:1,time:1 day", maxPause, 1.0 / 86400},
		{"limit:0,time:1 minute", 0, 0},
		{"limit:5,time:0 minute", 0, 0},
		{"limit:5,time:1 fortnight", 0, 0},
		{"limit:99999999999999999999,time:1 minute", 0, 0},
		{"slow down", 0, 0},
		{"", 0, 0},
	} {
		window, pace := limitOf(tt.message)
		if window != tt.window || pace != tt.pace {
			t.Errorf("limitOf(%q) = %v, %v, want %v, %v", tt.message, window, pace, tt.window, tt.pace)
		}
	}
}

const tooManyBody = `{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit"}`

// However COC asks for a pause, the call waits for it, and no longer.
func TestRetryWaits(t *testing.T) {
	for _, tt := range []struct {
		name     string
		status   int
		body     string
		header   func() string
		min, max time.Duration
	}{
		{"seconds", 429, tooManyBody, func() string { return "20" }, 20 * time.Second, 20 * time.Second},
		{"fraction", 429, tooManyBody, func() string { return "2.5" }, 2500 * time.Millisecond, 2500 * time.Millisecond},
		{"date", 429, tooManyBody, func() string { return time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat) },
			30 * time.Second, 30 * time.Second},
		{"503 too", 503, "", func() string { return "4" }, 4 * time.Second, 4 * time.Second},
		{"window", 429, strings.Replace(tooManyBody, "ratelimit", "ratelimit,limit:60,time:1 minute", 1),
			func() string { return "" }, 15 * time.Second, 15 * time.Second},
		{"long window", 429, strings.Replace(tooManyBody, "ratelimit", "ratelimit,limit:200,time:5 minute", 1),
			func() string { return "" }, 15 * time.Second, 15 * time.Second},
		{"no pause requested", 429, tooManyBody, func() string { return "" }, 500 * time.Millisecond, 1500 * time.Millisecond},
		{"zero", 429, tooManyBody, func() string { return "0" }, 500 * time.Millisecond, 1500 * time.Millisecond},
		{"500", 500, "", func() string { return "" }, 500 * time.Millisecond, 1500 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				dates := map[string]bool{}
				c, _ := newClient(func(n int, r *http.Request) (*http.Response, error) {
					dates[r.Header.Get(headerDate)] = true
					if n == 1 {
						return respond(tt.status, tt.body, "Retry-After", tt.header()), nil
					}
					return respond(200, goodDocument), nil
				})
				_, err := c.Get(t.Context(), "DM1", "", "")
				took := time.Since(start)
				if err != nil || took < tt.min || took > tt.max {
					t.Errorf("Get took %v, %v, want between %v and %v", took, err, tt.min, tt.max)
				}
				if took > 2*time.Second && len(dates) != 2 {
					t.Errorf("%d signing dates, want each attempt signed again", len(dates))
				}
			})
		})
	}
}

// A pause that is longer than a call is returned, not waited for, and fails every
// other call without a request.
func TestLongPauseIsReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c, tr := newClient(func(int, *http.Request) (*http.Response, error) {
			return respond(429, tooManyBody, "Retry-After", "600"), nil
		})
		for range 3 {
			_, err := c.Get(t.Context(), "DM1", "", "")
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, coc.ErrTemporary) {
				t.Fatalf("Get error = %v, want temporary", err)
			}
			if got, want := e.PausedUntil(), start.Add(10*time.Minute); !got.Equal(want) {
				t.Errorf("PausedUntil() = %v, want %v", got, want)
			}
		}
		if got := tr.n.Load(); got != 1 || time.Since(start) != 0 {
			t.Errorf("%d requests in %v, want 1 at once", got, time.Since(start))
		}
		time.Sleep(10 * time.Minute)
		_, _ = c.Get(t.Context(), "DM1", "", "")
		if got := tr.n.Load(); got != 2 {
			t.Errorf("%d requests after the pause, want 2", got)
		}
	})
}

// Attempts and time are bounded. The account is paused only if COC responded "too many
// requests".
func TestRetriesEnd(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		quiet  time.Duration
	}{
		{"too many", 429, tooManyBody, exhausted},
		{"window", 429, strings.Replace(tooManyBody, "ratelimit", "ratelimit,limit:200,time:5 minute", 1), 5 * time.Minute},
		{"broken", 500, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				c, tr := newClient(func(int, *http.Request) (*http.Response, error) { return respond(tt.status, tt.body), nil })
				_, err := c.Get(t.Context(), "DM1", "", "")
				var e *Error
				if !errors.As(err, &e) || !errors.Is(err, coc.ErrTemporary) {
					t.Fatalf("Get error = %v, want temporary", err)
				}
				if took := time.Since(start); took > defaultMaxWait || tr.n.Load() != attempts {
					t.Errorf("%d requests in %v, want %d within %v", tr.n.Load(), took, attempts, defaultMaxWait)
				}
				got := time.Duration(0)
				if !e.Until.IsZero() {
					got = time.Until(e.Until)
				}
				if got != tt.quiet {
					t.Errorf("paused for %v, want %v", got, tt.quiet)
				}
			})
		})
	}
}

// A server that never responds costs a bounded time.
func TestHungServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c, _ := newClient(func(_ int, r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		_, err := c.Get(t.Context(), "DM1", "", "")
		if !errors.Is(err, coc.ErrTemporary) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get error = %v, want temporary and not the caller's deadline", err)
		}
		if took, most := time.Since(start), defaultMaxWait+attemptTimeout; took > most {
			t.Errorf("Get took %v, want at most %v", took, most)
		}
	})
}

// A caller that stops a call gets the cause back, whatever the call waits for.
func TestCancel(t *testing.T) {
	why := errors.New("the next cycle is due")
	for name, answer := range map[string]canned{
		"in a request": func(_ int, r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"in a pause": func(int, *http.Request) (*http.Response, error) {
			return respond(429, tooManyBody, "Retry-After", "60"), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := newClient(answer)
				c.RPS = 0.1
				ctx, cancel := context.WithCancelCause(t.Context())
				start := time.Now()
				time.AfterFunc(5*time.Second, func() { cancel(why) })
				var wg sync.WaitGroup
				for range 3 { // the second and third wait for the first
					wg.Go(func() {
						if _, err := c.Get(ctx, "DM1", "", ""); !errors.Is(err, why) {
							t.Errorf("Get error = %v, want %v", err, why)
						}
					})
				}
				wg.Wait()
				if took := time.Since(start); took != 5*time.Second {
					t.Errorf("Get took %v, want 5s", took)
				}
			})
		})
	}
}

// The rate is that of the whole client, however many callers it has.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c, _ := newClient(func(int, *http.Request) (*http.Response, error) { return respond(200, goodDocument), nil })
		c.RPS, c.Connections = 5, 4
		var wg sync.WaitGroup
		for range 54 {
			wg.Go(func() { _, _ = c.Get(t.Context(), "DM1", "", "") })
		}
		wg.Wait()
		if took := time.Since(start); took < 10*time.Second || took > 10100*time.Millisecond {
			t.Errorf("54 requests took %v, want 10s at 5 a second after a burst of 4", took)
		}
	})
}

// One 429 pauses all callers and lowers the rate, once for all concurrent requests.
// The rate recovers slowly and not beyond the limit in COC's message.
func TestTooManySlowsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var sent []time.Duration
		start := time.Now()
		c, _ := newClient(func(n int, _ *http.Request) (*http.Response, error) {
			mu.Lock()
			sent = append(sent, time.Since(start))
			mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			if n >= 2 && n <= 5 {
				return respond(429, strings.Replace(tooManyBody, "ratelimit", "ratelimit,limit:180,time:1 minute", 1), "Retry-After", "10"), nil
			}
			return respond(200, goodDocument), nil
		})
		c.RPS, c.Connections = 4, 4
		if _, err := c.Get(t.Context(), "DM1", "", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // the burst is full again
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := c.Get(t.Context(), "DM1", "", ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, at := range sent[5:] {
			if at < 11*time.Second {
				t.Errorf("a request was sent at %v, want none in the pause until 11s", at)
			}
		}
		if got := c.pace.limiter.Limit(); got != 2 {
			t.Errorf("rate = %v after concurrent refusals, want 2", got)
		}
		for range 100 {
			time.Sleep(recovery)
			_, _ = c.Get(t.Context(), "DM1", "", "")
		}
		if got := c.pace.limiter.Limit(); got != 3 {
			t.Errorf("rate = %v long afterwards, want 3, the limit in COC's message", got)
		}
	})
}
