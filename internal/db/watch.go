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

// Configure records which watches a configuration names and when their cycles are due,
// and ends what the others followed.
func (d *DB) Configure(ctx context.Context, watches []coc.Schedule, now time.Time) (err error) {
	defer wrap(&err, "schedules of the watches")
	archived, err := d.Watches(ctx)
	if err != nil {
		return err
	}
	archived = slices.DeleteFunc(archived, func(name string) bool {
		return slices.ContainsFunc(watches, func(w coc.Schedule) bool { return w.Watch == name })
	})
	return d.update(ctx, func(t tx) error {
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
	err := t.exec(`INSERT INTO accounts (name, endpoint) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, w.Account, w.Endpoint)
	if err != nil {
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
		WHERE name = ?5`, w.Spec, w.Timezone, now.UnixMilli(), w.Interval.Milliseconds(), w.Watch)
}

// putWatch makes the watch's row. One that moved to another account starts from the
// beginning.
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
