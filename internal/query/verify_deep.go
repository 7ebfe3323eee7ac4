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
	err := v.db.EachChange(ctx, db.Filter{Kinds: []coc.Kind{coc.KindNew, coc.KindVersion, coc.KindRewritten}}, func(c coc.Change) (bool, error) {
		v.did()
		if c.Algorithm != diff.Algorithm {
			older++
			return true, ctx.Err()
		}
		changes++
		return true, v.difference(ctx, &c)
	})
	v.count("differences", changes)
	v.count("differences of older algorithms, which were skipped", older)
	if err != nil {
		return err
	}
	return v.lines(ctx)
}

func (v *verifier) difference(ctx context.Context, c *coc.Change) error {
	was, is, err := v.db.Contents(ctx, c.ID)
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
		v.fault("change %d: the stored difference is not that of its contents", c.ID)
	}
	return nil
}

// lines compares the line index with the lines of the contents.
func (v *verifier) lines(ctx context.Context) error {
	sets := map[int64]map[string]bool{}
	err := v.db.Lines(ctx, db.Need{}, func(document int64, lines []byte) error {
		if sets[document] == nil {
			sets[document] = map[string]bool{}
		}
		for line := range bytes.Lines(lines) {
			sets[document][string(line)] = true
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	docs, err := v.db.Documents(ctx)
	if err != nil {
		return err
	}
	u := v.db.Unpacker()
	for _, doc := range docs {
		set := sets[doc.Key]
		all, err := v.db.Revisions(ctx, doc.Key)
		if err != nil {
			return err
		}
		for _, r := range all {
			if r.Number == 0 || r.Erased {
				continue
			}
			c, err := u.Content(ctx, r.Hash)
			if err != nil {
				continue
			}
			for line := range bytes.Lines(c.Bytes) {
				if !set[string(bytes.TrimSuffix(line, []byte("\n")))+"\n"] {
					v.fault("the line index: a line of %s of %s is missing", r.Name(),
						text.Visible(doc.Name))
					break
				}
			}
		}
	}
	v.count("line sets", len(docs))
	return nil
}
