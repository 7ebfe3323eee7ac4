package web

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"cocsync/internal/coc"
)

// Live holds the metrics of the daemon in the same process that are not in the archive. A
// nil Live counts nothing.
type Live struct {
	mu       sync.Mutex
	requests map[pair]int        // by account and outcome
	seconds  map[pair]*histogram // by account
	cycles   map[pair]*histogram // by watch and outcome
	posts    map[pair]int        // by notifier and outcome
	refused  bool                // the last configuration was refused
	loaded   bool                // a configuration was loaded
}

// pair holds the values of one or two labels. Names that are equal once invisible
// characters are replaced share a counter.
type pair struct{ of, outcome string }

func labels(of, outcome string) pair { return pair{label(of), label(outcome)} }

// Bounds of histograms, in seconds.
var (
	requestBounds = []float64{0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	cycleBounds   = []float64{0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}
)

// NewLive returns a Live with all counters at zero.
func NewLive() *Live {
	return &Live{requests: map[pair]int{}, seconds: map[pair]*histogram{}, cycles: map[pair]*histogram{}, posts: map[pair]int{}}
}

// add adds the metrics to a sheet.
func (l *Live) add(x *sheet) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range sorted(l.requests) {
		x.counter("cocsync_coc_requests_total", "Requests sent to COC, including retries, by outcome.",
			float64(l.requests[p]), "account", p.of, "outcome", p.outcome)
	}
	for _, p := range sorted(l.seconds) {
		x.histogram("cocsync_coc_request_duration_seconds", "The duration of requests to COC.", l.seconds[p], "account", p.of)
	}
	for _, p := range sorted(l.cycles) {
		x.histogram("cocsync_cycle_seconds", "The duration of cycles, by outcome.", l.cycles[p], "outcome", p.outcome, "watch", p.of)
	}
	for _, p := range sorted(l.posts) {
		x.counter("cocsync_notify_posts_total", "Messages posted to a notifier, including retries, by outcome.",
			float64(l.posts[p]), "notifier", p.of, "outcome", p.outcome)
	}
	x.gauge("cocsync_config_last_reload_successful", "1 if the last reload of the configuration succeeded, 0 if it was refused and the previous configuration stays in use.",
		boolean(l.loaded && !l.refused))
}

func sorted[V any](m map[pair]V) []pair {
	return slices.SortedFunc(maps.Keys(m), func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.of, b.of), cmp.Compare(a.outcome, b.outcome))
	})
}

// Loaded records the result of loading a configuration.
func (l *Live) Loaded(err error) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = err != nil
	l.loaded = l.loaded || err == nil
}

// Requests returns a function that counts requests of an account; nil for a nil Live. The
// counters of all outcomes start at 0.
func (l *Live) Requests(account string, outcomes []string) func(outcome string, took time.Duration) {
	if l == nil {
		return nil
	}
	l.count(l.requests, []string{account}, outcomes, 0)
	return func(outcome string, took time.Duration) {
		l.count(l.requests, []string{account}, []string{outcome}, 1)
		l.observe(l.seconds, labels(account, ""), requestBounds, took.Seconds())
	}
}

// Posts returns a function that counts posts of notifiers; nil for a nil Live.
func (l *Live) Posts(notifiers, outcomes []string) func(notifier, outcome string) {
	if l == nil {
		return nil
	}
	l.count(l.posts, notifiers, outcomes, 0)
	return func(notifier, outcome string) { l.count(l.posts, []string{notifier}, []string{outcome}, 1) }
}

// Cycles returns a function that counts cycles; nil for a nil Live. It ignores cycles of
// selected documents only.
func (l *Live) Cycles() func(coc.Cycle) {
	if l == nil {
		return nil
	}
	return func(c coc.Cycle) {
		if !c.Partial {
			l.observe(l.cycles, labels(c.Watch, string(c.Outcome)), cycleBounds, took(c))
		}
	}
}

// count adds n to the counter of each combination.
func (l *Live) count(m map[pair]int, of, outcomes []string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range of {
		for _, outcome := range outcomes {
			m[labels(name, outcome)] += n
		}
	}
}

func (l *Live) observe(m map[pair]*histogram, p pair, bounds []float64, v float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m[p] == nil {
		m[p] = newHistogram(bounds)
	}
	m[p].observe(v)
}

// took returns the duration of a cycle in seconds; 0 if the clock was set back.
func took(c coc.Cycle) float64 { return max(0, c.EndedAt.Sub(c.StartedAt).Seconds()) }
