package db

import (
	"context"
	"database/sql"
	"time"

	"cocsync/internal/coc"
)

// Recorded is a change as it was observed, without what was worked out of it. It
// never becomes another one, whatever comes later, but for Erased.
type Recorded struct {
	ID         int64
	Kind       coc.Kind
	Document   int64 // key
	Account    string
	DocumentID string

	// Of the revision that it leads to; none for a change without versions.
	Revision int64 // key
	From     int64 // key of the one that it was compared with; 0 for none
	Label    string
	Number   int
	Hash     coc.Hash
	Erased   bool
	Author   string
	Evidence coc.Evidence

	MadeAt time.Time
	SeenAt time.Time
	At     time.Time
}

// Record returns changes in the order in which they were recorded: those behind the
// one with the id after, at most limit.
func (d *DB) Record(ctx context.Context, after int64, limit int) (_ []Recorded, err error) {
	defer wrap(&err, "record of changes")
	return collect(ctx, d.read, scanRecorded, `
		SELECT c.id, c.kind, d.id, a.name, d.document_id, coalesce(r.id, 0), coalesce(c.from_revision, 0),
			coalesce(v.label, ''), coalesce(r.number, 0), t.sha256, t.erased_at IS NOT NULL, coalesce(r.author, ''),
			coalesce(r.request_id, ''), r.answered_at, coalesce(r.made_at, v.made_at), c.seen_at, c.at
		FROM changes c JOIN documents d ON d.id = c.document_id JOIN accounts a ON a.id = d.account_id
		LEFT JOIN revisions r ON r.id = c.to_revision
		LEFT JOIN versions v ON v.id = coalesce(r.version_id, c.version_id)
		LEFT JOIN contents t ON t.id = r.content_id
		WHERE c.id > ? ORDER BY c.id LIMIT ?`, after, limit)
}

func scanRecorded(row scanner) (r Recorded, err error) {
	var answered, made, seen, at sql.NullInt64
	err = row.Scan(&r.ID, &r.Kind, &r.Document, &r.Account, &r.DocumentID, &r.Revision, &r.From,
		&r.Label, &r.Number, (*hashColumn)(&r.Hash), &r.Erased, &r.Author, &r.Evidence.RequestID, &answered, &made, &seen, &at)
	r.Evidence.Date, r.MadeAt, r.SeenAt, r.At = instant(answered), instant(made), instant(seen), instant(at)
	return r, err
}

// FirstNames returns by key what each document was called when it was first seen.
// Unlike the name that it has now, that stays.
func (d *DB) FirstNames(ctx context.Context) (_ map[int64]string, err error) {
	defer wrap(&err, "first names of documents")
	type named struct {
		key  int64
		name string
	}
	list, err := collect(ctx, d.read, func(row scanner) (n named, err error) {
		err = row.Scan(&n.key, &n.name)
		return n, err
	}, `
		SELECT document_id, name FROM document_states
		WHERE id IN (SELECT min(id) FROM document_states WHERE name IS NOT NULL GROUP BY document_id)`)
	names := make(map[int64]string, len(list))
	for _, n := range list {
		names[n.key] = n.name
	}
	return names, err
}

// Notices returns all notices, oldest first.
func (d *DB) Notices(ctx context.Context) (_ []coc.Notice, err error) {
	defer wrap(&err, "notices")
	ids, err := collect(ctx, d.read, scanID, `SELECT id FROM notices ORDER BY at, id`)
	if err != nil {
		return nil, err
	}
	list := make([]coc.Notice, 0, len(ids))
	for _, id := range ids {
		n, err := d.notice(ctx, id)
		if err != nil {
			return nil, err
		}
		list = append(list, *n)
	}
	return list, nil
}
