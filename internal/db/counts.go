package db

import (
	"context"

	"cocsync/internal/coc"
)

// Totals are the numbers of what the archive has. To count it costs little, whatever its
// size.
type Totals struct {
	Documents, Versions, Changes, Contents int
	ContentBytes, FileBytes                int64
}

// Totals counts what the archive has.
func (d *DB) Totals(ctx context.Context) (t Totals, err error) {
	defer wrap(&err, "count the archive")
	err = d.read.row(ctx, `
		SELECT coalesce(sum(documents), 0), coalesce(sum(versions), 0)
				- (SELECT count(*) FROM versions WHERE state = 'pending') - (SELECT count(*) FROM versions WHERE state = 'unavailable'),
			coalesce(sum(changes), 0), coalesce(sum(contents), 0), coalesce(sum(content_bytes), 0) FROM counters`).
		Scan(&t.Documents, &t.Versions, &t.Changes, &t.Contents, &t.ContentBytes)
	if err != nil {
		return t, explain(err)
	}
	t.FileBytes, err = d.fileBytes(ctx)
	t.FileBytes += d.walBytes()
	return t, err
}

// fileBytes is the size of the file, without its write-ahead log.
func (s *store) fileBytes(ctx context.Context) (n int64, err error) {
	err = s.read.row(ctx, `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`).Scan(&n)
	return n, explain(err)
}

// PackedBytes returns how much of the file packed contents take.
func (a *Archive) PackedBytes(ctx context.Context) (n int64, err error) {
	defer wrap(&err, "measure the archive")
	err = a.read.row(ctx, `SELECT coalesce(sum(length(frame)), 0) FROM packs`).Scan(&n)
	return n, explain(err)
}

// Gauges are numbers of the archive that cost little, whatever its size: monitoring reads
// them again and again.
type Gauges struct {
	Documents map[coc.DocState]int
	Versions  map[coc.VersionState]int
	Bytes     int64 // of the file, without its write-ahead log
	Logged    int64 // records of the log
	Signed    int64 // those under its newest signature
	Schema    int   // its version
}

// Gauges returns the numbers of now.
func (d *DB) Gauges(ctx context.Context) (g Gauges, err error) {
	defer wrap(&err, "numbers of the archive")
	if g.Documents, err = d.DocumentStates(ctx); err != nil {
		return g, err
	}
	if g.Versions, err = d.VersionStates(ctx); err != nil {
		return g, err
	}
	if g.Bytes, err = d.fileBytes(ctx); err != nil {
		return g, err
	}
	g.Schema = schemaVersion // another one would not have been opened
	g.Logged, g.Signed, err = d.LogSize(ctx)
	return g, err
}

// Free returns how many bytes may still be written next to the database; ok is false where
// the system does not say.
func (d *DB) Free() (bytes int64, ok bool) { return free(d.path) }
