package query

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

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
	if v.identity, err = v.db.Identity(ctx); err != nil {
		return err
	}
	counts := map[string]int{}
	for account := range byAccount(logs) {
		rows := newRowsOf(v.db, ctx, account[0].Account)
		err := v.account(ctx, account, rows, counts)
		rows.stop()
		if err != nil {
			return err
		}
	}
	for _, typ := range audit.Types() {
		v.count(typ+" records", counts[typ])
	}
	for _, x := range v.Verification.External {
		wrong := slices.DeleteFunc(slices.Clone(v.external[x.Name]), func(s string) bool { return s == "" })
		switch matched := len(wrong) < len(v.external[x.Name]); {
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

// account checks the logs of an account. A later one continues the one before it, with the
// records of later rows.
func (v *verifier) account(ctx context.Context, logs []db.LogInfo, rows *rowsOf, counts map[string]int) error {
	for i, l := range logs {
		c := &logCheck{verifier: v, log: l, name: "log " + text.Visible(l.Origin), rows: rows, counts: counts, newest: i == len(logs)-1}
		c.place(logs[:i])
		if err := c.run(ctx); err != nil {
			return err
		}
	}
	for _, typ := range audit.Types() {
		for {
			r, ok, err := rows.next(typ)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			v.fault("%s: it was never logged", describe(typ, &r.Record))
		}
	}
	return nil
}

// logCheck checks one log.
type logCheck struct {
	*verifier
	log    db.LogInfo
	name   string
	rows   *rowsOf
	counts map[string]int

	newest bool  // of its account
	next   int64 // the index of the next leaf
	gap    bool  // a leaf is missing: the tree ends before it
	tree   audit.Edge
	sent   []db.Signed // checkpoints that are not reached yet
	waits  []External
	wrong  []mismatch
	clock  seenClock
}

// mismatch is a record that differs from its leaf.
type mismatch struct {
	leaf db.Leaf
	row  audit.Hash
	what string
}

func (c *logCheck) run(ctx context.Context) (err error) {
	if c.sent, err = c.db.Checkpoints(ctx, c.log.Account, c.log.ID); err != nil {
		return err
	}
	for _, x := range c.Verification.External {
		if !x.of(c.log) {
			continue
		}
		c.waits = append(c.waits, x)
		if x.Note != nil {
			if _, _, err := c.verifier.open(c.log, x.Note); err != nil {
				c.external[x.Name] = append(c.external[x.Name], err.Error())
			}
		}
	}
	for l, err := range c.db.Leaves(ctx, c.log.Account, c.log.ID) {
		if err != nil {
			return err
		}
		c.step()
		if err := c.leaf(l); err != nil {
			return err
		}
	}
	c.head()
	if note := c.clock.note(); note != "" {
		c.verdict.Notes = append(c.verdict.Notes, c.name+": "+note)
	}
	for _, m := range c.wrong {
		c.blame(ctx, m)
	}
	for _, s := range c.sent {
		if c.gap {
			break // the missing leaf is the fault
		}
		c.fault("%s: a checkpoint of %d records was sent, and there are only %d", c.name, s.Size, c.tree.Size)
	}
	for _, x := range c.waits {
		c.external[x.Name] = append(c.external[x.Name],
			fmt.Sprintf("it covers %d records, but %s has only %d: the last ones were removed, or this is an older copy", x.Size, c.name, c.tree.Size))
	}
	return nil
}

// place checks the name of the log, and that it continues the one before it.
func (c *logCheck) place(before []db.LogInfo) {
	if want := c.identity.Origin(c.log.Name, int64(len(before))+1); c.log.Origin != want {
		c.fault("%s: its origin should be %s: another log is missing, or the archive or the account was renamed", c.name, text.Visible(want))
	}
	if len(before) == 0 {
		return
	}
	last := before[len(before)-1]
	head, _, err := c.verifier.open(last, last.Note)
	if err != nil || head.Origin != c.log.OldOrigin || head.Size != c.log.OldSize || string(head.Root[:]) != string(c.log.OldRoot) {
		c.fault("%s: it does not continue the log before it as it is", c.name)
	}
}

// leaf checks one leaf: its place, its row, and the hashes that it completes.
func (c *logCheck) leaf(l db.Leaf) error {
	if l.Index != c.next {
		c.fault("%s: leaf %d is missing", c.name, c.next)
		c.gap = true
	}
	c.next = l.Index + 1
	if len(l.Hashes) == 0 {
		c.fault("%s: leaf %d has no hash", c.name, l.Index)
		l.Hashes = make([]audit.Hash, 1)
	}
	if err := c.row(l); err != nil || c.gap {
		return err
	}
	if added := c.tree.Add(l.Hashes[0]); !slices.Equal(added, l.Hashes) {
		c.fault("%s: the hashes of leaf %d are not those of the leaves before it", c.name, l.Index)
	}
	c.checkpoints()
	return nil
}

// row compares a leaf with its row.
func (c *logCheck) row(l db.Leaf) error {
	for {
		r, ok, err := c.rows.peek(l.Type)
		switch {
		case err != nil:
			return err
		case !ok || r.Ref > l.Ref:
			c.fault("%s: the %s %d of leaf %d is missing", c.name, text.Visible(l.Type), l.Ref, l.Index)
			return nil
		}
		if _, _, err := c.rows.next(l.Type); err != nil {
			return err
		}
		if r.Ref < l.Ref {
			c.fault("%s: it was never logged", describe(l.Type, &r.Record))
			continue
		}
		c.counts[l.Type]++
		switch hash := audit.LeafHash(r.Encode()); {
		case hash == l.Hashes[0]:
			c.clock.record(l.Index, &r.Record)
		case len(c.wrong) < maxFaults:
			c.wrong = append(c.wrong, mismatch{l, hash, describe(l.Type, &r.Record)})
		default: // it would not be named
			c.verdict.More++
		}
		return nil
	}
}

// blame names the row or the leaf that was altered: the hash above them fits the other one.
func (c *logCheck) blame(ctx context.Context, m mismatch) {
	row, leaf := c.fits(ctx, m.leaf.Index, m.row), c.fits(ctx, m.leaf.Index, m.leaf.Hashes[0])
	switch {
	case row && !leaf:
		c.fault("%s: leaf %d was altered; %s is what was logged", c.name, m.leaf.Index, m.what)
	case leaf && !row:
		c.fault("%s: it is not what was logged (leaf %d)", m.what, m.leaf.Index)
	default:
		c.fault("%s: it is not what was logged (leaf %d), and hashes above the leaf were altered", m.what, m.leaf.Index)
	}
}

// fits reports whether a hash of a leaf fits the stored hash above it.
func (c *logCheck) fits(ctx context.Context, index int64, hash audit.Hash) bool {
	if index == c.log.Size-1 && index%2 == 0 {
		return len(c.log.Peaks) >= len(hash) && string(c.log.Peaks[len(c.log.Peaks)-len(hash):]) == string(hash[:])
	}
	list, err := c.db.StoredHashes(ctx, c.log.Account, c.log.ID).ReadHashes(
		[]int64{tlog.StoredHashIndex(0, index^1), tlog.StoredHashIndex(1, index/2)})
	if err != nil {
		return false
	}
	if index%2 == 0 {
		return tlog.NodeHash(hash, list[0]) == list[1]
	}
	return tlog.NodeHash(list[0], hash) == list[1]
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

// open verifies a checkpoint with the keys that may sign, and returns the fingerprint of the
// key that signed it; "" if the log has no key.
func (v *verifier) open(l db.LogInfo, note []byte) (c audit.Checkpoint, key string, err error) {
	keys := v.Keys
	for _, k := range []audit.PublicKey{v.identity.PublicKey, l.PublicKey} {
		if len(v.Keys) == 0 && len(k) > 0 {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 || v.Unsigned {
		if c, err = audit.ParseCheckpoint(string(note)); err == nil && !bytes.Contains(note, []byte("\n\n")) {
			return c, "", nil
		}
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
	c.waits = slices.DeleteFunc(c.waits, func(x External) bool {
		if x.Size != c.tree.Size {
			return false
		}
		wrong := ""
		if x.Root != c.tree.Root() {
			wrong = fmt.Sprintf("the first %d records of %s have changed since: their root is %s, not %s", x.Size, c.name, c.tree.Root(), x.Root)
		} else {
			c.verdict.External = append(c.verdict.External,
				fmt.Sprintf("%s: the log of account %s is unaltered up to this checkpoint (%d records)", x.Name, text.Visible(c.log.Name), x.Size))
		}
		c.external[x.Name] = append(c.external[x.Name], wrong)
		return true
	})
}

// rowsOf reads the records of an account's rows, type by type, in the order of their ids.
type rowsOf struct {
	open  func(typ string) iter.Seq2[db.Record, error]
	types map[string]*rowQueue
}

type rowQueue struct {
	pull func() (db.Record, error, bool)
	stop func()
	row  *db.Record // the one after the last that next returned, if it is read
}

func newRowsOf(d *db.DB, ctx context.Context, account int64) *rowsOf {
	return &rowsOf{func(typ string) iter.Seq2[db.Record, error] { return d.Records(ctx, account, typ) }, map[string]*rowQueue{}}
}

// peek returns the next row of a type; ok is false if there is none.
func (r *rowsOf) peek(typ string) (row db.Record, ok bool, err error) {
	if !slices.Contains(audit.Types(), typ) {
		return row, false, nil
	}
	q := r.types[typ]
	if q == nil {
		q = &rowQueue{}
		q.pull, q.stop = iter.Pull2(r.open(typ))
		r.types[typ] = q
	}
	if q.row == nil {
		row, err, more := q.pull()
		if err != nil || !more {
			return row, false, err
		}
		q.row = &row
	}
	return *q.row, true, nil
}

// next returns the next row of a type and goes on to the one after it.
func (r *rowsOf) next(typ string) (row db.Record, ok bool, err error) {
	if row, ok, err = r.peek(typ); ok {
		r.types[typ].row = nil
	}
	return row, ok, err
}

func (r *rowsOf) stop() {
	for _, q := range r.types {
		q.stop()
	}
}
