package web

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"cocsync/internal/coc"
)

// Live is what the daemon in the same process reports to the page: what is counted as it
// happens and is in no archive. A nil Live receives nothing.
type Live struct {
	mu       sync.Mutex
	requests map[pair]int        // by account and outcome
	seconds  map[pair]*histogram // by account
	cycles   map[pair]*histogram // by watch and outcome
	posts    map[pair]int        // by notifier and outcome
	refused  bool                // the configuration that was read last
	loaded   bool                // it was read
}

// pair are the values of one label or two, by which something is counted. Names that look
// the same are one.
type pair struct{ of, outcome string }

func labels(of, outcome string) pair { return pair{label(of), label(outcome)} }

// The bounds of histograms, in seconds.
var (
	requestBounds = []float64{0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	cycleBounds   = []float64{0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}
)

// NewLive returns a Live that has heard nothing yet.
func NewLive() *Live {
	return &Live{requests: map[pair]int{}, seconds: map[pair]*histogram{}, cycles: map[pair]*histogram{}, posts: map[pair]int{}}
}

// add puts on the sheet what was counted.
func (l *Live) add(x *sheet) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range sorted(l.requests) {
		x.counter("cocsync_coc_requests_total", "Requests sent to COC, repeated ones included, by what became of them.",
			float64(l.requests[p]), "account", p.of, "outcome", p.outcome)
	}
	for _, p := range sorted(l.seconds) {
		x.histogram("cocsync_coc_request_duration_seconds", "How long COC took for a request.", l.seconds[p], "account", p.of)
	}
	for _, p := range sorted(l.cycles) {
		x.histogram("cocsync_cycle_seconds", "How long cycles took, by how they ended.", l.cycles[p], "outcome", p.outcome, "watch", p.of)
	}
	for _, p := range sorted(l.posts) {
		x.counter("cocsync_notify_posts_total", "Messages posted to a notifier, repeated ones included, by what became of them.",
			float64(l.posts[p]), "notifier", p.of, "outcome", p.outcome)
	}
	x.gauge("cocsync_config_last_reload_successful", "1 where the configuration that the daemon was told to load last is the one it runs by, 0 where it was refused and the one before it stays.",
		truth(l.loaded && !l.refused))
}

func sorted[V any](m map[pair]V) []pair {
	return slices.SortedFunc(maps.Keys(m), func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.of, b.of), cmp.Compare(a.outcome, b.outcome))
	})
}

// Loaded says whether the newest configuration was taken.
func (l *Live) Loaded(err error) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = err != nil
	l.loaded = l.loaded || err == nil
}

// Requests returns what counts the requests of an account; nil where nobody counts.
// Of the outcomes that can be, those that never were stand at 0.
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

// Posts returns what counts the posts of these notifiers; nil where nobody counts.
func (l *Live) Posts(notifiers, outcomes []string) func(notifier, outcome string) {
	if l == nil {
		return nil
	}
	l.count(l.posts, notifiers, outcomes, 0)
	return func(notifier, outcome string) { l.count(l.posts, []string{notifier}, []string{outcome}, 1) }
}

// Cycles returns what counts cycles; nil where nobody counts. Those of some documents
// by name say nothing of their watch.
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

// count adds n to each of the pairs.
func (l *Live) count(m map[pair]int, of, outcomes []string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, who := range of {
		for _, outcome := range outcomes {
			m[labels(who, outcome)] += n
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

// took is how many seconds a cycle took; none of a clock that was set back.
func took(c coc.Cycle) float64 { return max(0, c.EndedAt.Sub(c.StartedAt).Seconds()) }
