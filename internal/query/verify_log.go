package query

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"cocsync/internal/audit"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// logs checks every log, the head file and the external checkpoints.
func (v *verifier) logs(ctx context.Context) error {
	logs, err := v.db.Logs(ctx)
	if err != nil {
		return err
	}
	own := v.own
	if v.signers, err = (&Archive{db: v.db, OwnKey: func() (audit.PublicKey, error) { return own, nil }}).signers(ctx); err != nil {
		return err
	}
	counts := map[string]int{}
	var pairs unmatched
	for account := range byAccount(logs) {
		for i, l := range account {
			c := &logCheck{verifier: v, log: l, name: "log " + text.Visible(l.Origin), counts: counts, unmatched: &pairs}
			if i+1 < len(account) {
				c.after = &account[i+1]
			}
			c.place(account[:i])
			if err := c.run(ctx); err != nil {
				return err
			}
		}
	}
	for _, typ := range audit.Types() {
		if err := v.unlogged(ctx, typ, &pairs); err != nil {
			return err
		}
		v.count(typ+" records", counts[typ])
	}
	if n := counts[cosignatures]; n > 0 {
		v.count(cosignatures, n)
	}
	pairs.blame(ctx, v)
	if n := counts[stored]; n > 0 {
		v.count(stored, n)
	}
	v.externalFaults(logs)
	return nil
}

// byAccount returns the logs of each account, the oldest first.
func byAccount(logs []db.LogInfo) iter.Seq[[]db.LogInfo] {
	return func(yield func([]db.LogInfo) bool) {
		for from := 0; from < len(logs); {
			to := from + 1
			for to < len(logs) && logs[to].Account == logs[from].Account {
				to++
			}
			if !yield(logs[from:to]) {
				return
			}
			from = to
		}
	}
}

// of reports whether a checkpoint may be of a log.
func (x External) of(l db.LogInfo) bool { return x.Origin == "" || x.Origin == l.Origin }

// unlogged finds the rows of a type that have no leaf.
func (v *verifier) unlogged(ctx context.Context, typ string, pairs *unmatched) error {
	keys, err := v.db.Unlogged(ctx, typ, maxUnmatched)
	for _, key := range keys {
		records, err := v.db.Records(ctx, key.Account, typ, []int64{key.ID})
		if err != nil {
			return err
		}
		pairs.add(v, mismatch{row: newLoggedRow(typ, key.ID, records[key.ID])})
	}
	return err
}

// logCheck checks one log.
type logCheck struct {
	*verifier
	log    db.LogInfo
	after  *db.LogInfo // the log that continues it; nil for none
	name   string
	counts map[string]int

	next      int64 // the index of the next leaf
	gap       bool  // a leaf is missing: the tree ends before it
	tree      audit.Edge
	sent      []db.Signed // checkpoints that are not reached yet
	pending   []int       // external checkpoints that are not reached yet, by number, the smallest first
	unmatched *unmatched  // of all logs
	clock     seenClock
}

