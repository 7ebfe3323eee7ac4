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

// The methods in this file read the log for verification. Package query compares.

// Leaf is a stored leaf of the log.
type Leaf struct {
	Index int64
	Type  string
	Ref   coc.Key // of the row
	Hash  audit.Hash
}

// Generation is a generation of the log: it restarts with a new key at a restore.
type Generation struct {
	Origin, Public string
}

// Generation returns the newest generation of the log. The error is coc.ErrNotFound if it has none.
func (l *Log) Generation(ctx context.Context) (g Generation, err error) {
	defer wrap(&err, "log")
	return find(ctx, l.read, func(row scanner) (g Generation, err error) {
		err = row.Scan(&g.Origin, &g.Public)
		return g, err
	}, `SELECT origin, public_key FROM generations ORDER BY id DESC LIMIT 1`)
}

// Edge returns the stored right edge of the log.
func (l *Log) Edge(ctx context.Context) (_ audit.Edge, err error) {
	defer wrap(&err, "log")
	return readEdge(ctx, l.read)
}

// LogSize returns the number of records of the log and the number of records covered by the
// newest checkpoint.
func (l *Log) LogSize(ctx context.Context) (records, signed int64, err error) {
	defer wrap(&err, "log")
	err = l.read.row(ctx, `SELECT coalesce((SELECT max(size) FROM edge), 0), coalesce((SELECT max(size) FROM checkpoints), 0)`).
		Scan(&records, &signed)
	if err == nil && (records < 0 || signed < 0) {
		err = damaged("the head of the log: it has %d records, and %d are signed", records, signed)
	}
	return records, signed, err
}

// Signed is a stored checkpoint.
type Signed struct {
	Size int64
	Note []byte
}

// Checkpoints returns the signed checkpoints in the order of size.
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
	return each(ctx, l.read, scan[Leaf], do, leafRows+` ORDER BY id`)
}

const leafRows = `SELECT id, type, account_id, ref, hash FROM leaves`

func (l *Leaf) columns() []any { return []any{&l.Index, &l.Type, &l.Ref, &l.Hash} }

// Types returns the types of leaves in the order of verification.
func Types() (list []string) {
	for _, s := range sources() {
		list = append(list, s.typ)
	}
	return list
}

// EachRecord calls do with the record and the leaf of every row of a type. The record is nil
// if the row of a leaf is missing; the leaf is nil if a row has none.
func (l *Log) EachRecord(ctx context.Context, typ string, do func(ref coc.Key, r *audit.Record, l *Leaf) error) (err error) {
	defer wrap(&err, "records of type %s", typ)
	// Leaves and records have the same order.
	leaves, err := collect(ctx, l.read, scan[Leaf], leafRows+` WHERE type = ? ORDER BY account_id, ref, id`, typ)
	if err != nil {
		return err
	}
	// without calls do with the leaves before a row, whose rows are missing.
	without := func(before func(Leaf) bool) (err error) {
		for err == nil && len(leaves) > 0 && before(leaves[0]) {
			err = do(leaves[0].Ref, nil, &leaves[0])
			leaves = leaves[1:]
		}
		return err
	}
	s := sourceOf(typ)
	err = each(ctx, l.read, s.scan, func(e event) error {
		if err := without(func(l Leaf) bool { return l.Ref.Compare(e.ref) < 0 }); err != nil {
			return err
		}
		if len(leaves) == 0 || leaves[0].Ref != e.ref {
			return do(e.ref, &e.record, nil)
		}
		leaf := leaves[0]
		leaves = leaves[1:]
		return do(e.ref, &e.record, &leaf)
	}, s.query+` ORDER BY 1, 2`)
	if err != nil {
		return err
	}
	return without(func(Leaf) bool { return true })
}

