package db

import (
	"context"
	"slices"
	"strconv"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// Watches returns the names of all watches that have run.
func (a *Archive) Watches(ctx context.Context) ([]string, error) {
	return collect[string](a.reading(ctx, "watches"), `SELECT name FROM watches ORDER BY name`)
}

// Watch returns the state of a watch; the zero state before it ran.
func (a *Archive) Watch(ctx context.Context, name string) (coc.WatchState, error) {
	r := a.reading(ctx, "watch %q", name)
	s, err := first[coc.WatchState](r, `
		SELECT w.first_listed_at, w.summarized_at, w.failure_at, w.failure_whole, g.ended_at,
			(SELECT started_at FROM cycles c WHERE c.watch = w.name AND c.account_id = w.account_id AND c.partial = 0 ORDER BY c.id DESC LIMIT 1),
			0, NULL,
			w.name, a.name, a.endpoint, coalesce(w.schedule, ''), coalesce(w.timezone, ''), coalesce(w.interval, 0) * 1000000, w.scheduled_at,
			w.short_since, coalesce(w.short_listed, 0), coalesce(w.short_total, 0)
		FROM watches w JOIN accounts a ON a.id = w.account_id
		LEFT JOIN cycles g ON g.account_id = w.account_id AND g.id = `+lastGood(`coalesce(`+recordOf+`, '') <> 'unattested'`)+`
		WHERE w.name = ?`, name)
	if err != nil {
		return s, err
	}
	s.FailedInARow, s.FailingSince, err = cyclesAfter(r, name, coc.CycleFailed, `x.outcome = 'good'`)
	if s.Schedule.Spec == "" { // the watch is not configured
		s.Schedule = coc.Schedule{}
	}
	return s, err
}

// Shortfall records that the list of a watch has fewer rows than its total. The zero Shortfall
// means that the list is complete.
func (a *Archive) Shortfall(ctx context.Context, watch string, s coc.Shortfall) error {
	return a.exec(ctx, "record the list of watch "+strconv.Quote(watch),
		`UPDATE watches SET short_since = ?, short_listed = ?, short_total = ? WHERE name = ?`, s, watch)
}

// Configure records the configured watches and their schedules, and ends all other watches.
func (a *Archive) Configure(ctx context.Context, watches []coc.Schedule, now time.Time) error {
	return a.update(ctx, "schedules of the watches", func(t *tx) {
		for _, name := range list[string](t, `SELECT name FROM watches`) {
			if !slices.ContainsFunc(watches, func(w coc.Schedule) bool { return w.Watch == name }) {
				t.endWatch(name, now)
			}
		}
		for _, w := range watches {
			t.schedule(w, now)
		}
	})
}

func (t *tx) schedule(w coc.Schedule, now time.Time) {
	defer t.naming("watch %s", w.Watch)()
	t.addAccount(w.Account, w.Endpoint, now)
	t.putWatch(w.Watch, w.Account, now)
	// scheduled_at is first: an assignment sees the values from before the update.
	t.exec(`
		UPDATE watches SET
			scheduled_at = CASE WHEN schedule = ?1 AND timezone = ?2 THEN scheduled_at ELSE ?3 END,
			schedule = ?1, timezone = ?2, interval = ?4
		WHERE name = ?5`, w.Spec, w.Timezone, now, w.Interval.Milliseconds(), w.Watch)
}

// putWatch adds the watch's row. A watch with a new account starts again.
func (t *tx) putWatch(watch, account string, now time.Time) {
	current, ok := get[string](t, `SELECT a.name FROM watches w JOIN accounts a ON a.id = w.account_id WHERE w.name = ?`, watch)
	if ok && current == account {
		return
	}
	if ok {
		t.endWatch(watch, now)
	}
	t.exec(`
		INSERT INTO watches (name, account_id) SELECT ?, id FROM accounts WHERE name = ?
		ON CONFLICT (name) DO UPDATE SET account_id = excluded.account_id`, watch, account)
	key := t.add(t.account(account), "watch_starts", "watch, at", watch, now)
	t.leaf(key, audit.NewRecord(audit.TypeWatch, "account", account, "watch", watch, "at", now))
}

// endWatch ends the memberships of a watch. If it is configured again, it starts with an
// initial sync.
func (t *tx) endWatch(name string, now time.Time) {
	t.endMemberships(now, ` AND m.watch = ?`, name)
	t.exec(`
		UPDATE watches SET first_listed_at = NULL, summarized_at = NULL, failure_at = NULL, schedule = NULL, timezone = NULL,
			interval = NULL, scheduled_at = NULL, short_since = NULL, short_listed = NULL, short_total = NULL
		WHERE name = ?`, name)
}

// Entered returns the start of the watch's part of a period: the start of the period or, if it
// had no list before, its first cycle in the period. It is zero if such a watch has had no
// cycle yet.
func (a *Archive) Entered(ctx context.Context, watch string, since, until time.Time) (time.Time, error) {
	return first[time.Time](a.reading(ctx, "start of watch %q", watch), `
		SELECT CASE WHEN w.first_listed_at < ?2 THEN ?2 ELSE (SELECT min(c.started_at) FROM cycles c
			WHERE c.watch = w.name AND c.account_id = w.account_id AND c.partial = 0 AND c.started_at >= ?2 AND c.started_at < ?3) END
		FROM watches w WHERE w.name = ?1`, watch, since.UnixMilli(), until.UnixMilli())
}
