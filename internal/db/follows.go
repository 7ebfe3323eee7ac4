package db

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// An event is derived from what the database says of the time before it. Someone who alters that
// could make cocsync sign an event that did not happen, so it is compared with the log first.

// logged returns an error unless a row that an earlier transaction added is what was logged.
func (t *tx) logged(typ string, row coc.Key) {
	known := t.s.logs[row.Account]
	if t.err != nil || known == nil {
		return
	}
	wrong := changedWhileOpen(fmt.Sprintf("the %s %d of account %s is not what was logged", typ, row.ID, text.Visible(known.account)))
	rows, err := sources[typ].read(t.reader, row.Account, []int64{row.ID})
	t.fail(err)
	found, ok := get[loggedLeaf](t, leavesOfRows+`(?) AND k.type = ? AND k.account_id = ?`, row.ID, typ, row.Account)
	if t.err != nil {
		return
	}
	leaf := found.leaf()
	if !ok || len(rows) != 1 || len(leaf.Hashes) == 0 || leaf.Hashes[0] != audit.LeafHash(rows[0].record.Encode()) {
		t.fail(wrong)
		return
	}
	if found.Log != known.id || leaf.Index >= known.edge.Size {
		return // of an earlier log, or of this transaction
	}
	size, root := known.edge.Size, known.edge.Root()
	proof, err := tlog.ProveRecord(size, leaf.Index, hashReader(leafHashes(t.reader, row.Account, found.Log)))
	if err != nil || tlog.CheckRecord(proof, size, root, leaf.Index, leaf.Hashes[0]) != nil {
		t.fail(wrong)
	}
}

// followsState returns an error for the deletion of a deleted document, or the return of another.
func (w *stepper) followsState(c coc.NewChange) {
	if c.Kind != coc.KindDeleted && c.Kind != coc.KindRestored {
		return
	}
	last, _ := get[coc.Kind](w.tx,
		`SELECT kind FROM changes WHERE account_id = ? AND document_id = ? AND kind IN ('deleted', 'restored') ORDER BY id DESC LIMIT 1`,
		w.document)
	if (last == coc.KindDeleted) != (c.Kind == coc.KindRestored) {
		w.fail(changedWhileOpen(fmt.Sprintf("document %s would be %s, which its changes contradict", text.Visible(w.DocumentID), c.Kind)))
	}
}

// followsListing returns an error unless whether a version is withdrawn is what was recorded.
func (w *stepper) followsListing(v storedVersion, label string) {
	last, _ := get[bool](w.tx, `SELECT withdrawn = 1 FROM listings WHERE account_id = ? AND version_id = ?
		ORDER BY id DESC LIMIT 1`, w.document.Account, v.ID)
	if last != v.Withdrawn {
		w.fail(changedWhileOpen(fmt.Sprintf("whether version %s of document %s is withdrawn is not what was recorded",
			text.Visible(label), text.Visible(w.DocumentID))))
	}
}