// RecordOf returns the record and the leaf of a change.
func (l *Log) RecordOf(ctx context.Context, change coc.Key) (r audit.Record, leaf Leaf, err error) {
	defer wrap(&err, "change %d", change.ID)
	e, err := sourceOf(audit.TypeChange).of(ctx, l.read, change)
	if err == nil {
		leaf, err = find(ctx, l.read, scan[Leaf], leafRows+` WHERE type = 'change' AND account_id = ? AND ref = ?`, change)
	}
	return e.record, leaf, err
}

// Basis is the evidence of a change.
type Basis struct {
	Evidence     coc.Evidence // the response of COC with the new content or fields; zero for none
	OldCheckedAt time.Time    // for a rewrite: when the old content was last compared with COC
	Cycle        coc.Key      // the cycle that found the change; zero if unknown
	Watch        string       // of the cycle
	Leaf         int64        // its index in the log, from 0; -1 for none
	Signed       int64        // number of leaves that the newest checkpoint signs
}

// Basis returns the evidence of a change.
func (l *Log) Basis(ctx context.Context, change coc.Key) (b Basis, err error) {
	defer wrap(&err, "basis of change %d", change.ID)
	err = l.read.row(ctx, `
		SELECT coalesce(r.request_id, s.request_id, ''), coalesce(r.answered_at, s.answered_at), r.previous_checked_at,
			coalesce(y.account_id, 0), coalesce(y.id, 0), coalesce(y.watch, ''), (SELECT coalesce(max(size), 0) FROM checkpoints)
		FROM changes c LEFT JOIN revisions r ON r.account_id = c.account_id AND r.id = c.to_revision
		LEFT JOIN document_states s ON s.account_id = c.account_id AND s.id = c.to_state
		LEFT JOIN cycles y ON y.account_id = c.account_id AND y.id = c.cycle_id
		WHERE c.account_id = ? AND c.id = ?`, change).
		Scan(&b.Evidence, &b.OldCheckedAt, &b.Cycle, &b.Watch, &b.Signed)
	if errors.Is(err, sql.ErrNoRows) {
		err = coc.ErrNotFound
	}
	if err != nil {
		return b, err
	}
	b.Leaf, err = l.leafOf(ctx, change)
	return b, err
}

// leafOf returns the index of a change's leaf in the log, or -1. Leaves of an account's
// changes are in the order of the changes, so a binary search works without an index. It may
// miss a leaf of an altered log; verification reads all leaves and reports the alteration.
func (l *Log) leafOf(ctx context.Context, change coc.Key) (int64, error) {
	end, err := first(ctx, l.read, scan[int64], `SELECT coalesce(max(id), -1) + 1 FROM leaves`)
	if err != nil {
		return -1, err
	}
	for from := int64(0); from < end; {
		middle := from + (end-from)/2
		var leaf, ref int64
		err := l.read.row(ctx, `
			SELECT id, ref FROM leaves WHERE id >= ? AND id < ? AND type = 'change' AND account_id = ? ORDER BY id LIMIT 1`,
			middle, end, change.Account).Scan(&leaf, &ref)
		switch {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return -1, err
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

// Integrity returns the faults that SQLite's own checks find in the file, one line each.
func (d *DB) Integrity(ctx context.Context) (_ []string, err error) {
	defer wrap(&err, "integrity of the file")
	list, err := collect(ctx, d.read, scan[string], `PRAGMA integrity_check(20)`)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(s string) bool { return s == "ok" })
	keys, err := collect(ctx, d.read, func(row scanner) (string, error) {
		var table, parent string
		var id, key sql.NullInt64
		err := row.Scan(&table, &id, &parent, &key)
		return fmt.Sprintf("row %d of %s refers to a missing row of %s", id.Int64, table, parent), err
	}, `PRAGMA foreign_key_check`)
	return append(list, keys...), err
}

// SameHash reports whether a record has the hash of the leaf.
func (l Leaf) SameHash(r *audit.Record) bool {
	h := audit.LeafHash(r.Encode())
	return bytes.Equal(h[:], l.Hash[:])
}
