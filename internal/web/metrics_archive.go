package web

import (
	"context"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// sheet reads what the archive knows.
func (s *Site) sheet(ctx context.Context, l *ledger) (*sheet, error) {
	x, now := &sheet{}, s.History.Now()
	for _, read := range []func() error{
		func() error { return x.archive(ctx, s.History.DB) },
		func() error { return s.watching(ctx, x, now) },
		func() error { return x.telling(ctx, s.History.DB, now) },
		func() error { return x.accounts(ctx, s.History.DB, now) },
		func() error { return x.changes(ctx, s.History.DB, l) },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// archive adds how much there is.
func (x *sheet) archive(ctx context.Context, d *db.DB) error {
	g, err := d.Gauges(ctx)
	if err != nil {
		return err
	}
	for _, state := range []coc.DocState{coc.Present, coc.Seen, coc.Deleted} {
		x.gauge("cocsync_documents", "Documents by how they stand: present, listed and not yet archived, deleted.",
			float64(g.Documents[state]), "state", string(state))
	}
	for _, state := range []coc.VersionState{coc.Archived, coc.Pending, coc.Unavailable} {
		x.gauge("cocsync_versions", "Versions by how far the archive got with them: archived, still to be fetched, not served by COC.",
			float64(g.Versions[state]), "state", string(state))
	}
	x.gauge("cocsync_archive_bytes", "The size of the archive's file, without its write-ahead log.", float64(g.Bytes))
	x.gauge("cocsync_log_records", "Records of the log that proves the archive.", float64(g.Logged))
	x.gauge("cocsync_log_signed_records", "Records of the log that its newest signature covers.", float64(g.Signed))
	x.gauge("cocsync_schema_version", "The version of the archive's schema.", float64(g.Schema))
	return nil
}

// watching adds how the watches stand.
func (s *Site) watching(ctx context.Context, x *sheet, now time.Time) error {
	d := s.History.DB
	watches, err := s.standings(ctx, d)
	if err != nil {
		return err
	}
	var names []string
	for _, w := range watches {
		names = append(names, w.name)
	}
	oldest, err := s.checks.of(ctx, d, names, now)
	if err != nil {
		return err
	}
	for _, w := range watches {
		last, err := d.LastEnded(ctx, w.name)
		if err != nil {
			return err
		}
		x.gauge("cocsync_watch_last_success_timestamp_seconds", "When the newest good cycle of a watch ended, in seconds since 1970; 0 before the first.",
			unix(w.LastGoodAt), "watch", w.name)
		x.gauge("cocsync_watch_last_cycle_timestamp_seconds", "When the newest cycle of a watch began, in seconds since 1970; 0 before the first.",
			unix(w.LastCycleAt), "watch", w.name)
		x.gauge("cocsync_watch_failed_cycles", "Cycles of a watch that failed since its newest good one.",
			float64(w.FailedInARow), "watch", w.name)
		x.gauge("cocsync_watch_stale", "1 where a watch does not work, by the rule of /-/ready: no good cycle so far, three failed in a row, or none good for an hour longer than its cycles are apart.",
			truth(w.Stale(now) != ""), "watch", w.name)
		if last.ID != 0 {
			x.gauge("cocsync_cycle_duration_seconds", "How long the newest cycle of a watch that came to an end took.",
				took(last), "watch", w.name)
		}
		if at := oldest[w.name]; !at.IsZero() {
			x.gauge("cocsync_version_oldest_check_timestamp_seconds", "When the version of a watch that waits longest was last held against COC's copy, in seconds since 1970.",
				unix(at), "watch", w.name)
		}
	}
	return nil
}

// of returns the oldest check of each watch.
func (c *checks) of(ctx context.Context, d *db.DB, watches []string, now time.Time) (map[string]time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.looked.IsZero() && now.Sub(c.looked).Abs() < checksAge {
		return c.oldest, nil
	}
	oldest, err := d.OldestChecks(ctx, watches)
	if err != nil {
		return nil, err
	}
	c.oldest, c.looked = oldest, now
	return oldest, nil
}

// telling adds what waits to be told.
func (x *sheet) telling(ctx context.Context, d *db.DB, now time.Time) error {
	backlogs, err := d.Backlogs(ctx, now) // from then on counts what goes as plain text, which no metric has
	if err != nil {
		return err
	}
	for _, b := range backlogs {
		waits := 0.0
		if b.Waiting > 0 && !b.Oldest.IsZero() {
			waits = max(0, now.Sub(b.Oldest).Seconds())
		}
		x.gauge("cocsync_deliveries_waiting", "Deliveries to a notifier that are not sent yet.", float64(b.Waiting), "notifier", b.Notifier)
		x.gauge("cocsync_delivery_oldest_waiting_seconds", "For how long the oldest delivery to a notifier that is not sent yet has been due; 0 where none is.",
			waits, "notifier", b.Notifier)
		x.gauge("cocsync_deliveries_failed", "Messages to a notifier that were refused for good.", float64(b.Failed), "notifier", b.Notifier)
		x.gauge("cocsync_notifier_held", "1 where the channel of a notifier takes nothing, so that what is to be told waits.",
			truth(b.Held != ""), "notifier", b.Notifier)
		x.gauge("cocsync_notifier_quiet", "1 while a notifier is in its quiet hours, in which deliveries wait on purpose.",
			truth(b.Quiet.After(now)), "notifier", b.Notifier)
	}
	return nil
}

// accounts adds which of them COC may not be asked with.
func (x *sheet) accounts(ctx context.Context, d *db.DB, now time.Time) error {
	accounts, err := d.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		x.gauge("cocsync_account_refused", "1 while the key pair of an account is left alone because COC refused it.",
			truth(a.RefusedUntil.After(now)), "account", a.Name)
		x.gauge("cocsync_account_paused", "1 while COC wants an account to be quiet because it asked too much.",
			truth(a.PausedUntil.After(now)), "account", a.Name)
	}
	return nil
}

// changes adds what changed since the page began.
func (x *sheet) changes(ctx context.Context, d *db.DB, l *ledger) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	kinds, last, err := d.KindsAfter(ctx, l.last)
	if err != nil {
		return err
	}
	l.last = last
	for kind, n := range kinds {
		l.kinds[kind] += n
	}
	for _, kind := range coc.Kinds {
		x.counter("cocsync_changes_total", "Changes recorded since this process began, by kind, without history that was there before cocsync looked.",
			float64(l.kinds[kind]), "kind", string(kind))
	}
	return nil
}
