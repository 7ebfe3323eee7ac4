package web

import (
	"sync"
	"time"

	"cocsync/internal/coc"
)

// Live holds the metrics of the daemon in the same process that are not in the archive. A
// nil Live counts nothing.
type Live struct {
	mu      sync.Mutex
	samples samples
	loaded  bool // the last load of a configuration succeeded
}

// requestBounds and cycleBounds return the bounds of histograms, in seconds.
func requestBounds() []float64 { return []float64{0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30} }
func cycleBounds() []float64 {
	return []float64{0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}
}

// NewLive returns a Live with all counters at zero.
func NewLive() *Live { return &Live{samples: newSamples()} }

// update calls f with the metrics, unless there are none.
func (l *Live) update(f func(*samples)) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.samples)
}

// addTo adds the metrics to x.
func (l *Live) addTo(x *samples) {
	l.update(func(own *samples) {
		x.merge(*own)
		x.add("cocsync_config_last_reload_successful", boolean(l.loaded))
	})
}

// Loaded records the result of loading a configuration.
func (l *Live) Loaded(err error) {
	l.update(func(*samples) { l.loaded = err == nil })
}

// Requests returns a function that counts requests of an account; nil for a nil Live. The
// counters of all outcomes start at 0.
func (l *Live) Requests(account string, outcomes []string) func(outcome string, took time.Duration) {
	if l == nil {
		return nil
	}
	add := func(x *samples, outcome string, n float64) {
		x.add("cocsync_coc_requests_total", n, "account", account, "outcome", outcome)
	}
	l.update(func(x *samples) {
		for _, outcome := range outcomes {
			add(x, outcome, 0)
		}
	})
	return func(outcome string, took time.Duration) {
		l.update(func(x *samples) {
			add(x, outcome, 1)
			x.observe("cocsync_coc_request_duration_seconds", requestBounds(), took.Seconds(), "account", account)
		})
	}
}

// Posts returns a function that counts posts of notifiers; nil for a nil Live.
func (l *Live) Posts(notifiers, outcomes []string) func(notifier, outcome string) {
	if l == nil {
		return nil
	}
	add := func(x *samples, notifier, outcome string, n float64) {
		x.add("cocsync_notify_posts_total", n, "notifier", notifier, "outcome", outcome)
	}
	l.update(func(x *samples) {
		for _, notifier := range notifiers {
			for _, outcome := range outcomes {
				add(x, notifier, outcome, 0)
			}
		}
	})
	return func(notifier, outcome string) {
		l.update(func(x *samples) { add(x, notifier, outcome, 1) })
	}
}

// Cycles returns a function that counts cycles; nil for a nil Live. It ignores cycles of
// selected documents only.
func (l *Live) Cycles() func(coc.Cycle) {
	if l == nil {
		return nil
	}
	return func(c coc.Cycle) {
		if !c.Partial {
			l.update(func(x *samples) {
				x.observe("cocsync_cycle_seconds", cycleBounds(), took(c), "outcome", string(c.Outcome), "watch", c.Watch)
			})
		}
	}
}

// took returns the duration of a cycle in seconds; 0 if the clock was set back.
func took(c coc.Cycle) float64 { return max(0, c.EndedAt.Sub(c.StartedAt).Seconds()) }
