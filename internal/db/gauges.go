package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"cocsync/internal/coc"
)

// Gauges are figures of the archive that cost little, whatever its size: whoever
// watches over it asks for them again and again.
type Gauges struct {
	Documents map[coc.DocState]int
	Versions  map[coc.VersionState]int
	Bytes     int64 // of the file, without its write-ahead log
	Logged    int64 // records of the log
	Signed    int64 // those under its newest signature
	Schema    int   // its version
}

// Gauges returns the figures of now.
func (d *DB) Gauges(ctx context.Context) (g Gauges, err error) {
	defer wrap(&err, "figures of the archive")
	if g.Documents, err = d.DocumentStates(ctx); err != nil {
		return g, err
	}
	if g.Versions, err = d.VersionStates(ctx); err != nil {
		return g, err
	}
	err = d.read.row(ctx, `
		SELECT (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size),
			coalesce((SELECT size FROM edge), 0), coalesce((SELECT max(size) FROM checkpoints), 0)`).
		Scan(&g.Bytes, &g.Logged, &g.Signed)
	g.Schema = schemaVersion // another one would not have been opened
	return g, explain(err)
}

// LastEnded returns the newest whole cycle of a watch that came to an end of whatever
// sort; the zero Cycle where none did.
func (d *DB) LastEnded(ctx context.Context, watch string) (c coc.Cycle, err error) {
	defer wrap(&err, "last cycle of watch %q", watch)
	c, err = scanCycle(d.read.row(ctx, cycleRows+`
		WHERE c.watch = ? AND c.ended_at IS NOT NULL AND NOT c.partial ORDER BY c.id DESC LIMIT 1`, watch))
	if errors.Is(err, sql.ErrNoRows) {
		return coc.Cycle{}, nil
	}
	return c, explain(err)
}

// OldestChecks returns for each of the watches when the version that went unchecked
// for longest was last held against COC's content; nothing for one that has none. They
// are found in one walk from the oldest check on, which ends with the last of them.
func (d *DB) OldestChecks(ctx context.Context, watches []string) (oldest map[string]time.Time, err error) {
	defer wrap(&err, "oldest checks")
	oldest = map[string]time.Time{}
	missing := map[string]bool{}
	for _, name := range watches {
		missing[name] = true
	}
	// CROSS JOIN keeps SQLite from another order of the tables.
	rows, err := d.read.query(ctx, `
		SELECT m.watch, v.checked_at FROM versions v
		CROSS JOIN documents d ON d.id = v.document_id AND d.state = 'present'
		CROSS JOIN memberships m ON m.document_id = v.document_id AND m.until IS NULL
		WHERE v.checked_at > 0 ORDER BY v.checked_at`)
	if err != nil {
		return nil, explain(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for len(missing) > 0 && rows.Next() {
		var name string
		var at int64
		if err := rows.Scan(&name, &at); err != nil {
			return nil, rowError(ctx, rows, err)
		}
		if missing[name] {
			delete(missing, name)
			oldest[name] = time.UnixMilli(at).UTC()
		}
	}
	return oldest, explain(rows.Err())
}

// NewestChange returns the id of the change that was recorded last, 0 where there is none.
func (d *DB) NewestChange(ctx context.Context) (id int64, err error) {
	defer wrap(&err, "newest change")
	err = d.read.row(ctx, `SELECT coalesce(max(id), 0) FROM changes`).Scan(&id)
	return id, explain(err)
}

// KindsAfter counts the changes that were recorded after the one of that id, by their
// kinds, and returns the id of the last of them. History that was there before cocsync
// looked does not count.
func (d *DB) KindsAfter(ctx context.Context, after int64) (kinds map[coc.Kind]int, last int64, err error) {
	defer wrap(&err, "count changes")
	kinds, last = map[coc.Kind]int{}, after
	_, err = collect(ctx, d.read, func(row scanner) (struct{}, error) {
		var kind coc.Kind
		var n int
		var newest int64
		err := row.Scan(&kind, &n, &newest)
		kinds[kind], last = n, max(last, newest)
		return struct{}{}, err
	}, `SELECT kind, count(*) FILTER (WHERE NOT backfill), max(id) FROM changes WHERE id > ? GROUP BY kind`, after)
	return kinds, last, err
}
