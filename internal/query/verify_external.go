package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"cocsync/internal/db"
	"cocsync/internal/text"
)

// externalFaults adds what the logs say against external checkpoints.
func (v *verifier) externalFaults(logs []db.LogInfo) {
	for i, x := range v.Verification.External {
		wrong := slices.DeleteFunc(slices.Clone(v.external[i]), func(s string) bool { return s == "" })
		switch matched := len(wrong) < len(v.external[i]); {
		case matched && (x.Origin == "" || len(wrong) == 0):
		case len(wrong) > 0 && (x.Origin != "" || v.lost[i] == ""):
			v.contradiction(x, strings.Join(wrong, "; "))
		default:
			v.missing(logs, i)
		}
	}
}

// stored is what verify counts.
const stored = "checkpoints in witness_dir"

// contradiction adds the fault that an external checkpoint contradicts the archive.
func (v *verifier) contradiction(x External, why string) {
	v.fault("%s: %s", x.Name, why)
	v.verdict.Contradicted = v.verdict.Contradicted || x.Stored
}

// missing says why no log has the records of an external checkpoint.
func (v *verifier) missing(logs []db.LogInfo, i int) {
	x := &v.Verification.External[i]
	if v.lost[i] == "" {
		before := db.LogInfo{}
		for _, l := range logs {
			if l.Name != before.Name {
				before = db.LogInfo{Name: l.Name}
			}
			if n := v.Identity.Generation(l.Name, x.Origin); before.ID < n && n < l.ID {
				if err := v.lose(i, l, &l); err != nil {
					v.contradiction(*x, err.Error())
					return
				}
			}
			before = l
		}
	}
	if v.lost[i] == "" {
		v.contradiction(*x, fmt.Sprintf("it is of the log %s, which is not in this archive", text.Visible(x.Origin)))
		return
	}
	if x.Stored {
		if v.lostStored[x.Origin]++; v.lostStored[x.Origin] > 1 {
			return // one of many names the log
		}
	}
	v.verdict.Lost = append(v.verdict.Lost, v.lost[i])
}

// lose notes that records of an external checkpoint were lost by the restore that started a log. signer
// is a log whose keys may have signed it.
func (v *verifier) lose(i int, signer db.LogInfo, restored *db.LogInfo) error {
	x := &v.Verification.External[i]
	if x.Note != nil {
		if _, _, err := v.open(signer, x.Note); err != nil && v.openLost(*restored, x.Note) != nil {
			return err
		}
	}
	if x.Size == restored.LostSize && (x.Origin == restored.LostOrigin || x.Origin == "") && string(x.Root[:]) != string(restored.LostRoot) {
		return fmt.Errorf("another head of %d records was lost by the restore of %s: its root is %x, not %x",
			x.Size, stamp(restored.Restored), restored.LostRoot, x.Root)
	}
	of := ""
	if x.Origin != "" {
		of = " of the log " + text.Visible(x.Origin)
	}
	v.lost[i] = fmt.Sprintf("%s: it covers %s%s, of which the last were lost by the restore of %s",
		x.Name, text.Plural(int(x.Size), "record"), of, stamp(restored.Restored))
	return nil
}

// sortPending orders the external checkpoints by size.
func (c *logCheck) sortPending() {
	slices.SortStableFunc(c.pending, func(i, j int) int {
		return cmp.Compare(c.Verification.External[i].Size, c.Verification.External[j].Size)
	})
}

// externals compares the tree with the external checkpoints of as many records.
func (c *logCheck) externals() {
	for len(c.pending) > 0 && c.Verification.External[c.pending[0]].Size <= c.tree.Size {
		i := c.pending[0]
		c.pending = c.pending[1:]
		x := c.Verification.External[i]
		wrong := ""
		switch {
		case x.Root != c.tree.Root():
			wrong = fmt.Sprintf("the first %s of %s have changed since: their root is %s, not %s",
				text.Plural(int(x.Size), "record"), c.name, c.tree.Root(), x.Root)
		case x.Stored:
			c.counts[stored]++
		default:
			c.matches(x)
		}
		c.external[i] = append(c.external[i], wrong)
	}
}

// matches notes that the log has the records of an external checkpoint.
func (c *logCheck) matches(x External) {
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

// Extends reports whether the archive extends external checkpoints, by its stored hashes. Logs that a
// restore closed or lost need not have the last records. If the result is false, Verify says why.
func (a *Archive) Extends(ctx context.Context, list []External) (bool, error) {
	if len(list) == 0 {
		return true, nil
	}
	who, err := a.db.Identity(ctx)
	if err != nil {
		return false, err
	}
	logs, err := a.db.Logs(ctx)
	for _, x := range list {
		later := func(l db.LogInfo) bool { n := who.Generation(l.Name, x.Origin); return 0 < n && n < l.ID }
		i := slices.IndexFunc(logs, func(l db.LogInfo) bool { return l.Origin == x.Origin })
		switch {
		case err != nil:
			return false, err
		case (i < 0 || x.Size > logs[i].Size) && slices.ContainsFunc(logs, later):
			continue
		case i < 0 || x.Size > logs[i].Size:
			return false, nil
		}
		root, err := tlog.TreeHash(x.Size, a.db.StoredHashes(ctx, logs[i].Account, logs[i].ID))
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil || root != x.Root {
			return false, nil
		}
	}
	return true, err
}
