package diff

import (
	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// Find returns the lines of the parts of a job that match accepts, in order. It calls
// match with the path of each part and the name of the innermost step that the part is
// or is in, but not for the parts of a match. If the structure cannot be read, the
// result is empty and why is the reason.
func (t *Text) Find(match func(path, step string) bool) (found []coc.Span, why string) {
	tree, why := t.structure()
	if tree == nil {
		return nil, why
	}
	f := finder{match: match}
	f.within(side{Span: whole(t.Lines)}, tree.root, "", "", false)
	return f.found, ""
}

// finder walks over one content. The parser bounds its values, aliases included.
type finder struct {
	match func(path, step string) bool
	found []coc.Span
}

// within walks over the parts of a value; ofSteps means that it is a list of steps.
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
	if f.match(path, step) {
		f.found = append(f.found, part.Span)
		return
	}
	f.within(part, s.value, path, step, ofSteps)
}
