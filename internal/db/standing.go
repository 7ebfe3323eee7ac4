package db

import (
	"context"
	"database/sql"
	"time"

	"cocsync/internal/coc"
)

// Account is an account as the archive remembers it.
type Account struct {
	Name     string
	Endpoint string
	coc.AccountState
}

// Accounts returns every account that was ever used, by name.
func (d *DB) Accounts(ctx context.Context) (_ []Account, err error) {
	defer wrap(&err, "accounts")
	return collect(ctx, d.read, func(row scanner) (a Account, err error) {
		var until, paused sql.NullInt64
		err = row.Scan(&a.Name, &a.Endpoint, &a.RefusedKey, &until, &a.RefusedReason, &paused)
		a.RefusedUntil, a.PausedUntil = instant(until), instant(paused)
		return a, err
	}, `
		SELECT name, endpoint, coalesce(refused_key, ''), refused_until, coalesce(refused_reason, ''), paused_until
		FROM accounts ORDER BY name`)
}

// VersionStates counts the versions of all documents by how far the archive got
// with them.
func (d *DB) VersionStates(ctx context.Context) (_ map[coc.VersionState]int, err error) {
	defer wrap(&err, "count versions")
	counts := map[coc.VersionState]int{}
	_, err = collect(ctx, d.read, func(row scanner) (struct{}, error) {
		var state coc.VersionState
		var n int
		err := row.Scan(&state, &n)
		counts[state] = n
		return struct{}{}, err
	}, `SELECT 'pending', count(*) FROM versions WHERE state = 'pending'
		UNION ALL SELECT 'unavailable', count(*) FROM versions WHERE state = 'unavailable'
		UNION ALL SELECT 'archived', count(*) FROM versions`)
	// What is archived is nearly all; only the others have an index.
	counts[coc.Archived] -= counts[coc.Pending] + counts[coc.Unavailable]
	return counts, err
}

// Missed counts the cycles that the watch's schedule wanted and that did not run, as
// the cycles that began within [since, until) tell.
func (d *DB) Missed(ctx context.Context, watch string, since, until time.Time) (n int, err error) {
	defer wrap(&err, "missed cycles of watch %q", watch)
	err = d.read.row(ctx, `SELECT coalesce(sum(missed), 0) FROM cycles WHERE watch = ? AND started_at >= ? AND started_at < ?`,
		watch, since.UnixMilli(), until.UnixMilli()).Scan(&n)
	return n, explain(err)
}

// Unreached is a document that a cycle could not bring up to date.
type Unreached struct {
	coc.Failure
	CheckedAt time.Time // when COC last answered for it; zero: never
}

// Unreached returns the documents that the watch's newest cycle that ended could not
// bring up to date, those that wait longest first.
func (d *DB) Unreached(ctx context.Context, watch string) (_ []Unreached, err error) {
	defer wrap(&err, "documents that watch %q did not reach", watch)
	return collect(ctx, d.read, func(row scanner) (u Unreached, err error) {
		var checked sql.NullInt64
		err = row.Scan(&u.DocumentID, &u.Name, &u.Err, &checked)
		u.CheckedAt = instant(checked)
		return u, err
	}, `
		SELECT f.document_id, f.name, f.error, nullif(d.checked_at, 0)
		FROM cycles c JOIN cycle_failures f ON f.cycle_id = c.id
		LEFT JOIN documents d ON d.account_id = c.account_id AND d.document_id = f.document_id
		WHERE c.id = (SELECT max(id) FROM cycles WHERE watch = ? AND outcome IN ('good', 'failed') AND NOT partial)
		ORDER BY coalesce(d.checked_at, 0), f.document_id`, watch)
}
