package query

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/text"
)

// derived recomputes the differences of this program's algorithm and the line index, and
// compares them with the stored ones.
func (v *verifier) derived(ctx context.Context) error {
	if err := v.db.DerivedFaults(ctx, v.fault); err != nil {
		return err
	}
	algorithm, err := v.db.DiffAlgorithm(ctx)
	if err != nil {
		return err
	}
	if algorithm > diff.Algorithm {
		v.fault("the differences were made by a newer cocsync (algorithm %d, this one has %d): verify them with that release",
			algorithm, diff.Algorithm)
		return v.lines(ctx)
	}
	changes, older := 0, 0
	for c, err := range v.db.Changes(ctx, db.Filter{}) {
		v.step()
		if err != nil {
			return err
		}
		switch c.Kind {
		case coc.KindNew, coc.KindVersion, coc.KindRewritten:
			switch {
			case c.Algorithm > diff.Algorithm:
				v.fault("change %s: its difference was made by a newer cocsync (algorithm %d, this one has %d)", c.Ref, c.Algorithm, diff.Algorithm)
				continue
			case c.Algorithm < diff.Algorithm && algorithm < diff.Algorithm: // run and sync rebuild it
				older++
				continue
			case c.Algorithm < diff.Algorithm:
				v.fault("change %s: its difference is of algorithm %d, and all were rebuilt with %d", c.Ref, c.Algorithm, diff.Algorithm)
				continue
			}
			err = v.difference(ctx, &c)
		default:
			err = v.event(ctx, &c)
		}
		if err != nil {
			return err
		}
		changes++
	}
	v.count("differences", changes)
	if older > 0 {
		v.verdict.Notes = append(v.verdict.Notes, text.Plural(older, "difference")+
			" of an older algorithm: not compared. The next sync recomputes them")
	}
	return v.lines(ctx)
}

// compare compares the difference of a change with those that it may have.
func (v *verifier) compare(c *coc.Change, want ...coc.Difference) {
	for _, w := range want {
		if reflect.DeepEqual(w, c.Difference) {
			return
		}
	}
	v.fault("change %s: the stored difference is not that of what it compares", c.Ref)
}

// difference recomputes the difference of two contents.
func (v *verifier) difference(ctx context.Context, c *coc.Change) error {
	was, is, err := v.db.Contents(ctx, c.Key)
	if errors.Is(err, coc.ErrErased) {
		r := coc.ErasedDifference(diff.Algorithm, c.Skipped)
		r.Added, r.Removed = c.Added, c.Removed // an erasure keeps them
		v.compare(c, r)
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
	r.Skipped = c.Skipped // which db checks
	v.compare(c, r)
	return nil
}

// event recomputes the difference of a change without contents.
// The texts have no version: a text that is worded differently later must be accepted here, too.
func (v *verifier) event(ctx context.Context, c *coc.Change) error {
	switch c.Kind {
	case coc.KindMetadata:
		old, now, err := v.db.States(ctx, c.Key)
		if err != nil {
			return err
		}
		var want []coc.Difference
		for _, withModifier := range []bool{true, false} { // false with a new version
			items := coc.MetaItems(old, now, withModifier)
			want = append(want, coc.MetaDifference(items))
		}
		v.compare(c, want...)
	case coc.KindWithdrawn, coc.KindDeleted, coc.KindRestored:
		label, _, _ := strings.Cut(c.Version, "#")
		v.compare(c, coc.EventDifference(c.Kind, label))
	}
	return nil
}

// lines compares the line index with the lines of the contents.
func (v *verifier) lines(ctx context.Context) error {
	n := 0
	u := v.db.Unpacker()
	for doc, err := range v.db.Documents(ctx) {
		if err == nil {
			err = v.linesOf(ctx, u, doc)
		}
		if err != nil {
			return err
		}
		n++
	}
	v.count("line sets", n)
	return ctx.Err()
}

func (v *verifier) linesOf(ctx context.Context, u *db.Unpacker, doc db.Document) error {
	stored, err := v.db.LinesOf(ctx, doc.Key)
	if err != nil {
		return err
	}
	all, err := v.db.Revisions(ctx, doc.Key, "")
	if err != nil {
		return err
	}
	unused := map[string]bool{} // of the indexed lines
	for line := range bytes.Lines(stored) {
		unused[string(line)] = true
	}
	complete := true
	for _, r := range all {
		if r.Number == 0 || r.Erased {
			continue
		}
		c, err := u.Content(ctx, doc.Key.Account, r.Hash)
		complete = complete && err == nil // an error is a fault of its own
		missing := false
		for line := range bytes.Lines(c.Bytes) {
			line := string(bytes.TrimSuffix(line, []byte("\n"))) + "\n"
			_, indexed := unused[line]
			missing = missing || !indexed
			if indexed {
				unused[line] = false
			}
		}
		if missing {
			v.fault("the line index: a line of %s of %s is missing", r.Name(), text.Visible(doc.Name))
		}
	}
	for _, is := range unused {
		if is && complete {
			v.fault("the line index: %s has a line that none of its versions has", text.Visible(doc.Name))
			break
		}
	}
	return nil
}
