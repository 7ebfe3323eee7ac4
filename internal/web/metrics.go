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

// docs/metrics.md has the words for every metric.

// metrics serves them to Prometheus. What the archive knows is read when asked.
func (s *Site) metrics(mux *http.ServeMux) error {
	ledger := &ledger{kinds: map[coc.Kind]int{}}
	var err error
	if ledger.counted, err = s.Archive.Recording(context.Background()); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		x, err := s.sheet(r.Context(), ledger)
		if err != nil {
			if r.Context().Err() == nil { // else nobody waits for them any more
				s.Log.Error("metrics not read", "err", err)
			}
			http.Error(w, text.VisibleExcept(err.Error(), "\n"), http.StatusInternalServerError)
			return
		}
		s.Live.add(x)
		x.gauge("cocsync_build_info", "Always 1; the labels say which cocsync this is, and which Go built it.", 1,
			"goversion", runtime.Version(), "version", s.Version)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = x.write(w) // an error means that the scraper went away
	})
	return nil
}

// ledger counts the changes that were recorded since the page began, by whichever
// process: a counter that begins at 0 and only grows, as Prometheus wants one.
type ledger struct {
	mu      sync.Mutex
	counted query.Recording
	kinds   map[coc.Kind]int
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
