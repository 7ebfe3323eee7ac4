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
	Ref   coc.Key // of the row
	Hash  audit.Hash
}

// Generation is a beginning of the log.
type Generation struct {
	ID             int64
	Origin, Public string
}

// Generation returns the log's newest beginning; coc.ErrNotFound when it has none.
func (l *Log) Generation(ctx context.Context) (g Generation, err error) {
	defer wrap(&err, "log")
	err = l.read.row(ctx, `SELECT id, origin, public_key FROM generations ORDER BY id DESC LIMIT 1`).Scan(&g.ID, &g.Origin, &g.Public)
	if errors.Is(err, sql.ErrNoRows) {
		err = coc.ErrNotFound
	}
	return g, explain(err)
}

// Edge returns the log's right edge as it is stored.
func (l *Log) Edge(ctx context.Context) (e audit.Edge, err error) {
	defer wrap(&err, "log")
	var size int64
	var peaks []byte
	if err := l.read.row(ctx, `SELECT size, peaks FROM edge`).Scan(&size, &peaks); err != nil {
		return e, explain(ignore(err, sql.ErrNoRows))
	}
	if e, err = audit.UnmarshalEdge(size, peaks); err != nil {
		err = damaged("the head of the log: %w", err)
	}
	return e, err
}

// LogSize returns how many records the log has, and how many of them its newest
// checkpoint covers.
func (l *Log) LogSize(ctx context.Context) (records, signed int64, err error) {
	defer wrap(&err, "log")
	err = l.read.row(ctx, `SELECT coalesce((SELECT max(size) FROM edge), 0), coalesce((SELECT max(size) FROM checkpoints), 0)`).
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
func (l *Log) Checkpoints(ctx context.Context) (_ []Signed, err error) {
	defer wrap(&err, "checkpoints")
	return collect(ctx, l.read, func(row scanner) (s Signed, err error) {
		err = row.Scan(&s.Size, &s.Note)
		return s, err
	}, `SELECT size, note FROM checkpoints ORDER BY size`)
}

// EachLeaf calls do with every leaf, in order.
func (l *Log) EachLeaf(ctx context.Context, do func(Leaf) error) (err error) {
	defer wrap(&err, "leaves")
	return each(ctx, l.read, scanLeaf, do, leafRows+` ORDER BY id`)
}

const leafRows = `SELECT id, type, account_id, ref, hash FROM leaves`

func scanLeaf(row scanner) (l Leaf, err error) {
	err = row.Scan(&l.Index, &l.Type, &l.Ref.Account, &l.Ref.ID, (*hashColumn)(&l.Hash))
	return l, err
}

// each calls do with the rows of a query while it runs.
func each[T any](ctx context.Context, r *reader, scan func(scanner) (T, error), do func(T) error, query string, args ...any) error {
	for v, err := range stream(ctx, r, scan, query, args...) {
		if err == nil {
			err = do(v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Types are the types of leaves, in the order in which they are worth checking.
func Types() []string {
	list := []string{audit.TypeStart}
	for _, s := range sources() {
		list = append(list, s.typ)
	}
	return list
}

// EachRecord calls do with every row that has leaves of a type, its record, and its leaf;
// the record is nil for a leaf whose row is missing, the leaf for a row without one.
func (l *Log) EachRecord(ctx context.Context, typ string, do func(ref coc.Key, r *audit.Record, l *Leaf) error) (err error) {
	defer wrap(&err, "records of type %s", typ)
	s := source{audit.TypeStart, generationQuery, "g", scanGeneration}
	order := ` ORDER BY g.id`
	for _, other := range sources() {
		if other.typ == typ {
			s, order = other, ` ORDER BY `+other.alias+`.account_id, `+other.alias+`.id`
		}
	}
	// Both are in the order of the rows.
	leaves, err := collect(ctx, l.read, scanLeaf, leafRows+` WHERE type = ? ORDER BY account_id, ref, id`, typ)
	if err != nil {
		return err
	}
	err = each(ctx, l.read, func(row scanner) (e event, err error) {
		e.ref, e.record, err = s.scan(row)
		e.record.Type = typ
		return e, err
	}, func(e event) error {
		for len(leaves) > 0 && leaves[0].Ref.Compare(e.ref) < 0 {
			if err := do(leaves[0].Ref, nil, &leaves[0]); err != nil {
				return err
			}
			leaves = leaves[1:]
		}
		if len(leaves) == 0 || leaves[0].Ref != e.ref {
			return do(e.ref, &e.record, nil)
		}
		leaf := leaves[0]
		leaves = leaves[1:]
		return do(e.ref, &e.record, &leaf)
	}, s.query+order)
	for i := range leaves {
		if err == nil {
			err = do(leaves[i].Ref, nil, &leaves[i])
		}
	}
	return err
}

// RecordOf returns the record of a change, and its leaf.
func (l *Log) RecordOf(ctx context.Context, change coc.Key) (r audit.Record, leaf Leaf, err error) {
	defer wrap(&err, "change %d", change.ID)
	_, r, err = scanChangeRecord(l.read.row(ctx, changeQuery+` WHERE c.account_id = ? AND c.id = ?`, change.Account, change.ID))
	r.Type = audit.TypeChange
	if err == nil {
		leaf, err = scanLeaf(l.read.row(ctx, leafRows+` WHERE type = 'change' AND account_id = ? AND ref = ?`, change.Account, change.ID))
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = coc.ErrNotFound
	}
	return r, leaf, explain(err)
}

// Basis is what a change is based on.
type Basis struct {
	Evidence     coc.Evidence // the response of COC that had what is new; zero where nothing was
	OldCheckedAt time.Time    // of a rewritten version: when its old bytes were last compared with COC's
	Cycle        coc.Key      // that saw it; zero when not known
	Watch        string       // of the cycle
	Leaf         int64        // its index in the log, from 0; -1 for none
	Signed       int64        // how many leaves the newest checkpoint signs
}

// Basis returns what a change is based on.
func (l *Log) Basis(ctx context.Context, change coc.Key) (b Basis, err error) {
	defer wrap(&err, "basis of change %d", change.ID)
	err = l.read.row(ctx, `
		SELECT coalesce(r.request_id, s.request_id, ''), coalesce(r.answered_at, s.answered_at), r.previous_checked_at,
			coalesce(y.account_id, 0), coalesce(y.id, 0), coalesce(y.watch, ''), (SELECT coalesce(max(size), 0) FROM checkpoints)
		FROM changes c LEFT JOIN revisions r ON r.account_id = c.account_id AND r.id = c.to_revision
		LEFT JOIN document_states s ON s.account_id = c.account_id AND s.id = c.to_state
		LEFT JOIN cycles y ON y.account_id = c.account_id AND y.id = c.cycle_id
		WHERE c.account_id = ? AND c.id = ?`, change.Account, change.ID).
		Scan(&b.Evidence.RequestID, at(&b.Evidence.Date), at(&b.OldCheckedAt), &b.Cycle.Account, &b.Cycle.ID, &b.Watch, &b.Signed)
	if errors.Is(err, sql.ErrNoRows) {
		err = coc.ErrNotFound
	}
	if err != nil {
		return b, explain(err)
	}
	b.Leaf, err = l.leafOf(ctx, change)
	return b, err
}

// leafOf returns the index of a change's leaf in the log, or -1. The leaves of an account's
// changes are in the order of the changes, so a binary search finds it without an index;
// where the log was altered it may not, and verification, which reads every leaf, says so.
func (l *Log) leafOf(ctx context.Context, change coc.Key) (int64, error) {
	var end int64
	if err := l.read.row(ctx, `SELECT coalesce(max(id), -1) + 1 FROM leaves`).Scan(&end); err != nil {
		return -1, explain(err)
	}
	for from := int64(0); from < end; {
		middle := from + (end-from)/2
		var leaf, ref int64
		err := l.read.row(ctx, `
			SELECT id, ref FROM leaves WHERE id >= ? AND id < ? AND type = 'change' AND account_id = ? ORDER BY id LIMIT 1`,
			middle, end, change.Account).Scan(&leaf, &ref)
		switch {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return -1, explain(err)
		case err != nil || ref > change.ID:
			end = middle
		case ref < change.ID:
			from = leaf + 1
		default:
			return leaf, nil
		}
	}
	return -1, nil
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

// SameHash reports whether a record makes the leaf.
func (l Leaf) SameHash(r *audit.Record) bool {
	h := audit.LeafHash(r.Encode())
	return bytes.Equal(h[:], l.Hash[:])
}
