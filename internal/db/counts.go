package db

import (
	"context"

	"cocsync/internal/coc"
)

// Totals are the numbers of rows in the archive. Reading them is fast for any size.
type Totals struct {
	Documents, Versions, Changes, Contents int
	ContentBytes, FileBytes                int64
}

// Totals returns the numbers of rows in the archive.
func (d *DB) Totals(ctx context.Context) (t Totals, err error) {
	defer wrap(&err, "count the archive")
	err = d.read.row(ctx, `
		SELECT coalesce(sum(documents), 0), coalesce(sum(versions), 0)
				- (SELECT count(*) FROM versions WHERE state = 'pending') - (SELECT count(*) FROM versions WHERE state = 'unavailable'),
			coalesce(sum(changes), 0), coalesce(sum(contents), 0), coalesce(sum(content_bytes), 0) FROM counters`).
		Scan(&t.Documents, &t.Versions, &t.Changes, &t.Contents, &t.ContentBytes)
	if err == nil {
		t.FileBytes, err = d.fileBytes(ctx)
	}
	t.FileBytes += d.walBytes()
	return t, err
}

// fileBytes returns the size of the file, without its write-ahead log.
func (s *store) fileBytes(ctx context.Context) (int64, error) {
	return first(ctx, s.read, scan[int64], `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`)
}

// PackedBytes returns the size of all packs.
func (a *Archive) PackedBytes(ctx context.Context) (_ int64, err error) {
	defer wrap(&err, "measure the archive")
	return first(ctx, a.read, scan[int64], `SELECT coalesce(sum(length(frame)), 0) FROM packs`)
}

// Gauges are numbers for monitoring. Reading them is fast for any size of the archive.
type Gauges struct {
	Documents map[coc.DocState]int
	Versions  map[coc.VersionState]int
	Bytes     int64 // of the file, without its write-ahead log
	Logged    int64 // records of the log
	Signed    int64 // records covered by the newest signature
	Schema    int   // the schema version
}

// Gauges returns the current numbers.
func (d *DB) Gauges(ctx context.Context) (g Gauges, err error) {
	defer wrap(&err, "gauges of the archive")
	if g.Documents, err = d.DocumentStates(ctx); err != nil {
		return g, err
	}
	if g.Versions, err = d.VersionStates(ctx); err != nil {
		return g, err
	}
	if g.Bytes, err = d.fileBytes(ctx); err != nil {
		return g, err
	}
	g.Schema = schemaVersion // Open refuses other versions
	g.Logged, g.Signed, err = d.LogSize(ctx)
	return g, err
}

// Free returns the free disk space next to the database in bytes; ok is false if it is
// unknown.
func (d *DB) Free() (bytes int64, ok bool) { return free(d.path) }
