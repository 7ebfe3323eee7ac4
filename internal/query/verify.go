package query

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/text"
)

// External is a checkpoint that was stored outside of the archive.
type External struct {
	Size   int64
	Root   audit.Hash
	Origin string // "" if it is unknown
	Name   string // for messages
}

// Verification selects what is verified.
type Verification struct {
	External []External
	Since    time.Time // contents and rows from before are skipped; zero: all are checked
	Deep     bool      // recomputes derived data
}

// Verdict is the result of a verification.
type Verdict struct {
	Good        bool     `json:"good"`
	Origin      Text     `json:"origin"`
	KeyID       Text     `json:"key_id"`
	Size        int64    `json:"size"` // leaves
	Root        string   `json:"root"`
	Signed      int64    `json:"signed"`      // leaves under the newest good signature
	Checkpoints int      `json:"checkpoints"` // good ones
	Counts      []Count  `json:"counts"`      // what was checked
	External    []string `json:"external"`    // external checkpoints that match
	Faults      []string `json:"faults"`
	More        int      `json:"more"` // faults that are not in Faults
}

// Count is how many of something were checked.
type Count struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}

// Progress is the progress of a verification.
type Progress struct {
	What        string // is checked
	Done, Total int    // of it; Total is 0 if it is unknown
}

// progressEvery is after how many checked things progress is reported.
const progressEvery = 1000

// maxFaults is how many faults are named.
const maxFaults = 100

// verifier is a verification that is being run.
type verifier struct {
	db       *db.DB
	verdict  Verdict
	report   func(Progress)
	now      Progress
	since    time.Time
	external []External
	signed   []db.Signed
	tree     audit.Edge
}

// Verify checks a snapshot of the archive: the file and its schema, contents against their
// hashes, records against their leaves, the tree against its head, signatures, and external
// checkpoints. report receives the progress, if it is not nil. It returns an error only if
// it cannot continue.
func (a *Archive) Verify(ctx context.Context, q Verification, report func(Progress)) (Verdict, error) {
	v := &verifier{report: report, since: q.Since, external: q.External}
	err := a.db.Snapshot(ctx, func(d *db.DB) error {
		v.db = d
		return v.run(ctx, q.Deep)
	})
	v.verdict.Root, v.verdict.Good = v.tree.Root().String(), len(v.verdict.Faults) == 0
	return v.verdict, err
}

func (v *verifier) run(ctx context.Context, deep bool) error {
	// An error is found again below, with its name.
	edge, _ := v.db.Edge(ctx)
	totals, _ := v.db.Totals(ctx)
	type check struct {
		what  string
		total int
		check func(context.Context) error
	}
	checks := []check{
		{"the file", 0, listed(v, "the file: %v", v.db.Integrity)},
		// What was added to the schema or altered in it since the archive was opened, such as a
		// trigger that reverts writes.
		{"the schema", 0, listed(v, "the schema: %v", v.db.SchemaFaults)},
		{"contents", totals.Contents, v.contents},
		{"changes", 0, listed(v, "change %v names a revision or a state of another document", v.db.Crossed)},
		{"the log", int(edge.Size), v.log}, {"records", int(edge.Size), v.records},
	}
	if deep {
		checks = append(checks, check{"derived data", totals.Changes, v.derived})
	}
	for _, c := range checks {
		v.now = Progress{What: c.what, Total: c.total}
		v.progress()
		if err := c.check(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			v.fault("%s cannot be read: %v", c.what, err)
		}
	}
	return nil
}

func (v *verifier) progress() {
	if v.report != nil {
		v.report(v.now)
	}
}

