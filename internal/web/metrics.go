package web

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// docs/metrics.md describes every metric.

// metrics registers the metrics for Prometheus. Values of the archive are queried at each
// scrape.
func (s *Site) metrics(mux *http.ServeMux) error {
	ledger := &ledger{kinds: map[coc.Kind]int{}}
	var err error
	if ledger.counted, err = s.Archive.Recording(context.Background()); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		x, err := s.sheet(r.Context(), ledger)
		if err != nil {
			if r.Context().Err() == nil { // otherwise the client disconnected
				s.Log.Error("metrics not read", "err", err)
			}
			http.Error(w, text.VisibleExcept(err.Error(), "\n"), http.StatusInternalServerError)
			return
		}
		s.Live.add(x)
		x.gauge("cocsync_build_info", "Always 1; the labels are the versions of cocsync and of Go.", 1,
			"goversion", runtime.Version(), "version", s.Version)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = x.write(w) // an error means that the client disconnected
	})
	return nil
}

// ledger counts the changes recorded by any process since this one started. Prometheus
// requires counters that start at 0 and never decrease.
type ledger struct {
	mu      sync.Mutex
	counted query.Recording
	kinds   map[coc.Kind]int
}

// checksCache holds the oldest check of each watch for maxChecksAge. The query may read all
// versions, and the result changes slowly.
type checksCache struct {
	mu       sync.Mutex
	loadedAt time.Time
	oldest   map[string]time.Time // by watch
}

const maxChecksAge = 5 * time.Minute

// boolean returns 1 for true and 0 for false.
func boolean(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// unix returns a time in seconds since 1970; 0 for the zero time.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
