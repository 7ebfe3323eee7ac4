package db

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// What follows reads the archive for those who doubt it. It decides nothing.

// Leaf is a leaf of the log as it is stored.
type Leaf struct {
	Index int64
	Type  string
	Ref   int64
	Hash  audit.Hash
}

// Generation is a beginning of the log.
type Generation struct {
	ID             int64
	Origin, Public string
}

// Generation returns the log's newest beginning; coc.ErrNotFound when it has none.
func (d *DB) Generation(ctx context.Context) (g Generation, err error) {
	defer wrap(&err, "log")
	err = d.read.row(ctx, `SELECT id, origin, public_key FROM generations ORDER BY id DESC LIMIT 1`).Scan(&g.ID, &g.Origin, &g.Public)
	if errors.Is(err, sql.ErrNoRows) {
		err = coc.ErrNotFound
	}
	return g, explain(err)
}

// Edge returns the log's right edge as it is stored.
func (d *DB) Edge(ctx context.Context) (e audit.Edge, err error) {
	defer wrap(&err, "log")
	var size int64
	var peaks []byte
	if err := d.read.row(ctx, `SELECT size, peaks FROM edge`).Scan(&size, &peaks); err != nil {
		return e, explain(ignore(err, sql.ErrNoRows))
	}
	if e, err = audit.UnmarshalEdge(size, peaks); err != nil {
		err = damaged("the head of the log: %w", err)
	}
	return e, err
}

// LogSize returns how many records the log has, and how many of them its newest
// checkpoint covers.
func (d *DB) LogSize(ctx context.Context) (records, signed int64, err error) {
	defer wrap(&err, "log")
	err = d.read.row(ctx, `SELECT coalesce((SELECT max(size) FROM edge), 0), coalesce((SELECT max(size) FROM checkpoints), 0)`).
		Scan(&records, &signed)
	if err == nil && (records < 0 || signed < 0) {
		err = damaged("the head of the log: it has %d records, and %d are signed", records, signed)
	}
	return records, signed, explain(err)
}

// Signed is a checkpoint as it is stored.
type Signed struct {
	Size int64
	Note []byte
}

// Checkpoints returns the signed checkpoints, the smallest first.
func (d *DB) Checkpoints(ctx context.Context) (_ []Signed, err error) {
	defer wrap(&err, "checkpoints")
	return collect(ctx, d.read, func(row scanner) (s Signed, err error) {
		err = row.Scan(&s.Size, &s.Note)
		return s, err
	}, `SELECT size, note FROM checkpoints ORDER BY size`)
}

// EachLeaf calls do with every leaf, in order.
func (d *DB) EachLeaf(ctx context.Context, do func(Leaf) error) (err error) {
	defer wrap(&err, "leaves")
	return each(ctx, d.read, scanLeaf, do, `SELECT id, type, ref, hash FROM leaves ORDER BY id`)
}

func scanLeaf(row scanner) (l Leaf, err error) {
	err = row.Scan(&l.Index, &l.Type, &l.Ref, (*hashColumn)(&l.Hash))
	return l, err
}

// each calls do with the rows of a query while it runs.
func each[T any](ctx context.Context, r *reader, scan func(scanner) (T, error), do func(T) error, query string, args ...any) (err error) {
	rows, err := r.query(ctx, query, args...)
	if err != nil {
		return explain(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return rowError(ctx, rows, err)
		}
		if err := do(v); err != nil {
			return err
		}
	}
	return explain(rows.Err())
}

// Types are the types of leaves, in the order in which they are worth checking.
func Types() []string {
	list := []string{audit.TypeStart}
	for _, s := range sources() {
		list = append(list, s.typ)
	}
	return list
}

// EachRecord calls do with every row that makes leaves of a type, its record, and its
// leaf; the record is nil for a leaf whose row is not there, the leaf for a row without
// one.
func (d *DB) EachRecord(ctx context.Context, typ string, do func(ref int64, r *audit.Record, l *Leaf) error) (err error) {
	defer wrap(&err, "records of type %s", typ)
	s := source{audit.TypeStart, generationQuery, "g.id", scanGeneration}
	for _, other := range sources() {
		if other.typ == typ {
			s = other
		}
	}
	// Both come in the order of the rows.
	leaves, err := collect(ctx, d.read, scanLeaf, `SELECT id, type, ref, hash FROM leaves WHERE type = ? ORDER BY ref, id`, typ)
	if err != nil {
		return err
	}
	order := s.order
	if typ == audit.TypeErasure {
		order = "c.id"
	}
	type row struct {
		ref    int64
		record audit.Record
	}
	err = each(ctx, d.read, func(sc scanner) (r row, err error) {
		r.ref, r.record, err = s.scan(sc)
		r.record.Type = typ
		return r, err
	}, func(r row) error {
		for len(leaves) > 0 && leaves[0].Ref < r.ref {
			if err := do(leaves[0].Ref, nil, &leaves[0]); err != nil {
				return err
			}
			leaves = leaves[1:]
		}
		if len(leaves) == 0 || leaves[0].Ref > r.ref {
			return do(r.ref, &r.record, nil)
		}
		leaf := leaves[0]
		leaves = leaves[1:]
		return do(r.ref, &r.record, &leaf)
	}, s.query+` ORDER BY `+order)
	for i := range leaves {
		if err == nil {
			err = do(leaves[i].Ref, nil, &leaves[i])
		}
	}
	return err
}

