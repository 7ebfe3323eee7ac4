package query

import (
	"bytes"
	"context"
	"errors"
	"reflect"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/text"
)

// derived recomputes the differences of this program's algorithm and the line index, and
// compares them with the stored ones.
func (v *verifier) derived(ctx context.Context) error {
	changes, older := 0, 0
	for c, err := range v.db.Changes(ctx, db.Filter{Kinds: []coc.Kind{coc.KindNew, coc.KindVersion, coc.KindRewritten}}) {
		v.did()
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
		if err == nil {
			err = v.linesOf(ctx, doc, u)
		}
		if err != nil {
			return err
		}
		n++
	}
	v.count("line sets", n)
	return nil
}

func (v *verifier) linesOf(ctx context.Context, doc db.Document, u *db.Unpacker) error {
	lines, err := v.db.LinesOf(ctx, doc.Key)
	if err != nil {
		return err
	}
	set := map[string]bool{}
	for line := range bytes.Lines(lines) {
		set[string(line)] = true
	}
	all, err := v.db.Revisions(ctx, doc.Key, "")
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Number == 0 || r.Erased {
			continue
		}
		c, err := u.Content(ctx, doc.Key.Account, r.Hash)
		if err != nil { // a fault of its own
			continue
		}
		for line := range bytes.Lines(c.Bytes) {
			if !set[string(bytes.TrimSuffix(line, []byte("\n")))+"\n"] {
				v.fault("the line index: a line of %s of %s is missing", r.Name(), text.Visible(doc.Name))
				break
			}
		}
	}
	return ctx.Err()
}
