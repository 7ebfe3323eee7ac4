package db

import (
	"context"
	"database/sql"

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
		err = row.Scan(&a.Name, &a.Endpoint, &a.RefusedKey, &until, &a.RefusedWhy, &paused)
		a.RefusedUntil, a.PausedUntil = instant(until), instant(paused)
		return a, err
	}, `
		SELECT name, endpoint, coalesce(refused_key, ''), refused_until, coalesce(refused_why, ''), paused_until
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
	}, `SELECT state, count(*) FROM versions GROUP BY state`)
	return counts, err
}
