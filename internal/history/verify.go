package history

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// Outside is a tree head that was kept outside of the archive.
type Outside struct {
	Size   int64
	Root   audit.Hash
	Origin string // "" when it is not known
	Where  string // for words
}

// Verification says what is verified.
type Verification struct {
	Outside []Outside
	Since   time.Time // contents and rows from before are left out; zero for none
	Deep    bool      // works out again what is derived
}

// Verdict is what verifying an archive came to.
type Verdict struct {
	Origin, KeyID string
	Size          int64 // leaves
	Root          audit.Hash
	Signed        int64    // leaves under the newest good signature
	Checkpoints   int      // good ones
	Counts        []Count  // what was checked
	Faults        []string // the first of each sort named exactly
	More          int      // further faults
	Outside       []string // what was proved against checkpoints from outside
}

// Count is how many of something were checked.
type Count struct {
	What string
	N    int
}

// Progress is how far a verification got.
type Progress struct {
	What        string // is checked
	Done, Total int    // of it; no Total: nobody knows how much it is
}

// progressEvery is after how many things that were checked progress is told.
const progressEvery = 1000

// maxFaults is how many faults are named.
const maxFaults = 100

// verifier carries a verification.
type verifier struct {
	h       *History
	verdict Verdict
	tell    func(Progress) // nil: nobody looks
	now     Progress
	since   time.Time
	outside []Outside
	signed  []db.Signed
	leaves  int64
	tree    audit.Edge
}

// Verify checks the archive as it stands: the file itself and its schema, every content
// against its hash, every record against its leaf, the tree against its head, the
// signatures, and heads that were kept outside. tell hears how far it got; nil is for
// nobody. It returns an error only where it could not go on.
func (h *History) Verify(ctx context.Context, q Verification, tell func(Progress)) (v Verdict, err error) {
	err = h.DB.Snapshot(ctx, func(d *db.DB) error {
		as := *h
		as.DB = d
		v, err = as.verify(ctx, q, tell)
		return err
	})
	return v, err
}

func (h *History) verify(ctx context.Context, q Verification, tell func(Progress)) (Verdict, error) {
	v := &verifier{h: h, tell: tell, since: q.Since, outside: q.Outside}
	// An error here is found again below, where it has a name.
	edge, _ := h.DB.Edge(ctx)
	totals, _ := h.DB.Totals(ctx)
	type check struct {
		what  string
		total int
		check func(context.Context) error
	}
	checks := []check{
		{"the file", 0, v.file}, {"the schema", 0, v.schema}, {"contents", totals.Contents, v.contents}, {"changes", 0, v.changes},
		{"the log", int(edge.Size), v.log}, {"records", int(edge.Size), v.records},
	}
	if q.Deep {
		checks = append(checks, check{"what is derived", totals.Changes, v.derived})
	}
	for _, c := range checks {
		v.now = Progress{What: c.what, Total: c.total}
		v.progress()
		if err := c.check(ctx); err != nil {
			if ctx.Err() != nil {
				return v.verdict, ctx.Err()
			}
			v.fault("%s can't be read: %v", c.what, err)
		}
	}
	return v.verdict, nil
}

func (v *verifier) progress() {
	if v.tell != nil {
		v.tell(v.now)
	}
}

// did counts one more thing that was checked.
func (v *verifier) did() {
	if v.now.Done++; v.now.Done%progressEvery == 0 {
		v.progress()
	}
}

func (v *verifier) fault(format string, args ...any) {
	if len(v.verdict.Faults) == maxFaults {
		v.verdict.More++
		return
	}
	v.verdict.Faults = append(v.verdict.Faults, fmt.Sprintf(format, args...))
}

func (v *verifier) count(what string, n int) {
	v.verdict.Counts = append(v.verdict.Counts, Count{what, n})
}

func (v *verifier) file(ctx context.Context) error {
	list, err := v.h.DB.Integrity(ctx)
	for _, wrong := range list {
		v.fault("the file: %s", wrong)
	}
	return err
}

// schema finds what a person could have put next to the tables, or altered in them, since
// the archive was opened: a trigger that undoes what is written, say.
func (v *verifier) schema(ctx context.Context) error {
	faults, err := v.h.DB.SchemaFaults(ctx)
	for _, f := range faults {
		v.fault("the schema: %s", f)
	}
	return err
}

func (v *verifier) contents(ctx context.Context) error {
	n := 0
	err := v.h.DB.EachContent(ctx, v.since, func(hash coc.Hash, wrong error) error {
		v.did()
		if n++; wrong != nil {
			v.fault("content %s: %v", hash, wrong)
		}
		return nil
	})
	v.count("contents", n)
	return err
}

func (v *verifier) changes(ctx context.Context) error {
	ids, err := v.h.DB.Crossed(ctx)
	for _, id := range ids {
		v.fault("change %d names a revision or a state of another document", id)
	}
	return err
}

