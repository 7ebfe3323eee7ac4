package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"cocsync/internal/coc"
)

// Watches returns the names of all watches that have run.
func (a *Archive) Watches(ctx context.Context) (names []string, err error) {
	defer wrap(&err, "watches")
	return collect(ctx, a.read, scan[string], `SELECT name FROM watches ORDER BY name`)
}

// Watch returns the state of a watch; the zero state before it ran.
func (a *Archive) Watch(ctx context.Context, name string) (s coc.WatchState, err error) {
	defer wrap(&err, "watch %q", name)
	c := &s.Schedule
	var interval int64
	err = a.read.row(ctx, `
		SELECT first_listed_at, summarized_at, failure_at, failure_whole,
			a.name, a.endpoint, coalesce(w.schedule, ''), coalesce(w.timezone, ''), coalesce(w.interval, 0), w.scheduled_at,
			w.short_since, coalesce(w.short_listed, 0), coalesce(w.short_total, 0), g.ended_at,
			(SELECT started_at FROM cycles c WHERE c.watch = w.name AND c.account_id = w.account_id AND c.partial = 0 ORDER BY c.id DESC LIMIT 1)
		FROM watches w JOIN accounts a ON a.id = w.account_id
		LEFT JOIN cycles g ON g.account_id = w.account_id AND g.id = (SELECT x.id FROM cycles x
			WHERE x.watch = w.name AND x.account_id = w.account_id AND x.outcome = 'good' AND x.partial = 0 ORDER BY x.id DESC LIMIT 1)
		WHERE w.name = ?`, name).
		Scan(&s.FirstListedAt, &s.SummarySentAt, &s.FailureAt, &s.FailureWhole, &c.Account, &c.Endpoint, &c.Spec, &c.Timezone, &interval, &c.SetAt,
			&s.Shortfall.Since, &s.Shortfall.Listed, &s.Shortfall.Total, &s.LastGoodAt, &s.LastCycleAt)
	if err != nil {
		return s, ignore(err, sql.ErrNoRows)
	}
	c.Watch, c.Interval = name, time.Duration(interval)*time.Millisecond
	s.FailedInARow, s.FailingSince, err = a.cyclesAfter(ctx, name, coc.CycleFailed, `x.outcome = 'good'`)
	if c.Spec == "" { // the watch is not configured
		s.Schedule = coc.Schedule{}
	}
	return s, err
}

// Shortfall records that the list of a watch has fewer rows than its total. The zero Shortfall
// means that the list is complete.
func (a *Archive) Shortfall(ctx context.Context, watch string, s coc.Shortfall) (err error) {
	defer wrap(&err, "record the list of watch %q", watch)
	return a.update(ctx, func(t tx) error {
		return t.exec(`UPDATE watches SET short_since = ?, short_listed = ?, short_total = ? WHERE name = ?`,
			s.Since, s.Listed, s.Total, watch)
	})
}

// Configure records the configured watches and their schedules, and ends all other watches.
func (a *Archive) Configure(ctx context.Context, watches []coc.Schedule, now time.Time) (err error) {
	defer wrap(&err, "schedules of the watches")
	archived, err := a.Watches(ctx)
	if err != nil {
		return err
	}
	archived = slices.DeleteFunc(archived, func(name string) bool {
		return slices.ContainsFunc(watches, func(w coc.Schedule) bool { return w.Watch == name })
	})
	return a.update(ctx, func(t tx) error {
		for _, name := range archived {
			if err := t.endWatch(name, now); err != nil {
				return err
			}
		}
		for _, w := range watches {
			if err := t.schedule(w, now); err != nil {
				return fmt.Errorf("watch %s: %w", w.Watch, err)
			}
		}
		return nil
	})
}

func (t tx) schedule(w coc.Schedule, now time.Time) error {
	if err := t.addAccount(w.Account, w.Endpoint); err != nil {
		return err
	}
	if err := t.putWatch(w.Watch, w.Account, now); err != nil {
		return err
	}
	// scheduled_at is first: an assignment sees the values from before the update.
	return t.exec(`
		UPDATE watches SET
			scheduled_at = CASE WHEN schedule = ?1 AND timezone = ?2 THEN scheduled_at ELSE ?3 END,
			schedule = ?1, timezone = ?2, interval = ?4
		WHERE name = ?5`, w.Spec, w.Timezone, now, w.Interval.Milliseconds(), w.Watch)
}

// putWatch adds the watch's row. A watch with a new account starts again.
func (t tx) putWatch(watch, account string, now time.Time) error {
	var current string
	err := t.row(`SELECT a.name FROM watches w JOIN accounts a ON a.id = w.account_id WHERE w.name = ?`, watch).Scan(&current)
	if err == nil && current == account {
		return nil
	}
	if err == nil {
		err = t.endWatch(watch, now)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return t.exec(`
		INSERT INTO watches (name, account_id) SELECT ?, id FROM accounts WHERE name = ?
		ON CONFLICT (name) DO UPDATE SET account_id = excluded.account_id`, watch, account)
}

// endWatch ends the memberships of a watch. If it is configured again, it starts with an
// initial sync.
func (t tx) endWatch(name string, now time.Time) error {
	err := t.exec(`UPDATE memberships SET until = ? WHERE watch = ? AND until IS NULL`, now, name)
	if err != nil {
		return err
	}
	return t.exec(`
		UPDATE watches SET first_listed_at = NULL, summarized_at = NULL, failure_at = NULL, schedule = NULL, timezone = NULL,
			interval = NULL, scheduled_at = NULL, short_since = NULL, short_listed = NULL, short_total = NULL
		WHERE name = ?`, name)
}

// Entered returns the start of the watch's part of a period: the start of the period or, if it
// had no list before, its first cycle in the period. It is zero if such a watch has had no
// cycle yet.
func (a *Archive) Entered(ctx context.Context, watch string, since, until time.Time) (when time.Time, err error) {
	defer wrap(&err, "start of watch %q", watch)
	return first(ctx, a.read, scan[time.Time], `
		SELECT CASE WHEN w.first_listed_at < ?2 THEN ?2 ELSE (SELECT min(c.started_at) FROM cycles c
			WHERE c.watch = w.name AND c.account_id = w.account_id AND c.partial = 0 AND c.started_at >= ?2 AND c.started_at < ?3) END
		FROM watches w WHERE w.name = ?1`, watch, since.UnixMilli(), until.UnixMilli())
}
