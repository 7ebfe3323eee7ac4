package diff

import (
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// Part is a part of a job in an outline: a top-level key, a parameter or a step.
type Part struct {
	Name        string // of the step or the parameter, else the key
	Step        bool
	Task        string // what a step runs
	Description string // in one line
	Value       string // of a part without parts of its own, truncated
	Fields      []PartField
	Lines       coc.Span
	Parts       []Part // the steps of a list of steps, the parameters of the inputs
}

// PartField is a field of a part.
type PartField struct {
	Name   string
	Value  string // truncated; "" if it has fields of its own
	Lines  coc.Span
	Fields []PartField // names and values of a step's inputs and outputs
}

// maxParts bounds the parts of an outline.
const maxParts = 5000

// Parts returns the outline of a job: its keys in their order, with steps and
// parameters in theirs. If the structure cannot be read, it is empty and why is the
// reason. It has at most some thousand parts; all reports whether it is complete.
func (t *Text) Parts() (parts []Part, all bool, why string) {
	tree, why := t.structure()
	if tree == nil {
		return nil, true, why
	}
	s := scanner{left: maxParts}
	at := side{Span: whole(t.Lines)}
	if tree.root.kind != mapping {
		return []Part{{Value: show(tree.root, false), Lines: at.Span}}, true, ""
	}
	parts = s.keys(at, tree.root)
	return parts, s.left >= 0, ""
}

// scanner makes an outline of a limited number of parts.
type scanner struct{ left int }

// keys makes parts of the keys of a mapping.
func (s *scanner) keys(at side, n *node) (parts []Part) {
	for _, p := range n.pairs {
		if s.left--; s.left < 0 {
			break
		}
		here := at.part(p.slot)
		part := Part{Name: text.Truncate(p.key.value, maxLabel), Lines: here.Span}
		switch v := p.value; {
		case v.kind == list && (isSteps(p.key, v) || isInputs(p.key) || p.key.value == "outputs"):
			part.Parts = s.elements(here, v, isSteps(p.key, v))
		case v.kind == mapping && isInputs(p.key):
			part.Parts = s.keys(here, v)
		case v.kind == mapping:
			part.Fields = s.fields(here, v, false)
		default:
			part.Value = show(v, false)
		}
		parts = append(parts, part)
	}
	return parts
}

// elements makes parts of the elements of a list.
func (s *scanner) elements(at side, n *node, steps bool) (parts []Part) {
	names := newListing(n)
	for i, it := range n.items {
		if s.left--; s.left < 0 {
			break
		}
		here := at.part(it)
		part := Part{Name: names.label(i), Step: steps, Lines: here.Span}
		if it.value.kind != mapping {
			part.Value = show(it.value, false)
			parts = append(parts, part)
			continue
		}
		if name := it.value.name(); name != "" {
			part.Name = text.Truncate(name, maxLabel)
		}
		if steps {
			part.Task = text.Truncate(it.value.task(), maxLabel)
		}
		part.Description = text.Line(strings.Join(strings.Fields(it.value.text("description", "Description")), " "), maxSummary)
		part.Fields = s.fields(here, it.value, true)
		parts = append(parts, part)
	}
	return parts
}

// fields makes fields of the keys of a mapping; for an element without those that are
// in the part itself.
func (s *scanner) fields(at side, n *node, element bool) (fields []PartField) {
	for _, p := range n.pairs {
		if k := p.key.value; element && (k == "name" || k == "Name" || k == "description" || k == "Description" || isTask(k)) {
			continue
		}
		if s.left--; s.left < 0 {
			break
		}
		here := at.part(p.slot)
		f := PartField{Name: text.Truncate(p.key.value, maxLabel), Lines: here.Span}
		if element {
			f.Fields = s.within(here, p.value)
		}
		if f.Fields == nil {
			f.Value = show(p.value, false)
		}
		fields = append(fields, f)
	}
	return fields
}

// within makes fields of the value of an element's field: of keys, or of elements that
// have keys. A list of words is one value.
func (s *scanner) within(at side, n *node) (fields []PartField) {
	if n.kind == mapping {
		return s.fields(at, n, false)
	}
	names := newListing(n)
	for i, it := range n.items {
		if it.value.kind != mapping {
			return nil
		}
		if s.left--; s.left < 0 {
			break
		}
		fields = append(fields, PartField{Name: names.label(i), Value: show(it.value, false), Lines: at.part(it).Span})
	}
	return fields
}
