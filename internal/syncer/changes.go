package syncer

import (
	"context"
	"errors"
	"slices"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// comparison names the two contents that a change compares; a nil old content
// is that of a document's first version.
type comparison struct {
	old     *coc.Hash
	new     coc.Hash
	skipped []string // versions between the two that were not available
}

// change adds a change to the step, with its notifiers.
func (v *view) change(c coc.NewChange, cmp *comparison) {
	for _, m := range v.Watches {
		if c.Backfill || c.Kind == coc.KindNew && m.InitialSync {
			continue
		}
		own, routed := v.route(m.Watch, c.Kind)
		c.Notify = append(c.Notify, own...)
		c.Routed = append(c.Routed, routed...)
	}
	slices.Sort(c.Notify)
	slices.Sort(c.Routed)
	c.Notify = slices.Compact(c.Notify)
	c.Routed = slices.DeleteFunc(slices.Compact(c.Routed), func(n string) bool { return slices.Contains(c.Notify, n) })
	v.step.Changes = append(v.step.Changes, c)
	v.compare = append(v.compare, cmp)
}

// recordVersions records versions in order, each compared with the previous archived one,
// up to the first that is missing. A version that is archived after the next one was
// recorded is late and alters nothing.
func (v *view) recordVersions() {
	last := -1
	for i, x := range v.versions {
		if x.Recorded {
			last = i
		}
	}
	var before *version
	var skipped []string
	for i, x := range v.versions {
		late := i < last
		switch {
		case x.Number == 0 && x.State == coc.Pending && !late:
			return // the gap
		case x.Number == 0:
			skipped = append(skipped, x.Label)
			continue
		case !x.Recorded:
			v.record(x, before, skipped, late)
		}
		before, skipped = x, nil
	}
}

func (v *view) record(x, before *version, skipped []string, late bool) {
	c := coc.NewChange{Kind: coc.KindVersion, To: coc.RevisionRef{Label: x.Label, Number: 1},
		At: x.MadeAt, Backfill: x.Backfill, Late: late}
	if c.At.IsZero() {
		c.At = v.now
	}
	// It may have been rewritten before it could be recorded.
	contents := append(slices.Clip(x.Earlier), x.Hash)
	cmp := &comparison{new: contents[0], skipped: skipped}
	if before != nil {
		c.From = coc.RevisionRef{Label: before.Label, Number: before.Number}
		old := before.Hash
		cmp.old = &old
	}
	if !v.HasNew {
		c.Kind = coc.KindNew
		c.Backfill = len(v.Watches) > 0 && !slices.ContainsFunc(v.Watches, func(m coc.Membership) bool { return !m.InitialSync })
		v.HasNew = true
	}
	x.Recorded, x.touched, x.Earlier = true, true, nil
	v.change(c, cmp)
	for i := 1; i < len(contents); i++ {
		v.rewritten(x.Label, i, contents[i-1], contents[i])
	}
}

// lastRecorded returns the content that the next version will be compared with.
func (v *view) lastRecorded() (h coc.Hash) {
	for _, x := range v.versions {
		if x.Recorded {
			h = x.Hash
		}
	}
	return h
}

// derive computes the differences of the step's changes. texts loads contents from the
// archive, and keeps parsed ones from one step of the document to the next.
func (v *view) derive(ctx context.Context, texts *texts) error {
	for _, x := range v.versions {
		if x.fresh != nil {
			texts.add(x.Hash, x.fresh.Content.Bytes)
		}
	}
	for i, cmp := range v.compare {
		if cmp == nil {
			continue
		}
		d, err := texts.compare(ctx, *cmp)
		if err != nil {
			return err
		}
		v.step.Changes[i].Difference = d
	}
	return nil
}

// texts are contents of one document, each parsed once.
type texts struct {
	load func(ctx context.Context, hash coc.Hash) (coc.Content, error)
	held map[coc.Hash]*diff.Text
}

func (t *texts) add(h coc.Hash, b []byte) {
	if t.held == nil {
		t.held = map[coc.Hash]*diff.Text{}
	}
	if t.held[h] == nil {
		t.held[h] = diff.Read(b)
	}
}

// trim drops all but one content, which the next step will compare with.
func (t *texts) trim(keep coc.Hash) {
	for h := range t.held {
		if h != keep {
			delete(t.held, h)
		}
	}
}

func (t *texts) text(ctx context.Context, h coc.Hash) (*diff.Text, error) {
	if x := t.held[h]; x != nil {
		return x, nil
	}
	c, err := t.load(ctx, h)
	if err != nil {
		return nil, err
	}
	t.add(h, c.Bytes)
	return t.held[h], nil
}

func (t *texts) compare(ctx context.Context, c comparison) (coc.Difference, error) {
	var old, now *diff.Text
	var err error
	if now, err = t.text(ctx, c.new); err == nil && c.old != nil {
		old, err = t.text(ctx, *c.old)
	}
	if errors.Is(err, coc.ErrErased) {
		return coc.ErasedDifference(diff.Algorithm, c.skipped), nil
	}
	if err != nil {
		return coc.Difference{}, err
	}
	d := diff.Compare(old, now)
	d.Skipped = c.skipped
	return d, nil
}
