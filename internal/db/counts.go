package db

import (
	"context"

	"cocsync/internal/coc"
)

// Totals are the numbers of rows in the archive, and its size. Reading them is fast for any
// size.
type Totals struct {
	Documents, Versions, Changes, Contents int // archived versions

	DocumentStates map[coc.DocState]int
	VersionStates  map[coc.VersionState]int

	ContentBytes, FileBytes, WALBytes int64 // the file without its write-ahead log
	Logged                            int64 // records of the log
	Signed                            int64 // records covered by the newest signature
	Schema                            int   // the schema version
}

// Totals returns the current numbers.
func (d *DB) Totals(ctx context.Context) (t Totals, err error) {
	var listed, deleted, pending, unavailable int
	// Nearly all documents are present and nearly all versions archived; only the others
	// have an index.
	err = d.reading(ctx, "count the archive").row(`
		SELECT coalesce(sum(documents), 0), (SELECT count(*) FROM documents WHERE state = 'listed'),
			(SELECT count(*) FROM documents WHERE state = 'deleted'),
			coalesce(sum(versions), 0), (SELECT count(*) FROM versions WHERE state = 'pending'),
			(SELECT count(*) FROM versions WHERE state = 'unavailable'),
			coalesce(sum(changes), 0) - (SELECT coalesce(sum(skipped_changes), 0) FROM logs), coalesce(sum(contents), 0),
				coalesce(sum(content_bytes), 0),
			(SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)
		FROM counters`).Scan(&t.Documents, &listed, &deleted, &t.Versions, &pending, &unavailable,
		&t.Changes, &t.Contents, &t.ContentBytes, &t.FileBytes)
	if err != nil {
		return t, err
	}
	t.Versions -= pending + unavailable
	t.DocumentStates = map[coc.DocState]int{coc.DocListed: listed, coc.DocDeleted: deleted, coc.DocPresent: t.Documents - listed - deleted}
	t.VersionStates = map[coc.VersionState]int{coc.Pending: pending, coc.Unavailable: unavailable, coc.Archived: t.Versions}
	t.WALBytes, t.Schema = d.walBytes(), schemaVersion // Open refuses other versions
	t.Logged, t.Signed, err = d.LogSize(ctx)
	return t, err
}

// Free returns the free disk space next to the database in bytes; ok is false if it is
// unknown.
func (d *DB) Free() (bytes int64, ok bool) { return free(d.path) }
