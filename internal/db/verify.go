package db

import (
	"context"
	"iter"
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

// Leaves returns every leaf, in order.
func (l *Log) Leaves(ctx context.Context) iter.Seq2[Leaf, error] {
	return stream[Leaf](l.reading(ctx, "leaves"), leafRows+` ORDER BY id`)
}

const leafRows = `SELECT id, type, account_id, ref, hash FROM leaves`

// Generation is a generation of the log: it restarts with a new key at a restore.
type Generation struct {
	Origin, Public string
}

// Generation returns the newest generation of the log. The error is coc.ErrNotFound if it has none.
func (l *Log) Generation(ctx context.Context) (Generation, error) {
	return find[Generation](l.reading(ctx, "log"), `SELECT origin, public_key FROM generations ORDER BY id DESC LIMIT 1`)
}

// Edge returns the stored right edge of the log.
func (l *Log) Edge(ctx context.Context) (audit.Edge, error) { return readEdge(l.reading(ctx, "log")) }

// LogSize returns the number of records of the log and the number of records covered by the
// newest checkpoint.
func (l *Log) LogSize(ctx context.Context) (records, signed int64, err error) {
	err = l.reading(ctx, "log").row(`SELECT coalesce((SELECT max(size) FROM edge), 0), coalesce((SELECT max(size) FROM checkpoints), 0)`).
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
func (l *Log) Checkpoints(ctx context.Context) ([]Signed, error) {
	return collect[Signed](l.reading(ctx, "checkpoints"), `SELECT size, note FROM checkpoints ORDER BY size`)
}

// Types returns the types of leaves in the order of verification.
func Types() (list []string) {
	for _, s := range sources() {
		list = append(list, s.typ)
	}
	return list
}

// EachRecord calls do with the record and the leaf of every row of a type. The record is nil
// if the row of a leaf is missing; the leaf is nil if a row has none.
func (l *Log) EachRecord(ctx context.Context, typ string, do func(ref coc.Key, r *audit.Record, l *Leaf)) error {
	r := l.reading(ctx, "records of type %s", typ)
	// Leaves and records have the same order.
	leaves, err := collect[Leaf](r, leafRows+` WHERE type = ? ORDER BY account_id, ref, id`, typ)
	if err != nil {
		return err
	}
	for e, err := range stream[event](r, sourceOf(typ).query+` ORDER BY 1, 2`) {
		if err != nil {
			return err
		}
		for ; len(leaves) > 0 && leaves[0].Ref.Compare(e.ref) < 0; leaves = leaves[1:] {
			do(leaves[0].Ref, nil, &leaves[0])
		}
		var leaf *Leaf
		if len(leaves) > 0 && leaves[0].Ref == e.ref {
			leaf, leaves = &leaves[0], leaves[1:]
		}
		do(e.ref, e.record(typ), leaf)
	}
	for i := range leaves {
		do(leaves[i].Ref, nil, &leaves[i])
	}
	return nil
}

// RecordOf returns the record and the leaf of a change.
func (l *Log) RecordOf(ctx context.Context, change coc.Key) (*audit.Record, Leaf, error) {
	r := l.reading(ctx, "change %d", change.ID)
	record, err := recordOf(r, audit.TypeChange, change)
	if err != nil {
		return nil, Leaf{}, err
	}
	leaf, err := find[Leaf](r, leafRows+` WHERE type = 'change' AND account_id = ? AND ref = ?`, change)
	return record, leaf, err
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
func (l *Log) Basis(ctx context.Context, change coc.Key) (Basis, error) {
	return find[Basis](l.reading(ctx, "basis of change %d", change.ID), `
		SELECT coalesce(r.request_id, s.request_id, ''), coalesce(r.answered_at, s.answered_at), r.previous_checked_at,
			coalesce(y.account_id, 0), coalesce(y.id, 0), coalesce(y.watch, ''),
			coalesce((SELECT min(id) FROM leaves WHERE type = 'change' AND ref = c.id AND account_id = c.account_id), -1),
			(SELECT coalesce(max(size), 0) FROM checkpoints)
		FROM changes c LEFT JOIN revisions r ON r.account_id = c.account_id AND r.id = c.to_revision
		LEFT JOIN document_states s ON s.account_id = c.account_id AND s.id = c.to_state
		LEFT JOIN cycles y ON y.account_id = c.account_id AND y.id = c.cycle_id
		WHERE c.account_id = ? AND c.id = ?`, change)
}

// Integrity returns the faults that SQLite's own checks find in the file, one line each.
func (d *DB) Integrity(ctx context.Context) ([]string, error) {
	r := d.reading(ctx, "integrity of the file")
	list, err := collect[string](r, `PRAGMA integrity_check(20)`)
	if err != nil {
		return nil, err
	}
	keys, err := collect[string](r, `
		SELECT 'row ' || coalesce(rowid, 0) || ' of ' || "table" || ' refers to a missing row of ' || parent FROM pragma_foreign_key_check`)
	return append(slices.DeleteFunc(list, func(s string) bool { return s == "ok" }), keys...), err
}

// SameHash reports whether a record has the hash of the leaf.
func (l Leaf) SameHash(r *audit.Record) bool {
	return l.Hash == audit.LeafHash(r.Encode())
}
