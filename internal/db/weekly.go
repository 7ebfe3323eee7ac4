package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"cocsync/internal/coc"
)

// LastWeekly returns the instant of the newest weekly notice, zero if there is
// none. One that lies after now was written by a clock that was wrong, and does
// not count.
func (d *DB) LastWeekly(ctx context.Context, now time.Time) (at time.Time, err error) {
	defer wrap(&err, "newest weekly notice")
	return d.instant(ctx, `SELECT max(at) FROM notices WHERE kind = ? AND at <= ?`, string(coc.NoticeWeekly), now.UnixMilli())
}

// FirstCycle returns when the archive's first cycle began, zero if none did.
func (d *DB) FirstCycle(ctx context.Context) (at time.Time, err error) {
	defer wrap(&err, "first cycle")
	return d.instant(ctx, `SELECT min(started_at) FROM cycles`)
}

// Entered returns when the watch's part of a period begins: with the period, or
// with its first cycle in it where the watch had listed nothing before. It is
// zero when such a watch has had no cycle yet.
func (d *DB) Entered(ctx context.Context, watch string, since, until time.Time) (at time.Time, err error) {
	defer wrap(&err, "begin of watch %q", watch)
	return d.instant(ctx, `
		SELECT iif((SELECT first_listed_at FROM watches WHERE name = ?1) < ?2, ?2,
			(SELECT min(started_at) FROM cycles
			 WHERE watch = ?1 AND NOT partial AND started_at >= ?2 AND started_at < ?3))`,
		watch, since.UnixMilli(), until.UnixMilli())
}

// instant reads one instant.
func (d *DB) instant(ctx context.Context, query string, args ...any) (time.Time, error) {
	var ms sql.NullInt64
	err := d.read.row(ctx, query, args...).Scan(&ms)
	return instant(ms), explain(err)
}

// Ran counts the watch's cycles that began within [since, until), by how they
// ended. Cycles of some documents by name are not among them.
func (d *DB) Ran(ctx context.Context, watch string, since, until time.Time) (_ map[coc.Outcome]int, err error) {
	defer wrap(&err, "count cycles of watch %q", watch)
	ran := map[coc.Outcome]int{}
	_, err = collect(ctx, d.read, func(row scanner) (struct{}, error) {
		var how coc.Outcome
		var n int
		err := row.Scan(&how, &n)
		ran[how] = n
		return struct{}{}, err
	}, `
		SELECT outcome, count(*) FROM cycles
		WHERE watch = ? AND NOT partial AND started_at >= ? AND started_at < ? GROUP BY outcome`,
		watch, since.UnixMilli(), until.UnixMilli())
	return ran, err
}

// Watched counts the documents that these watches follow now, and the changes of
// what they followed that were found within [since, until). What several of them
// follow counts once; history that was there before cocsync looked, and
// documents that COC no longer has, do not count.
func (d *DB) Watched(ctx context.Context, watches []string, since, until time.Time) (documents, changes int, err error) {
	defer wrap(&err, "count documents and changes")
	names, err := json.Marshal(watches)
	if err != nil {
		return 0, 0, err
	}
	err = d.read.row(ctx, `
		WITH m AS (SELECT document_id, since, until FROM memberships WHERE watch IN (SELECT value FROM json_each(?1)))
		SELECT
			(SELECT count(DISTINCT m.document_id) FROM m JOIN documents d ON d.id = m.document_id
			 WHERE m.until IS NULL AND d.state <> 'deleted'),
			(SELECT count(*) FROM changes c
			 WHERE c.seen_at >= ?2 AND c.seen_at < ?3 AND NOT c.backfill AND EXISTS (SELECT 1 FROM m
				WHERE m.document_id = c.document_id AND m.since <= c.seen_at AND coalesce(m.until, c.seen_at) >= c.seen_at))`,
		string(names), since.UnixMilli(), until.UnixMilli()).Scan(&documents, &changes)
	return documents, changes, explain(err)
}

// Stopped counts the watch's cycles since its newest good one that were stopped,
// or died without a word, and says when the first of them began.
func (d *DB) Stopped(ctx context.Context, watch string) (n int, since time.Time, err error) {
	defer wrap(&err, "stopped cycles of watch %q", watch)
	var first sql.NullInt64
	err = d.read.row(ctx, `
		SELECT count(*), min(started_at) FROM cycles WHERE watch = ?1 AND outcome = 'stopped' AND NOT partial
			AND id > coalesce((SELECT id FROM cycles
				WHERE watch = ?1 AND outcome = 'good' AND NOT partial ORDER BY id DESC LIMIT 1), 0)`,
		watch).Scan(&n, &first)
	return n, instant(first), explain(err)
}

// QueueNotice queues a notice outside of a cycle, unless one of its kind about its watch
// stands within (since, now]: of two who tell the same, one is told that it came
// too late.
func (d *DB) QueueNotice(ctx context.Context, n coc.NewNotice, since, now time.Time) (told bool, err error) {
	defer wrap(&err, "queue a notice")
	err = d.update(ctx, func(t tx) error {
		var late bool
		err := t.row(`SELECT EXISTS (SELECT 1 FROM notices WHERE kind = ? AND watch = ? AND at > ? AND at <= ?)`,
			string(n.Kind), n.Watch, since.UnixMilli(), now.UnixMilli()).Scan(&late)
		told = err == nil && !late
		if !told {
			return err
		}
		return t.tell(n)
	})
	return told && err == nil, err
}