func (c *logCheck) run(ctx context.Context) (err error) {
	if c.sent, err = c.db.Checkpoints(ctx, c.log.Account, c.log.ID); err != nil {
		return err
	}
	for i, x := range c.Verification.External {
		if !x.of(c.log) {
			continue
		}
		c.pending = append(c.pending, i)
		if x.Note != nil {
			if _, _, err := c.verifier.open(c.log, x.Note); err != nil && !c.signedLater(x) {
				c.external[i] = append(c.external[i], err.Error())
			}
			if _, err := c.cosigners(x); err != nil {
				c.external[i] = append(c.external[i], err.Error())
			}
		}
	}
	c.sortPending()
	c.externals()
	var page []db.Leaf
	for l, err := range c.db.Leaves(ctx, c.log.Account, c.log.ID) {
		if err != nil {
			return err
		}
		if page = append(page, l); len(page) == leavesPage {
			if err := c.leaves(ctx, page); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	if err := c.leaves(ctx, page); err != nil {
		return err
	}
	c.head()
	if err := c.checkCosignatures(ctx); err != nil {
		return err
	}
	if note := c.clock.note(); note != "" {
		c.verdict.Notes = append(c.verdict.Notes, c.name+": "+note)
	}
	for _, s := range c.sent {
		if c.gap {
			break // the missing leaf is the fault
		}
		c.fault("%s: a checkpoint of %d records was sent, and there are only %d", c.name, s.Size, c.tree.Size)
	}
	for _, i := range c.pending {
		if c.after != nil && !c.after.Restored.IsZero() && !c.gap {
			if err := c.lose(i, c.log, c.after); err != nil {
				c.external[i] = append(c.external[i], err.Error())
			}
			continue
		}
		c.external[i] = append(c.external[i],
			fmt.Sprintf("it covers %s, but %s has only %d: the last ones were removed, or this is an older copy",
				text.Plural(int(c.Verification.External[i].Size), "record"), c.name, c.tree.Size))
	}
	return nil
}

// signedLater reports whether an external checkpoint of lost records is signed by a key of the log that
// a restore started: the key may have been replaced after the backup.
func (c *logCheck) signedLater(x External) bool {
	return c.after != nil && !c.after.Restored.IsZero() && x.Size > c.log.Size && c.verifier.openLost(*c.after, x.Note) == nil
}

// openLost verifies a checkpoint of lost records with the keys of the log that a restore started.
func (v *verifier) openLost(restored db.LogInfo, note []byte) error {
	list := v.keysOf(restored)
	var keys []audit.PublicKey
	for _, p := range list {
		keys = append(keys, p.key)
	}
	_, key, err := audit.OpenAny(note, keys)
	if err != nil {
		return err
	}
	return v.trusts(restored, list, key)
}

// place checks the name of the log, and that it continues the previous one.
func (c *logCheck) place(before []db.LogInfo) {
	last := db.LogInfo{Name: c.log.Name}
	if len(before) > 0 {
		last = before[len(before)-1]
	}
	if want := c.Identity.Origin(c.log.Name, c.log.ID); c.log.Origin != want {
		c.fault("%s: its origin should be %s: the archive or the account was renamed", c.name, text.Visible(want))
	}
	// The logs between two numbers were lost, and the restore says so.
	if lost := c.Identity.Generation(c.log.Name, c.log.LostOrigin); c.log.ID != max(last.ID, lost)+1 {
		c.fault("%s: another log of the account is missing before it", c.name)
	}
	for _, k := range c.changes {
		if k.Account == c.log.Account && k.Log == c.log.ID && k.signed == k.Lost {
			c.fault("%s: not both keys signed the change from %s to %s", c.name, k.Old.Fingerprint(), k.New.Fingerprint())
		}
	}
	for _, w := range c.warnings(c.log, last) {
		if len(c.Keys) == 0 {
			c.verdict.Notes = append(c.verdict.Notes, c.name+": "+w)
		}
	}
	if note := restoreNote(c.log); note != "" {
		c.verdict.Notes = append(c.verdict.Notes, c.name+": "+note)
	}
	switch signed := bytes.Contains(c.log.Note, []byte("\n\n")); {
	case signed && len(c.log.PublicKey) == 0:
		c.fault("%s: it started without the key and is signed: cocsync signs no such log", c.name)
	case c.log.NeverSigned():
		c.verdict.Notes = append(c.verdict.Notes,
			fmt.Sprintf("%s: its %s were added while the key was missing, and are not signed. Whether they were "+
				"replaced before the log that continues it started is unknown: compare it with an external checkpoint",
				c.name, text.Plural(int(c.log.Size), "record")))
	}
	if len(before) == 0 {
		if none := (&audit.Edge{}).Root(); c.log.OldSize != 0 || c.log.OldOrigin != c.log.LostOrigin ||
			c.log.ID > 1 && string(c.log.OldRoot) != string(none[:]) {
			c.fault("%s: the log before it is missing", c.name)
		}
		return
	}
	head, _, err := c.verifier.open(last, last.Note)
	if err != nil || head.Origin != c.log.OldOrigin || head.Size != c.log.OldSize || string(head.Root[:]) != string(c.log.OldRoot) {
		c.fault("%s: it does not continue the previous log as it is", c.name)
	}
}

// restoreNote says what a restore lost of the log before l; "" if l was not started by one.
func restoreNote(l db.LogInfo) string {
	switch known := l.LostSize - l.OldSize; {
	case l.Restored.IsZero():
		return ""
	case l.LostOrigin == "":
		return fmt.Sprintf("it was started by the restore of %s: later records than the %d of the log before it may be lost",
			stamp(l.Restored), l.OldSize)
	case l.LostOrigin != l.OldOrigin:
		return fmt.Sprintf("it was started by the restore of %s, which lost %s of the log %s", stamp(l.Restored),
			text.Plural(int(l.LostSize), "record"), text.Visible(l.LostOrigin))
	default:
		return fmt.Sprintf("it was started by the restore of %s, which lost at least %s of the log before it, after the first %d",
			stamp(l.Restored), text.Plural(int(known), "record"), l.OldSize)
	}
}

// leavesPage is the number of leaves whose records are read at once.
const leavesPage = 500

// leaves checks the next leaves.
func (c *logCheck) leaves(ctx context.Context, page []db.Leaf) error {
	rows := map[string][]int64{}
	for _, l := range page {
		rows[l.Type] = append(rows[l.Type], l.Ref)
	}
	records := map[string]map[int64]audit.Record{}
	for typ, ids := range rows {
		var err error
		if records[typ], err = c.db.Records(ctx, c.log.Account, typ, ids); err != nil {
			return err
		}
	}
	for _, l := range page {
		c.step()
		record, ok := records[l.Type][l.Ref]
		c.leaf(l, record, ok)
	}
	return nil
}

// leaf checks one leaf: its position, the record of its row, and the hashes that it completes.
func (c *logCheck) leaf(l db.Leaf, record audit.Record, ok bool) {
	if l.Index != c.next {
		c.fault("%s: leaf %d is missing", c.name, c.next)
		c.gap = true
	}
	c.next = l.Index + 1
	if len(l.Hashes) == 0 {
		c.fault("%s: leaf %d has no hash", c.name, l.Index)
		l.Hashes = make([]audit.Hash, 1)
	}
	switch {
	case !ok:
		c.unmatched.add(c.verifier, mismatch{leaf: &loggedLeaf{l, c.log, c.name}})
	case audit.LeafHash(record.Encode()) != l.Hashes[0]:
		c.unmatched.add(c.verifier, mismatch{&loggedLeaf{l, c.log, c.name}, newLoggedRow(l.Type, l.Ref, record)})
	default:
		c.clock.record(l.Index, &record)
	}
	if ok {
		c.counts[l.Type]++
	}
	if c.gap {
		return
	}
	if added := c.tree.Add(l.Hashes[0]); !slices.Equal(audit.Stored(added), l.Hashes) {
		c.fault("%s: the hashes of leaf %d are not those of the leaves before it", c.name, l.Index)
	}
	c.checkpoints()
}

// head checks the stored head of the log and its signature.
func (c *logCheck) head() {
	root := c.tree.Root()
	out := LogVerdict{Account: Text(c.log.Name), Origin: Text(c.log.Origin), Size: c.tree.Size, Root: root.String()}
	head, key, err := c.verifier.open(c.log, c.log.Note)
	switch {
	case err != nil:
		c.fault("%s: its newest checkpoint: %v", c.name, err)
	case c.gap:
	case head.Origin != c.log.Origin || head.Size != c.tree.Size || head.Root != root || c.log.Size != c.tree.Size:
		c.fault("%s: it has %d records with the root %s; signed are %d with the root %s", c.name, c.tree.Size, root, head.Size, head.Root)
	case !c.fitsPeaks():
		c.fault("%s: its right edge is not that of its records", c.name)
	default:
		out.Key = key
	}
	c.verdict.Logs = append(c.verdict.Logs, out)
}

// fitsPeaks reports whether the stored right edge is that of the leaves.
func (c *logCheck) fitsPeaks() bool {
	var peaks []byte
	for _, h := range c.tree.Peaks {
		peaks = append(peaks, h[:]...)
	}
	return string(peaks) == string(c.log.Peaks)
}

// trusts returns an error if a key of a log is not one of those that are trusted: the given keys, or
// the key file's. A trusted key vouches for the keys that it replaced, and for those that replaced it
// with its signature. A closed log is trusted without given keys: the one that continues it commits to it.
func (v *verifier) trusts(l db.LogInfo, list []periodOfKey, key audit.PublicKey) error {
	given := func(k audit.PublicKey) bool { return slices.ContainsFunc(v.Keys, k.Equal) }
	switch {
	case len(v.Keys) == 0 && (v.own == nil || l.Closed):
		return nil
	case len(v.Keys) == 0:
		given = v.own.Equal
	}
	last, reached := -1, false
	for i, p := range list {
		if reached = given(p.key) || reached && !p.lost; reached {
			last = i
		}
	}
	for _, p := range list[:last+1] {
		if p.key.Equal(key) {
			return nil
		}
	}
	return fmt.Errorf("%w: it is signed by the key %s", audit.ErrSignature, key.Fingerprint())
}

var errUnsigned = errors.New("it is not signed: the signing key was missing")

// open verifies a checkpoint with the key that signs the log at its size, and returns the fingerprint
// of that key; "" if the log has no key. A key that was replaced counts up to the size of the change.
func (v *verifier) open(l db.LogInfo, note []byte) (c audit.Checkpoint, key string, err error) {
	list := v.keysOf(l)
	if !bytes.Contains(note, []byte("\n\n")) {
		if len(list) == 0 && len(v.Keys) == 0 && len(v.Identity.PublicKey) == 0 || v.Unsigned || l.NeverSigned() {
			c, err = audit.ParseCheckpoint(string(note))
			return c, "", err
		}
		return c, "", errUnsigned
	}
	if c, err = audit.Peek(note); err != nil {
		return c, "", err
	}
	size := c.Size
	err = audit.ErrSignature
	for i, p := range slices.Backward(list) {
		if i+1 < len(list) && size > list[i+1].from || size < p.from {
			continue
		}
		if c, err = audit.Open(note, p.key); err == nil {
			return c, p.key.Fingerprint(), v.trusts(l, list, p.key)
		}
	}
	return c, "", err
}

// checkpoints checks the checkpoints of as many records as were added.
func (c *logCheck) checkpoints() {
	for len(c.sent) > 0 && c.sent[0].Size <= c.tree.Size {
		s := c.sent[0]
		c.sent = c.sent[1:]
		head, _, err := c.verifier.open(c.log, s.Note)
		switch {
		case err != nil:
			c.fault("%s: the checkpoint of %d records: %v", c.name, s.Size, err)
		case head.Origin != c.log.Origin || head.Size != s.Size:
			c.fault("%s: the checkpoint of %d records is of another log", c.name, s.Size)
		case head.Root != c.tree.Root():
			c.fault("%s: the first %d records are not those that were signed: their root is %s, not %s", c.name, s.Size, c.tree.Root(), head.Root)
		}
	}
	c.externals()
}
