package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"cocsync/internal/coc"
)

// docs/metrics.md has the words for every metric.

// metrics serves them to Prometheus. What the archive knows is read when asked.
func (s *Site) metrics(mux *http.ServeMux) error {
	process := prometheus.NewRegistry()
	all := append(s.Live.collectors(),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), s.build())
	for _, c := range all {
		if err := process.Register(c); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	ledger := &ledger{kinds: map[coc.Kind]int{}}
	var err error
	if ledger.last, err = s.History.DB.NewestChange(context.Background()); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		archive := prometheus.NewRegistry()
		sheet, err := s.sheet(r.Context(), ledger)
		if err == nil {
			err = archive.Register(sheet)
		}
		if err != nil {
			if r.Context().Err() == nil { // else nobody waits for them any more
				s.Log.Error("metrics not read", "err", err)
			}
			http.Error(w, atomText(err.Error(), "\n"), http.StatusInternalServerError)
			return
		}
		promhttp.HandlerFor(prometheus.Gatherers{process, archive}, promhttp.HandlerOpts{
			ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelError), ErrorHandling: promhttp.HTTPErrorOnError,
		}).ServeHTTP(w, r)
	})
	return nil
}

func (s *Site) build() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cocsync_build_info",
		Help:        "Always 1; the labels say which cocsync this is, and which Go built it.",
		ConstLabels: prometheus.Labels{"version": label(s.Version), "goversion": label(runtime.Version())},
	}, func() float64 { return 1 })
}

// ledger counts the changes that were recorded since the page began, by whichever
// process: a counter that begins at 0 and only grows, as Prometheus wants one.
type ledger struct {
	mu    sync.Mutex
	last  int64 // the change that was counted last
	kinds map[coc.Kind]int
}

// checks are when versions were checked. That moves by days and may have to be looked
// for among all versions, so it is looked for only every so often.
type checks struct {
	mu     sync.Mutex
	looked time.Time
	oldest map[string]time.Time // by watch
}

// checksAge is how old checks may be.
const checksAge = 5 * time.Minute

// sheet is what is read of the archive for one answer.
type sheet struct{ metrics []prometheus.Metric }

// Describe names no metrics: which there are depends on the archive.
func (*sheet) Describe(chan<- *prometheus.Desc) {}

// Collect hands out what was read.
func (s *sheet) Collect(ch chan<- prometheus.Metric) {
	for _, m := range s.metrics {
		ch <- m
	}
}

// gauge adds a value. labels are names and values in turn.
func (s *sheet) gauge(name, help string, value float64, labels ...string) {
	s.add(prometheus.GaugeValue, name, help, value, labels)
}

// counter adds a value that only grows.
func (s *sheet) counter(name, help string, value float64, labels ...string) {
	s.add(prometheus.CounterValue, name, help, value, labels)
}

func (s *sheet) add(typ prometheus.ValueType, name, help string, value float64, labels []string) {
	var names, values []string
	for i := 0; i < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, label(labels[i+1]))
	}
	m, err := prometheus.NewConstMetric(prometheus.NewDesc(name, help, names, nil), typ, value, values...)
	if err != nil {
		m = prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
	}
	s.metrics = append(s.metrics, m)
}

// label makes of a name what may stand in a label: text that can be seen.
func label(s string) string { return atomText(s, "") }

// truth is 1 or 0.
func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// unix is an instant in seconds since 1970; 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
