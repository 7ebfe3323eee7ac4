package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"cocsync/internal/coc"
)

// Free returns how many bytes may still be written next to the archive; ok is false where
// the system does not say.
func (d *DB) Free() (bytes int64, ok bool) { return free(d.path) }

// Outstanding counts the documents and versions that were listed before a time and are
// still to be requested: of documents that a watch follows.
func (d *DB) Outstanding(ctx context.Context, before time.Time) (documents, versions int, err error) {
	defer wrap(&err, "what is still to be fetched")
	err = d.read.row(ctx, `
		SELECT (SELECT count(*) FROM documents d WHERE state = 'listed' AND first_seen_at < ?1
				AND EXISTS (SELECT 1 FROM memberships m WHERE m.document_id = d.id AND m.until IS NULL)),
			(SELECT count(*) FROM versions v WHERE state = 'pending' AND failures = 0 AND listed_at < ?1
				AND EXISTS (SELECT 1 FROM memberships m WHERE m.document_id = v.document_id AND m.until IS NULL))`,
		before.UnixMilli()).Scan(&documents, &versions)
	return documents, versions, explain(err)
}

// NewestCycle returns the newest whole cycle of a watch; the zero Cycle where it has
// none.
func (d *DB) NewestCycle(ctx context.Context, watch string) (c coc.Cycle, err error) {
	defer wrap(&err, "newest cycle of watch %q", watch)
	c, err = scanCycle(d.read.row(ctx, cycleRows+`
		WHERE c.watch = ? AND c.partial = 0 ORDER BY c.id DESC LIMIT 1`, watch))
	if errors.Is(err, sql.ErrNoRows) {
		return coc.Cycle{}, nil
	}
	return c, explain(err)
}

// UnstableSince returns when the first of a watch's good cycles began whose list was not
// complete, since the newest complete one; zero where there is none.
func (d *DB) UnstableSince(ctx context.Context, watch string) (since time.Time, err error) {
	defer wrap(&err, "unstable lists of watch %q", watch)
	return d.instant(ctx, `
		SELECT min(started_at) FROM cycles WHERE watch = ?1 AND partial = 0 AND outcome = 'good' AND id >
			coalesce((SELECT id FROM cycles WHERE watch = ?1 AND partial = 0 AND complete = 1 ORDER BY id DESC LIMIT 1), 0)`, watch)
}

// Busy reports whether the newest cycle of a watch, also one of some documents by name,
// was begun and its end is not recorded.
func (d *DB) Busy(ctx context.Context, watch string) (busy bool, err error) {
	defer wrap(&err, "newest cycle of watch %q", watch)
	err = d.read.row(ctx, `
		SELECT coalesce((SELECT outcome = 'running' FROM cycles WHERE watch = ? ORDER BY id DESC LIMIT 1), 0)`, watch).Scan(&busy)
	return busy, explain(err)
}

// LastFailure returns the newest whole cycle of a watch that failed, with the first of
// the documents that failed in it and how many did.
func (d *DB) LastFailure(ctx context.Context, watch string) (c coc.Cycle, failed int, err error) {
	defer wrap(&err, "last failed cycle of watch %q", watch)
	c, err = scanCycle(d.read.row(ctx, cycleRows+`
		WHERE c.watch = ? AND c.partial = 0 AND c.outcome = 'failed' ORDER BY c.id DESC LIMIT 1`, watch))
	if err != nil {
		return coc.Cycle{}, 0, explain(ignore(err, sql.ErrNoRows))
	}
	c.Failures, err = collect(ctx, d.read, func(row scanner) (f coc.Failure, err error) {
		err = row.Scan(&f.DocumentID, &f.Name, &f.Err, &failed)
		return f, err
	}, `SELECT document_id, name, error, count(*) OVER () FROM cycle_failures WHERE cycle_id = ? ORDER BY document_id LIMIT 1`, c.ID)
	return c, failed, err
}
