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
	counter := &kindCounter{kinds: map[coc.Kind]int{}}
	var err error
	if counter.counted, err = s.Archive.Recording(context.Background()); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		x := newSamples()
		if err := s.collect(r.Context(), &x, counter); err != nil {
			if r.Context().Err() == nil { // otherwise the client disconnected
				s.Log.Error("metrics not read", "err", err)
			}
			http.Error(w, text.VisibleExcept(err.Error(), "\n"), http.StatusInternalServerError)
			return
		}
		s.Live.addTo(&x)
		x.add("cocsync_build_info", 1, "goversion", runtime.Version(), "version", s.Version)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = x.write(w, families) // an error means that the client disconnected
	})
	return nil
}

// kindCounter counts the changes recorded by any process since this one started. Prometheus
// requires counters that start at 0 and never decrease.
type kindCounter struct {
	mu      sync.Mutex
	counted query.Recording
	kinds   map[coc.Kind]int
}

// collect adds the metrics of the archive.
func (s *Site) collect(ctx context.Context, x *samples, k *kindCounter) error {
	if err := x.archive(ctx, s.Archive); err != nil {
		return err
	}
	st, err := s.Archive.LoadProblems(ctx)
	if err != nil {
		return err
	}
	x.health(st)
	if err := s.watches(ctx, x, st); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := s.Archive.CountKinds(ctx, k.counted, k.kinds); err != nil {
		return err
	}
	for _, kind := range coc.Kinds() {
		x.add("cocsync_changes_total", float64(k.kinds[kind]), "kind", string(kind))
	}
	return nil
}

// archive adds the size of the archive and the counts of its rows.
func (x *samples) archive(ctx context.Context, a *query.Archive) error {
	t, err := a.Totals(ctx)
	if err != nil {
		return err
	}
	for _, state := range []coc.DocState{coc.DocPresent, coc.DocListed, coc.DocDeleted} {
		x.add("cocsync_documents", float64(t.DocumentStates[state]), "state", string(state))
	}
	for _, state := range []coc.VersionState{coc.Archived, coc.Pending, coc.Unavailable} {
		x.add("cocsync_versions", float64(t.VersionStates[state]), "state", string(state))
	}
	x.add("cocsync_archive_bytes", float64(t.FileBytes))
	x.add("cocsync_log_records", float64(t.Logged))
	x.add("cocsync_log_signed_records", float64(t.Signed))
	x.add("cocsync_schema_version", float64(t.Schema))
	return nil
}

// health adds the problems that status reports, the deliveries of each notifier, and which
// accounts are paused.
func (x *samples) health(st *query.Status) {
	x.add("cocsync_healthy", boolean(st.Healthy()))
	for _, kind := range query.ProblemKinds() {
		x.add("cocsync_problems", 0, "kind", string(kind))
	}
	for _, p := range st.Problems {
		x.add("cocsync_problems", 1, "kind", string(p.Kind))
	}
	x.add("cocsync_versions_missing", float64(st.MissingCount))
	x.add("cocsync_archive_wal_bytes", float64(st.WALBytes))
	for _, n := range st.Notifiers {
		pending := 0.0
		if n.Waiting > 0 && !n.OldestAt.IsZero() {
			pending = max(0, st.Now.Sub(n.OldestAt.Time).Seconds())
		}
		x.add("cocsync_deliveries_waiting", float64(n.Waiting), "notifier", n.Notifier)
		x.add("cocsync_delivery_oldest_waiting_seconds", pending, "notifier", n.Notifier)
		x.add("cocsync_deliveries_failed", float64(n.Failed), "notifier", n.Notifier)
		x.add("cocsync_notifier_held", boolean(n.Held != ""), "notifier", n.Notifier)
		x.add("cocsync_notifier_quiet", boolean(!n.QuietUntil.IsZero()), "notifier", n.Notifier)
	}
	for _, a := range st.Accounts {
		x.add("cocsync_account_refused", boolean(a.RefusedUntil.After(st.Now)), "account", a.Name)
		x.add("cocsync_account_paused", boolean(a.PausedUntil.After(st.Now)), "account", a.Name)
	}
}

// maxChecksAge is how old the oldest check of each watch may be. The query may read all
// versions, and the result changes slowly.
const maxChecksAge = 5 * time.Minute

// watches adds the status of each watch of the configuration.
func (s *Site) watches(ctx context.Context, x *samples, st *query.Status) error {
	var names []string
	for _, w := range st.Watches {
		if !w.Retired() {
			names = append(names, w.Watch)
		}
	}
	oldest, err := s.checks.get(st.Now, maxChecksAge, func() (map[string]time.Time, error) {
		return s.Archive.OldestChecks(ctx, names, st.Now)
	})
	if err != nil {
		return err
	}
	for _, w := range st.Watches {
		if w.Retired() {
			continue
		}
		last, err := s.Archive.LastEnded(ctx, w.Watch)
		if err != nil {
			return err
		}
		add := func(metric string, value float64) { x.add(metric, value, "watch", w.Watch) }
		add("cocsync_watch_last_success_timestamp_seconds", unix(w.LastGoodAt.Time))
		add("cocsync_watch_last_cycle_timestamp_seconds", unix(w.LastCycleAt))
		add("cocsync_watch_failed_cycles", float64(w.FailedInARow))
		add("cocsync_watch_stale", boolean(st.ProblemOf(w.Watch) != ""))
		if !last.Key.IsZero() {
			add("cocsync_cycle_duration_seconds", took(last))
		}
		if at := oldest[w.Watch]; !at.IsZero() {
			add("cocsync_version_oldest_check_timestamp_seconds", unix(at))
		}
	}
	return nil
}

// unix returns a time in seconds since 1970; 0 for the zero time.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
