package db

import (
	"context"
	"database/sql"
	"time"

	"cocsync/internal/coc"
)

// CyclesBetween returns the cycles that began within [since, until), oldest first,
// without their failures.
func (d *DB) CyclesBetween(ctx context.Context, since, until time.Time) (_ []coc.Cycle, err error) {
	defer wrap(&err, "cycles of a period")
	return collect(ctx, d.read, func(row scanner) (c coc.Cycle, err error) {
		var started, ended sql.NullInt64
		err = row.Scan(&c.ID, &c.Watch, &c.Account, &c.Partial, &started, &ended, &c.Outcome, &c.Complete, &c.Requests, &c.Err)
		c.StartedAt, c.EndedAt = instant(started), instant(ended)
		return c, err
	}, `
		SELECT c.id, c.watch, a.name, c.partial, c.started_at, c.ended_at, c.outcome, c.complete, c.requests, c.error
		FROM cycles c JOIN accounts a ON a.id = c.account_id
		WHERE c.started_at >= ? AND c.started_at < ? ORDER BY c.started_at, c.id`, since.UnixMilli(), until.UnixMilli())
}

// FirstCycles returns when the first cycle of each watch began.
func (d *DB) FirstCycles(ctx context.Context) (_ map[string]time.Time, err error) {
	defer wrap(&err, "first cycles")
	first := map[string]time.Time{}
	_, err = collect(ctx, d.read, func(row scanner) (struct{}, error) {
		var watch string
		var at sql.NullInt64
		err := row.Scan(&watch, &at)
		first[watch] = instant(at)
		return struct{}{}, err
	}, `SELECT watch, min(started_at) FROM cycles GROUP BY watch`)
	return first, err
}

// FailureCount is how often a watch failed for one reason.
type FailureCount struct {
	Watch, Err string
	Times      int
}

// FailuresBetween counts why cycles that began within [since, until) failed, and why
// documents did in them, the most frequent first.
func (d *DB) FailuresBetween(ctx context.Context, since, until time.Time) (_ []FailureCount, err error) {
	defer wrap(&err, "failures of a period")
	return collect(ctx, d.read, func(row scanner) (f FailureCount, err error) {
		err = row.Scan(&f.Watch, &f.Err, &f.Times)
		return f, err
	}, `
		SELECT watch, error, count(*) FROM (
			SELECT watch, error FROM cycles WHERE started_at >= ?1 AND started_at < ?2 AND error <> ''
			UNION ALL
			SELECT c.watch, iif(f.name = '', f.document_id, f.name) || ': ' || f.error FROM cycle_failures f JOIN cycles c ON c.id = f.cycle_id
			WHERE c.started_at >= ?1 AND c.started_at < ?2)
		GROUP BY watch, error ORDER BY watch, count(*) DESC, error`, since.UnixMilli(), until.UnixMilli())
}

// Stretch is a time in which a watch followed a document; Until is zero while it does.
type Stretch struct {
	Watch        string
	Document     int64 // key
	Since, Until time.Time
}

// Stretches returns those that reach into [since, until), oldest first.
func (d *DB) Stretches(ctx context.Context, since, until time.Time) (_ []Stretch, err error) {
	defer wrap(&err, "watched documents of a period")
	return collect(ctx, d.read, func(row scanner) (s Stretch, err error) {
		var from, to sql.NullInt64
		err = row.Scan(&s.Watch, &s.Document, &from, &to)
		s.Since, s.Until = instant(from), instant(to)
		return s, err
	}, `
		SELECT watch, document_id, since, until FROM memberships
		WHERE since < ?2 AND (until IS NULL OR until > ?1) ORDER BY since, watch, document_id`, since.UnixMilli(), until.UnixMilli())
}

// Lacking is a listed version whose content is not here.
type Lacking struct {
	Document int64 // key
	Label    string
	State    coc.VersionState
	Err      string
	ListedAt time.Time
}

// Lacking returns the versions whose content is not here.
func (d *DB) Lacking(ctx context.Context) (_ []Lacking, err error) {
	defer wrap(&err, "versions without a content")
	return collect(ctx, d.read, func(row scanner) (l Lacking, err error) {
		var listed sql.NullInt64
		err = row.Scan(&l.Document, &l.Label, &l.State, &l.Err, &listed)
		l.ListedAt = instant(listed)
		return l, err
	}, `SELECT document_id, label, state, error, listed_at FROM versions WHERE state <> 'archived' ORDER BY document_id, id`)
}
