package query

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"cocsync/internal/audit"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// loggedRow is a row that must have a leaf.
type loggedRow struct {
	typ    string
	ref    int64
	record audit.Record
	hash   audit.Hash // that its leaf must have
}

func newLoggedRow(typ string, ref int64, record audit.Record) *loggedRow {
	return &loggedRow{typ, ref, record, audit.LeafHash(record.Encode())}
}

func (r *loggedRow) String() string { return describe(r.typ, &r.record) }

// loggedLeaf is a leaf of a log.
type loggedLeaf struct {
	db.Leaf
	log  db.LogInfo
	name string // of the log
}

// mismatch is a leaf and the row that it names, which differ. One of them is nil if there is no
// such leaf or row.
type mismatch struct {
	leaf *loggedLeaf
	row  *loggedRow
}

// unmatched collects the mismatches of all logs: an altered leaf makes one of its row, too.
type unmatched struct{ list []mismatch }

// maxUnmatched bounds the mismatches that are compared with each other.
const maxUnmatched = 10 * maxFaults

func (u *unmatched) add(v *verifier, m mismatch) {
	if len(u.list) == maxUnmatched {
		v.verdict.More++ // it would not be named
		return
	}
	u.list = append(u.list, m)
}

// blame names the leaf or the row that was altered. A leaf may name another row than the one
// whose hash it has.
func (u *unmatched) blame(ctx context.Context, v *verifier) {
	rows := map[audit.Hash]*mismatch{}
	for i := range u.list {
		if m := &u.list[i]; m.row != nil {
			rows[m.row.hash] = m
		}
	}
	for i := range u.list {
		m := &u.list[i]
		if m.leaf == nil {
			continue
		}
		own := rows[m.leaf.Hashes[0]]
		if own == nil || own.row == nil {
			continue
		}
		if own.row.typ != m.leaf.Type || own.row.ref != m.leaf.Ref {
			v.fault("%s: leaf %d names the %s %d, and has the hash of %s: the leaf or the id of the row was altered",
				m.leaf.name, m.leaf.Index, text.Visible(m.leaf.Type), m.leaf.Ref, own.row)
		}
		m.leaf, own.row = nil, nil
	}
	for _, m := range u.list {
		switch {
		case m.leaf != nil && m.row != nil:
			v.blame(ctx, m.leaf, m.row)
		case m.leaf != nil:
			v.fault("%s: the %s %d of leaf %d is missing", m.leaf.name, text.Visible(m.leaf.Type), m.leaf.Ref, m.leaf.Index)
		case m.row != nil:
			v.fault("%s: it was never logged", m.row)
		}
	}
}

// blame names the row or the leaf that was altered: the other one fits the root.
func (v *verifier) blame(ctx context.Context, leaf *loggedLeaf, row *loggedRow) {
	rowFits, leafFits := v.fits(ctx, leaf, row.hash), v.fits(ctx, leaf, leaf.Hashes[0])
	switch {
	case rowFits && !leafFits:
		v.fault("%s: leaf %d was altered; %s is what was logged", leaf.name, leaf.Index, row)
	case leafFits && !rowFits:
		v.fault("%s: it is not what was logged (leaf %d)", row, leaf.Index)
	default:
		v.fault("%s: it is not what was logged (leaf %d), and other hashes of the log were altered", row, leaf.Index)
	}
}

// fits reports whether a hash of a leaf fits the root of the newest checkpoint.
func (v *verifier) fits(ctx context.Context, leaf *loggedLeaf, hash audit.Hash) bool {
	l := leaf.log
	head, _, err := v.open(l, l.Note)
	if err != nil || leaf.Index >= head.Size {
		return false
	}
	proof, err := tlog.ProveRecord(head.Size, leaf.Index, v.db.StoredHashes(ctx, l.Account, l.ID))
	return err == nil && tlog.CheckRecord(proof, head.Size, head.Root, leaf.Index, hash) == nil
}
