package db

import (
	"context"
	"database/sql"
	"errors"

	"cocsync/internal/coc"
)

// Recorded returns the newest changes in the order in which they were recorded, the
// newest first, at most so many: of one document all of them, of all documents (0)
// those that were no history when cocsync first looked.
func (d *DB) Recorded(ctx context.Context, document int64, limit int) (list []coc.Change, err error) {
	defer wrap(&err, "newest changes")
	which, args := `NOT backfill`, []any{limit}
	if document != 0 {
		which, args = `document_id = ?`, []any{document, limit}
	}
	// They are chosen before anything is joined to them.
	list, err = collect(ctx, d.read, scanChange, changeRows+`
		WHERE c.id IN (SELECT id FROM changes WHERE `+which+` ORDER BY id DESC LIMIT ?) ORDER BY c.id DESC`, args...)
	for i := range list {
		if list[i].Items, err = d.items(ctx, list[i].ID); err != nil {
			return nil, err
		}
	}
	return list, err
}

// Origin names the archive for ever: the origin of its first log. That of a restored
// copy is the same. "" when it has none yet.
func (d *DB) Origin(ctx context.Context) (origin string, err error) {
	defer wrap(&err, "first log")
	err = d.read.row(ctx, `SELECT origin FROM generations ORDER BY id LIMIT 1`).Scan(&origin)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return origin, explain(err)
}