// RecordOf returns the record of a change, and its leaf.
func (d *DB) RecordOf(ctx context.Context, change int64) (r audit.Record, l Leaf, err error) {
	defer wrap(&err, "change %d", change)
	_, r, err = scanChangeRecord(d.read.row(ctx, changeQuery+` WHERE c.id = ?`, change))
	r.Type = audit.TypeChange
	if err == nil {
		l, err = scanLeaf(d.read.row(ctx, `SELECT id, type, ref, hash FROM leaves WHERE type = 'change' AND ref = ?`, change))
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = coc.ErrNotFound
	}
	return r, l, explain(err)
}

// packedContent is a row of contents.
type packedContent struct {
	hash        coc.Hash
	start, size int64
	form        coc.Form
	pack        sql.NullInt64
	erased      bool
}

// check returns what is wrong with a content whose pack holds data.
func (c packedContent) check(data []byte) error {
	text, ok := part(data, c.start, c.size)
	if !ok {
		return errors.New("it lies outside of its pack")
	}
	if (coc.Content{Bytes: text, Form: c.form}).Hash() != c.hash {
		return errors.New("its bytes do not have its SHA-256")
	}
	return nil
}

// EachContent calls do with every content that was seen from an instant on, or every one
// for the zero instant: its hash, and what is wrong with it; nil for nothing.
func (d *DB) EachContent(ctx context.Context, since time.Time, do func(hash coc.Hash, wrong error) error) (err error) {
	defer wrap(&err, "contents")
	u := d.Unpacker()
	var broken error // of the pack that was unpacked last
	last := int64(-1)
	return each(ctx, d.read, func(row scanner) (c packedContent, err error) {
		err = row.Scan((*hashColumn)(&c.hash), &c.start, &c.size, &c.form, &c.pack, &c.erased)
		return c, err
	}, func(c packedContent) error {
		switch {
		case c.erased && c.pack.Valid:
			return do(c.hash, errors.New("it is erased, and has a pack all the same"))
		case c.erased:
			return do(c.hash, nil)
		}
		if c.pack.Int64 != last {
			var frame []byte
			err := d.read.row(ctx, `SELECT frame FROM packs WHERE id = ?`, c.pack.Int64).Scan(&frame)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if broken, last = explain(ignore(err, sql.ErrNoRows)), c.pack.Int64; broken == nil {
				broken = u.unpack(last, frame)
			}
		}
		if broken != nil {
			return do(c.hash, broken)
		}
		return do(c.hash, c.check(u.data))
	}, `SELECT sha256, start, size, form, pack_id, erased_at IS NOT NULL FROM contents
		WHERE ?1 IS NULL OR id IN (SELECT content_id FROM revisions WHERE seen_at >= ?1) ORDER BY pack_id`, millis(since))
}

// Crossed returns the changes that name a revision, a state or a version of another
// document.
func (d *DB) Crossed(ctx context.Context) (_ []int64, err error) {
	defer wrap(&err, "changes")
	return collect(ctx, d.read, scanID, `
		SELECT c.id FROM changes c
		LEFT JOIN revisions rf ON rf.id = c.from_revision LEFT JOIN versions vf ON vf.id = rf.version_id
		LEFT JOIN revisions rt ON rt.id = c.to_revision LEFT JOIN versions vt ON vt.id = rt.version_id
		LEFT JOIN versions v ON v.id = c.version_id
		LEFT JOIN document_states sf ON sf.id = c.from_state LEFT JOIN document_states st ON st.id = c.to_state
		WHERE vf.document_id <> c.document_id OR vt.document_id <> c.document_id OR v.document_id <> c.document_id
			OR sf.document_id <> c.document_id OR st.document_id <> c.document_id`)
}

// Integrity returns what SQLite itself finds wrong with the file, a line each.
func (d *DB) Integrity(ctx context.Context) (_ []string, err error) {
	defer wrap(&err, "integrity of the file")
	list, err := collect(ctx, d.read, scanText, `PRAGMA integrity_check(20)`)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(s string) bool { return s == "ok" })
	keys, err := collect(ctx, d.read, func(row scanner) (string, error) {
		var table, parent string
		var id, key sql.NullInt64
		err := row.Scan(&table, &id, &parent, &key)
		return fmt.Sprintf("row %d of %s names a row of %s that is not there", id.Int64, table, parent), err
	}, `PRAGMA foreign_key_check`)
	return append(list, keys...), err
}

func scanText(row scanner) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}

// SameHash reports whether a record makes the leaf.
func (l Leaf) SameHash(r *audit.Record) bool {
	h := audit.LeafHash(r.Encode())
	return bytes.Equal(h[:], l.Hash[:])
}
