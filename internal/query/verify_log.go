package query

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

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
	if v.signers.Identity, err = v.db.Identity(ctx); err != nil {
		return err
	}
	counts := map[string]int{}
	var pairs unmatched
	for account := range byAccount(logs) {
		for i, l := range account {
			c := &logCheck{verifier: v, log: l, name: "log " + text.Visible(l.Origin), counts: counts, unmatched: &pairs}
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
	for i, x := range v.Verification.External {
		wrong := slices.DeleteFunc(slices.Clone(v.external[i]), func(s string) bool { return s == "" })
		switch matched := len(wrong) < len(v.external[i]); {
		case matched && (x.Origin == "" || len(wrong) == 0):
		case len(wrong) > 0:
			v.fault("%s: %s", x.Name, strings.Join(wrong, "; "))
		default:
			v.fault("%s: it is of the log %s, which is not in this archive", x.Name, text.Visible(x.Origin))
		}
	}
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
	name   string
	counts map[string]int

	next      int64 // the index of the next leaf
	gap       bool  // a leaf is missing: the tree ends before it
	tree      audit.Edge
	sent      []db.Signed // checkpoints that are not reached yet
	pending   []int       // external checkpoints that are not reached yet, by number
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
			if _, _, err := c.verifier.open(c.log, x.Note); err != nil {
				c.external[i] = append(c.external[i], err.Error())
			}
			if _, err := c.cosigners(x); err != nil {
				c.external[i] = append(c.external[i], err.Error())
			}
		}
	}
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
		c.external[i] = append(c.external[i],
			fmt.Sprintf("it covers %s, but %s has only %d: the last ones were removed, or this is an older copy",
				text.Plural(int(c.Verification.External[i].Size), "record"), c.name, c.tree.Size))
	}
	return nil
}

// place checks the name of the log, and that it continues the previous one.
func (c *logCheck) place(before []db.LogInfo) {
	if want := c.Identity.Origin(c.log.Name, int64(len(before))+1); c.log.Origin != want {
		c.fault("%s: its origin should be %s: another log is missing, or the archive or the account was renamed", c.name, text.Visible(want))
	}
	switch signed := bytes.Contains(c.log.Note, []byte("\n\n")); {
	case signed && len(c.log.PublicKey) == 0:
		c.fault("%s: it started without the key and is signed: cocsync signs no such log", c.name)
	case c.log.NeverSigned():
		c.verdict.Notes = append(c.verdict.Notes, fmt.Sprintf("%s: its %s were added while the key was missing, and are not signed. Whether they were "+
			"replaced before the log that continues it started is unknown: compare it with an external checkpoint",
			c.name, text.Plural(int(c.log.Size), "record")))
	}
	if len(before) == 0 {
		return
	}
	last := before[len(before)-1]
	head, _, err := c.verifier.open(last, last.Note)
	if err != nil || head.Origin != c.log.OldOrigin || head.Size != c.log.OldSize || string(head.Root[:]) != string(c.log.OldRoot) {
		c.fault("%s: it does not continue the previous log as it is", c.name)
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

// keys returns the keys that may sign a log. The one that continues a closed log commits to it,
// so the closed one may be signed by the key that it started with.
func (v *verifier) keys(l db.LogInfo) []audit.PublicKey {
	switch {
	case len(v.Keys) > 0:
		return v.Keys
	case v.own != nil && !l.Closed:
		return []audit.PublicKey{v.own}
	}
	return slices.DeleteFunc([]audit.PublicKey{v.own, v.Identity.PublicKey, l.PublicKey}, func(k audit.PublicKey) bool { return len(k) == 0 })
}

var errUnsigned = errors.New("it is not signed: the signing key was missing")

// open verifies a checkpoint with the keys that may sign, and returns the fingerprint of the
// key that signed it; "" if the log has no key.
func (v *verifier) open(l db.LogInfo, note []byte) (c audit.Checkpoint, key string, err error) {
	keys := v.keys(l)
	if len(keys) == 0 || v.Unsigned || l.NeverSigned() {
		if c, err = audit.ParseCheckpoint(string(note)); err == nil && !bytes.Contains(note, []byte("\n\n")) {
			return c, "", nil
		}
	}
	if !bytes.Contains(note, []byte("\n\n")) {
		return c, "", errUnsigned
	}
	for _, k := range keys {
		if c, err = audit.Open(note, k); err == nil {
			return c, k.Fingerprint(), nil
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
	c.pending = slices.DeleteFunc(c.pending, func(i int) bool {
		x := c.Verification.External[i]
		if x.Size != c.tree.Size {
			return false
		}
		wrong := ""
		if x.Root != c.tree.Root() {
			wrong = fmt.Sprintf("the first %s of %s have changed since: their root is %s, not %s",
				text.Plural(int(x.Size), "record"), c.name, c.tree.Root(), x.Root)
		} else {
			match := fmt.Sprintf("%s: the log of account %s is unaltered up to this checkpoint (%s)",
				x.Name, text.Visible(c.log.Name), text.Plural(int(x.Size), "record"))
			if by, err := c.cosigners(x); err == nil && x.Note != nil {
				match += by
			}
			if x.Note == nil {
				match += "; it has no signature, so it proves only as much as the place where you kept it"
			}
			c.verdict.External = append(c.verdict.External, match)
		}
		c.external[i] = append(c.external[i], wrong)
		return true
	})
}
