package web

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cocsync/internal/coc"
)

// Live is what a page hears of the daemon in its process: which watches there are, and
// what is counted as it happens and stands in no archive. A nil Live hears nothing.
type Live struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	cycles   *prometheus.HistogramVec
	posts    *prometheus.CounterVec
	config   prometheus.Gauge

	mu      sync.Mutex
	watches []string // of the configuration
	loaded  bool     // it was read
}

// NewLive returns a Live that has heard nothing yet.
func NewLive() *Live {
	return &Live{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cocsync_coc_requests_total",
			Help: "Requests sent to COC, repeated ones included, by what became of them."}, []string{"account", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "cocsync_coc_request_duration_seconds",
			Help:    "How long COC took for a request.",
			Buckets: []float64{0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}}, []string{"account"}),
		cycles: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "cocsync_cycle_seconds",
			Help:    "How long cycles took, by how they ended.",
			Buckets: []float64{0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}}, []string{"watch", "outcome"}),
		posts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cocsync_notify_posts_total",
			Help: "Messages posted to a notifier, repeated ones included, by what became of them."}, []string{"notifier", "outcome"}),
		config: prometheus.NewGauge(prometheus.GaugeOpts{Name: "cocsync_config_last_reload_successful",
			Help: "1 where the configuration that the daemon was told to load last is the one it runs by, 0 where it was refused and the one before it stays."}),
	}
}

func (l *Live) collectors() []prometheus.Collector {
	if l == nil {
		return nil
	}
	return []prometheus.Collector{l.requests, l.seconds, l.cycles, l.posts, l.config}
}

// Loaded says which watches the configuration names, or that it was refused.
func (l *Live) Loaded(watches []string, err error) {
	if l == nil {
		return
	}
	if err != nil {
		l.config.Set(0)
		return
	}
	l.config.Set(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watches, l.loaded = watches, true
}

// configured are the watches of the configuration. known is false while nobody has read
// one, and where there is no daemon.
func (l *Live) configured() (watches []string, known bool) {
	if l == nil {
		return nil, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.watches, l.loaded
}

// Requests returns what counts the requests of an account; nil where nobody counts.
// Of the outcomes that can be, those that never were stand at 0.
func (l *Live) Requests(account string, outcomes []string) func(outcome string, took time.Duration) {
	if l == nil {
		return nil
	}
	account = label(account)
	for _, o := range outcomes {
		l.requests.WithLabelValues(account, label(o))
	}
	return func(outcome string, took time.Duration) {
		l.requests.WithLabelValues(account, label(outcome)).Inc()
		l.seconds.WithLabelValues(account).Observe(took.Seconds())
	}
}

// Posts returns what counts the posts of these notifiers; nil where nobody counts.
func (l *Live) Posts(notifiers, outcomes []string) func(notifier, outcome string) {
	if l == nil {
		return nil
	}
	for _, n := range notifiers {
		for _, o := range outcomes {
			l.posts.WithLabelValues(label(n), label(o))
		}
	}
	return func(notifier, outcome string) { l.posts.WithLabelValues(label(notifier), label(outcome)).Inc() }
}

// Cycles returns what counts cycles; nil where nobody counts. Those of some documents
// by name say nothing of their watch.
func (l *Live) Cycles() func(coc.Cycle) {
	if l == nil {
		return nil
	}
	return func(c coc.Cycle) {
		if !c.Partial {
			l.cycles.WithLabelValues(label(c.Watch), label(string(c.Outcome))).Observe(took(c))
		}
	}
}

// took is how many seconds a cycle took; none of a clock that was set back.
func took(c coc.Cycle) float64 { return max(0, c.EndedAt.Sub(c.StartedAt).Seconds()) }
