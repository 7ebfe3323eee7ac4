package web

import (
	"context"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

// sheet returns the metrics of the archive.
func (s *Site) sheet(ctx context.Context, l *ledger) (*sheet, error) {
	x := &sheet{}
	if err := x.archive(ctx, s.Archive); err != nil {
		return nil, err
	}
	st, err := s.Archive.LoadProblems(ctx)
	if err != nil {
		return nil, err
	}
	x.health(st)
	if err := s.watches(ctx, x, st); err != nil {
		return nil, err
	}
	x.deliveries(st)
	x.accounts(st)
	return x, x.changes(ctx, s.Archive, l)
}

// archive adds the size of the archive and the counts of its rows.
func (x *sheet) archive(ctx context.Context, a *query.Archive) error {
	t, err := a.Totals(ctx)
	if err != nil {
		return err
	}
	for _, state := range []coc.DocState{coc.Present, coc.Seen, coc.Deleted} {
		x.gauge("cocsync_documents", "Documents by state: present, listed (not yet archived), deleted.",
			float64(t.DocumentStates[state]), "state", string(state))
	}
	for _, state := range []coc.VersionState{coc.Archived, coc.Pending, coc.Unavailable} {
		x.gauge("cocsync_versions", "Versions by state: archived, pending (not yet fetched), unavailable (not served by COC).",
			float64(t.VersionStates[state]), "state", string(state))
	}
	x.gauge("cocsync_archive_bytes", "The size of the database file, without its write-ahead log.", float64(t.FileBytes))
	x.gauge("cocsync_log_records", "Records in the log of the archive.", float64(t.Logged))
	x.gauge("cocsync_log_signed_records", "Records of the log covered by the newest signature.", float64(t.Signed))
	x.gauge("cocsync_schema_version", "The version of the database schema.", float64(t.Schema))
	return nil
}

// health adds the problems that status reports.
func (x *sheet) health(s *query.Status) {
	kinds := map[query.ProblemKind]int{}
	for _, p := range s.Problems {
		kinds[p.Kind]++
	}
	x.gauge("cocsync_healthy", "1 if healthcheck succeeds: status reports no problems and the archive is not a copy.", boolean(s.Healthy()))
	for _, kind := range query.ProblemKinds() {
		x.gauge("cocsync_problems", "Problems that status reports, by kind.", float64(kinds[kind]), "kind", string(kind))
	}
	x.gauge("cocsync_versions_missing", "Listed versions that are unavailable.", float64(s.MissingCount))
	x.gauge("cocsync_archive_wal_bytes", "The size of the database's write-ahead log.", float64(s.WALBytes))
}

// watches adds the status of each watch of the configuration.
func (s *Site) watches(ctx context.Context, x *sheet, st *query.Status) error {
	var names []string
	for _, w := range st.Watches {
		if !w.Retired() {
			names = append(names, w.Watch)
		}
	}
	oldest, err := s.checks.load(ctx, s.Archive, names, st.Now)
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
		x.gauge("cocsync_watch_last_success_timestamp_seconds", "When the newest good cycle of a watch ended, in seconds since 1970; 0 before the first.",
			unix(w.LastGoodAt.Time), "watch", w.Watch)
		x.gauge("cocsync_watch_last_cycle_timestamp_seconds", "When the newest cycle of a watch started, in seconds since 1970; 0 before the first.",
			unix(w.LastCycleAt), "watch", w.Watch)
		x.gauge("cocsync_watch_failed_cycles", "Failed cycles of a watch since its newest good one.",
			float64(w.FailedInARow), "watch", w.Watch)
		x.gauge("cocsync_watch_stale", "1 if status reports a problem of a watch.",
			boolean(st.ProblemOf(w.Watch) != ""), "watch", w.Watch)
		if !last.Key.IsZero() {
			x.gauge("cocsync_cycle_duration_seconds", "The duration of the newest finished cycle of a watch.",
				took(last), "watch", w.Watch)
		}
		if at := oldest[w.Watch]; !at.IsZero() {
			x.gauge("cocsync_version_oldest_check_timestamp_seconds", "When the least recently checked version of a watch was last compared with COC, in seconds since 1970.",
				unix(at), "watch", w.Watch)
		}
	}
	return nil
}

// load returns the oldest check of each watch.
func (c *checksCache) load(ctx context.Context, a *query.Archive, watches []string, now time.Time) (map[string]time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loadedAt.IsZero() && now.Sub(c.loadedAt).Abs() < maxChecksAge {
		return c.oldest, nil
	}
	oldest, err := a.OldestChecks(ctx, watches)
	if err != nil {
		return nil, err
	}
	c.oldest, c.loadedAt = oldest, now
	return oldest, nil
}

// deliveries adds the pending and failed deliveries of each notifier.
func (x *sheet) deliveries(s *query.Status) {
	for _, b := range s.Notifiers {
		pending := 0.0
		if b.Waiting > 0 && !b.OldestAt.IsZero() {
			pending = max(0, s.Now.Sub(b.OldestAt.Time).Seconds())
		}
		x.gauge("cocsync_deliveries_waiting", "Deliveries to a notifier that are not sent yet, including files and replies.", float64(b.Waiting), "notifier", b.Notifier)
		x.gauge("cocsync_delivery_oldest_waiting_seconds", "How long the oldest pending delivery has been due, in seconds; 0 if none is.",
			pending, "notifier", b.Notifier)
		x.gauge("cocsync_deliveries_failed", "Messages to a notifier that the service refused permanently.", float64(b.Failed), "notifier", b.Notifier)
		x.gauge("cocsync_notifier_held", "1 while the channel of a notifier is on hold; its deliveries are pending.",
			boolean(b.Held != ""), "notifier", b.Notifier)
		x.gauge("cocsync_notifier_quiet", "1 during the quiet hours of a notifier; its deliveries are pending.",
			boolean(!b.QuietUntil.IsZero()), "notifier", b.Notifier)
	}
}

// accounts adds which accounts are paused.
func (x *sheet) accounts(s *query.Status) {
	for _, a := range s.Accounts {
		x.gauge("cocsync_account_refused", "1 while requests of an account are paused because COC refused its key pair.",
			boolean(a.RefusedUntil.After(s.Now)), "account", a.Name)
		x.gauge("cocsync_account_paused", "1 while requests of an account are paused by COC's rate limit.",
			boolean(a.PausedUntil.After(s.Now)), "account", a.Name)
	}
}

// changes adds the changes since this process started.
func (x *sheet) changes(ctx context.Context, a *query.Archive, l *ledger) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := a.CountKinds(ctx, l.counted, l.kinds); err != nil {
		return err
	}
	for _, kind := range coc.Kinds {
		x.counter("cocsync_changes_total", "Changes recorded since this process started, by kind, without those from before the initial sync.",
			float64(l.kinds[kind]), "kind", string(kind))
	}
	return nil
}