// step counts one more checked thing.
func (v *verifier) step() {
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

// listed returns a check that finds a fault for each element of a list.
func listed[T any](v *verifier, format string, list func(context.Context) ([]T, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		found, err := list(ctx)
		for _, x := range found {
			v.fault(format, x)
		}
		return err
	}
}

func (v *verifier) contents(ctx context.Context) error {
	err := v.db.EachContent(ctx, v.since, func(hash coc.Hash, wrong error) {
		v.step()
		if wrong != nil {
			v.fault("content %s: %v", hash, wrong)
		}
	})
	v.count("contents", v.now.Done)
	return err
}

// log checks the leaves against the stored edge of the tree, the signed checkpoints and the
// external ones.
func (v *verifier) log(ctx context.Context) error {
	g, err := v.db.Generation(ctx)
	if errors.Is(err, coc.ErrNotFound) {
		v.fault("the log: it has no start")
		return nil
	}
	if err != nil {
		return err
	}
	v.verdict.Origin, v.verdict.KeyID = Text(g.Origin), Text(audit.KeyID(g.Public))
	if v.signed, err = v.db.Checkpoints(ctx); err != nil {
		return err
	}
	next := int64(0)
	for l, err := range v.db.Leaves(ctx) {
		if err != nil {
			return err
		}
		v.step()
		if l.Index != next {
			v.fault("the log: leaf %d is missing", next)
		}
		next = l.Index + 1
		v.tree.Add(l.Hash)
		v.checkpoints(g)
	}
	v.count("leaves", int(v.tree.Size))
	v.verdict.Size = v.tree.Size
	stored, err := v.db.Edge(ctx)
	if err != nil || stored.Size != v.tree.Size || stored.Root() != v.tree.Root() {
		v.fault("the log: its leaves (%d) do not match its stored head (%d leaves)", v.tree.Size, stored.Size)
	}
	for _, s := range v.signed {
		v.fault("the log: a checkpoint of %d leaves is signed, and there are only %d", s.Size, v.tree.Size)
	}
	for _, x := range v.external {
		v.fault("%s: it covers %d leaves, but the log has only %d: the last ones were removed, or this is an older copy", x.Name, x.Size, v.tree.Size)
	}
	return nil
}

// checkpoints checks the checkpoints of as many leaves as were added.
func (v *verifier) checkpoints(g db.Generation) {
	for len(v.signed) > 0 && v.signed[0].Size <= v.tree.Size {
		s := v.signed[0]
		v.signed = v.signed[1:]
		c, err := audit.Open(s.Note, g.Public)
		switch {
		case err != nil:
			v.fault("the log: checkpoint of %d leaves: %v", s.Size, err)
		case c.Origin != g.Origin || c.Size != s.Size:
			v.fault("the log: checkpoint of %d leaves is of another log", s.Size)
		case c.Root != v.tree.Root():
			v.fault("the log: the first %d leaves are not those that were signed: their root is %s, not %s", c.Size, v.tree.Root(), c.Root)
		default:
			v.verdict.Signed = c.Size
			v.verdict.Checkpoints++
		}
	}
	keep := v.external[:0]
	for _, x := range v.external {
		switch {
		case x.Size != v.tree.Size:
			keep = append(keep, x)
		case x.Origin != "" && x.Origin != g.Origin:
			v.fault("%s: it is from log %s; this is log %s", x.Name, text.Visible(x.Origin), text.Visible(g.Origin))
		case x.Root != v.tree.Root():
			v.fault("%s: the first %d leaves have changed since: their root is %s, not %s", x.Name, x.Size, v.tree.Root(), x.Root)
		default:
			v.verdict.External = append(v.verdict.External, fmt.Sprintf("%s: the archive is unaltered up to this checkpoint (%d leaves)", x.Name, x.Size))
		}
	}
	v.external = keep
}

// records compares each row with its leaf.
func (v *verifier) records(ctx context.Context) error {
	for _, typ := range db.Types() {
		n := 0
		last := coc.Key{ID: -1}
		err := v.db.EachRecord(ctx, typ, func(ref coc.Key, r *audit.Record, l *db.Leaf) {
			v.step()
			if r != nil && v.before(r) {
				last = ref
				return
			}
			n++
			switch {
			case r == nil && ref == last:
				v.fault("leaf %d: it is the second one of a %s", l.Index, typ)
			case r == nil:
				v.fault("leaf %d: its %s is missing", l.Index, typ)
			case l == nil:
				v.fault("%s: it was never logged", describe(typ, r))
			case !l.SameHash(r):
				v.fault("%s: it is not what was logged (leaf %d)", describe(typ, r), l.Index)
			}
			last = ref
		})
		if err != nil {
			return err
		}
		plurals := map[string]string{audit.TypeStart: "log starts", audit.TypeUnavailable: "unavailable versions"}
		v.count(cmp.Or(plurals[typ], typ+"s"), n)
	}
	return nil
}

// before reports whether a record is older than the time since which records are checked.
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

// describe names the subject of a record.
func describe(typ string, r *audit.Record) string {
	subjects := map[string]string{
		audit.TypeRevision:    "${version}#${revision} of ${account}/${document_id}",
		audit.TypeChange:      "change ${change} (${kind}) of ${account}/${document_id}",
		audit.TypeState:       "state ${seen_at} of ${account}/${document_id}",
		audit.TypeUnavailable: "the unavailable version ${version} of ${account}/${document_id}",
		audit.TypeErasure:     "the erasure of ${sha256}",
		audit.TypeCoverage:    "coverage of watch ${watch} from ${started_at}",
	}
	return os.Expand(cmp.Or(subjects[typ], typ), func(field string) string {
		if !strings.HasSuffix(field, "_at") {
			return text.Visible(r.Get(field))
		}
		ms, err := strconv.ParseInt(r.Get(field), 10, 64)
		if err != nil {
			return "at an unknown time"
		}
		return stamp(time.UnixMilli(ms))
	})
}

// derived recomputes the differences of this program's algorithm and the line index, and
// compares them with the stored ones.
func (v *verifier) derived(ctx context.Context) error {
	changes, older := 0, 0
	for c, err := range v.db.Changes(ctx, db.Filter{Kinds: []coc.Kind{coc.KindNew, coc.KindVersion, coc.KindRewritten}}) {
		v.step()
		switch {
		case err != nil:
			return err
		case c.Algorithm != diff.Algorithm:
			older++
			continue
		}
		changes++
		if err := v.difference(ctx, &c); err != nil {
			return err
		}
	}
	v.count("differences", changes)
	v.count("differences of older algorithms, which were skipped", older)
	return v.lines(ctx)
}

func (v *verifier) difference(ctx context.Context, c *coc.Change) error {
	was, is, err := v.db.Contents(ctx, c.Key)
	if errors.Is(err, coc.ErrErased) {
		return nil
	}
	if err != nil {
		return ctx.Err() // the content is a fault of its own
	}
	var old *diff.Text
	if was != nil {
		old = diff.Read(was)
	}
	r := diff.Compare(old, diff.Read(is))
	r.Skipped = c.Skipped // which only the archive knows
	if !reflect.DeepEqual(r, c.Difference) {
		v.fault("change %s: the stored difference is not that of its contents", c.Ref)
	}
	return nil
}

// lines compares the line index with the lines of the contents.
func (v *verifier) lines(ctx context.Context) error {
	n := 0
	u := v.db.Unpacker()
	for doc, err := range v.db.Documents(ctx) {
		if err != nil {
			return err
		}
		lines, err := v.db.LinesOf(ctx, doc.Key)
		if err != nil {
			return err
		}
		all, err := v.db.Revisions(ctx, doc.Key, "")
		if err != nil {
			return err
		}
		indexed := map[string]bool{}
		for line := range bytes.Lines(lines) {
			indexed[string(line)] = true
		}
		for _, r := range all {
			if r.Number == 0 || r.Erased {
				continue
			}
			c, _ := u.Content(ctx, doc.Key.Account, r.Hash) // an error is a fault of its own
			for line := range bytes.Lines(c.Bytes) {
				if !indexed[string(bytes.TrimSuffix(line, []byte("\n")))+"\n"] {
					v.fault("the line index: a line of %s of %s is missing", r.Name(), text.Visible(doc.Name))
					break
				}
			}
		}
		n++
	}
	v.count("line sets", n)
	return ctx.Err()
}
