package diff

import (
	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// Find returns the lines on which those parts of a job stand that fits takes, in
// order. It is asked for the path of each part, and the name of the innermost step
// that the part is or lies in, and not for what lies within a part that it took.
// Where the structure can't be read there are none, and why says why.
func (t *Text) Find(fits func(path, step string) bool) (found []coc.Span, why string) {
	tree, why := t.structure()
	if tree == nil {
		return nil, why
	}
	f := finder{fits: fits}
	f.within(side{Span: whole(t.Lines)}, tree.root, "", "", false)
	return f.found, ""
}

// finder walks over one content. Values are bounded, aliases included, when it is
// parsed.
type finder struct {
	fits  func(path, step string) bool
	found []coc.Span
}

// within looks at the parts of a value; ofSteps says that it is a list of steps.
func (f *finder) within(at side, n *node, path, step string, ofSteps bool) {
	if n.kind == list {
		l := newListing(n)
		for i, item := range n.items {
			name := step
			if ofSteps && item.value.kind == mapping {
				name = text.Truncate(item.value.name(), maxLabel)
			}
			f.part(at, item, join(path, "["+l.label(i)+"]"), name, false)
		}
		return
	}
	for _, p := range n.pairs {
		f.part(at, p.slot, join(path, keyLabel(p.key)), step, isSteps(p.key, p.value))
	}
}

func (f *finder) part(at side, s slot, path, step string, ofSteps bool) {
	part := at.part(s)
	if s.alias {
		part.fixed = true
	}
	if f.fits(path, step) {
		f.found = append(f.found, part.Span)
		return
	}
	f.within(part, s.value, path, step, ofSteps)
}