// log checks the leaves against the tree's stored edge, against the signed heads, and
// against those from outside.
func (v *verifier) log(ctx context.Context) error {
	g, err := v.h.DB.Generation(ctx)
	if errors.Is(err, coc.ErrNotFound) {
		v.fault("the log: it never began")
		return nil
	}
	if err != nil {
		return err
	}
	v.verdict.Origin, v.verdict.KeyID = g.Origin, audit.KeyID(g.Public)
	if v.signed, err = v.h.DB.Checkpoints(ctx); err != nil {
		return err
	}
	err = v.h.DB.EachLeaf(ctx, func(l db.Leaf) error {
		v.did()
		if l.Index != v.leaves {
			v.fault("the log: leaf %d is missing", v.leaves)
			v.leaves = l.Index
		}
		v.tree.Add(l.Hash)
		v.leaves++
		v.heads(g)
		return nil
	})
	if err != nil {
		return err
	}
	v.count("leaves", int(v.tree.Size))
	v.verdict.Size, v.verdict.Root = v.tree.Size, v.tree.Root()
	stored, err := v.h.DB.Edge(ctx)
	if err != nil || stored.Size != v.tree.Size || stored.Root() != v.tree.Root() {
		v.fault("the log: its leaves (%d) do not make its stored head (%d leaves)", v.tree.Size, stored.Size)
	}
	for _, s := range v.signed {
		v.fault("the log: checkpoint of %d leaves is signed, and there are only %d", s.Size, v.tree.Size)
	}
	for _, o := range v.outside {
		v.fault("%s: it is of %d leaves, and the log has only %d: what came last was cut off, or this is an older copy", o.Where, o.Size, v.tree.Size)
	}
	return nil
}

// heads checks the heads of as many leaves as were added.
func (v *verifier) heads(g db.Generation) {
	for len(v.signed) > 0 && v.signed[0].Size <= v.tree.Size {
		s := v.signed[0]
		v.signed = v.signed[1:]
		c, err := audit.Open(s.Note, g.Public)
		switch {
		case err != nil:
			v.fault("the log: checkpoint of %d leaves: %v", s.Size, err)
		case c.Origin != g.Origin || c.Size != s.Size:
			v.fault("the log: checkpoint of %d leaves is one of another log", s.Size)
		case c.Root != v.tree.Root():
			v.fault("the log: the first %d leaves are not those that were signed: their root is %s, not %s", c.Size, v.tree.Root(), c.Root)
		default:
			v.verdict.Signed = c.Size
			v.verdict.Checkpoints++
		}
	}
	keep := v.outside[:0]
	for _, o := range v.outside {
		switch {
		case o.Size != v.tree.Size:
			keep = append(keep, o)
		case o.Origin != "" && o.Origin != g.Origin:
			v.fault("%s: it is of the log %s, and this one is %s", o.Where,
				text.Visible(o.Origin), text.Visible(g.Origin))
		case o.Root != v.tree.Root():
			v.fault("%s: the first %d leaves are not those that were seen then: their root is %s, not %s", o.Where, o.Size, v.tree.Root(), o.Root)
		default:
			v.verdict.Outside = append(v.verdict.Outside, fmt.Sprintf("%s: the archive holds all that it held then, unaltered (%d leaves)", o.Where, o.Size))
		}
	}
	v.outside = keep
}

// records checks what each row says against the leaf that was made of it.
func (v *verifier) records(ctx context.Context) error {
	for _, typ := range db.Types() {
		n := 0
		last := int64(-1)
		err := v.h.DB.EachRecord(ctx, typ, func(ref int64, r *audit.Record, l *db.Leaf) error {
			v.did()
			if r != nil && v.before(r) {
				last = ref
				return ctx.Err()
			}
			n++
			switch {
			case r == nil && ref == last:
				v.fault("leaf %d: it is the second of one %s", l.Index, typ)
			case r == nil:
				v.fault("leaf %d: the %s that it was made of is gone", l.Index, typ)
			case l == nil:
				v.fault("%s: it was never logged", describe(typ, r))
			case !l.SameHash(r):
				v.fault("%s: it is not what was logged (leaf %d)", describe(typ, r), l.Index)
			}
			last = ref
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		v.count(plural(typ), n)
	}
	return nil
}

// before reports whether a record is of something that was seen before the time from
// which on things are checked.
func (v *verifier) before(r *audit.Record) bool {
	if v.since.IsZero() {
		return false
	}
	for _, name := range []string{"seen_at", "ended_at", "at"} {
		if ms, err := strconv.ParseInt(r.Get(name), 10, 64); err == nil {
			return time.UnixMilli(ms).Before(v.since)
		}
	}
	return false
}

// plural names the records of a type.
func plural(typ string) string {
	switch typ {
	case audit.TypeStart:
		return "beginnings of the log"
	case audit.TypeLack:
		return "versions that could not be had"
	}
	return typ + "s"
}

// describe names what a record is of.
func describe(typ string, r *audit.Record) string {
	at := func(field string) string { return text.Visible(r.Get(field)) }
	switch typ {
	case audit.TypeRevision:
		return fmt.Sprintf("%s#%s of %s/%s", at("version"), at("revision"), at("account"), at("document_id"))
	case audit.TypeChange:
		return fmt.Sprintf("change %s (%s) of %s/%s", at("change"), at("kind"), at("account"), at("document_id"))
	case audit.TypeState:
		return fmt.Sprintf("state %s of %s/%s", moment(r.Get("seen_at")), at("account"), at("document_id"))
	case audit.TypeLack:
		return fmt.Sprintf("the lack of %s of %s/%s", at("version"), at("account"), at("document_id"))
	case audit.TypeErasure:
		return "the erasure of " + at("sha256")
	case audit.TypeCoverage:
		return fmt.Sprintf("coverage of watch %s from %s", at("watch"), moment(r.Get("started_at")))
	}
	return typ
}

// moment shows milliseconds since 1970.
func moment(ms string) string {
	var n int64
	if _, err := fmt.Sscan(ms, &n); err != nil {
		return "at an unknown time"
	}
	return stamp(time.UnixMilli(n))
}
