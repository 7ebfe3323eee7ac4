package diff

import (
	"strings"

	"cocsync/internal/coc"
)

// Group is what happened to one part of a job: a step, a parameter, an output, or any
// other top-level key.
type Group struct {
	Path  string // of the part: steps[restart]
	Title string // the same for people: step restart
	Task  string // of a step
	// Whole is what happened to the part itself: it was added, removed or got another
	// value; or it was renamed, moved, or both in this order. It is empty if only
	// something in it changed.
	Whole []coc.Item
	// Fields are the differences in it. Of an added or removed parameter or output they
	// are its own fields, if its value is complete; the value then need not be shown.
	Fields []Field
}

// Field is a difference in a Group.
type Field struct {
	Name string // its path within the part: inputs.timeout
	coc.Item
}

// Outline groups items by the part that they belong to, for people. Parts and fields
// keep the order of the items, and no item is lost. A removed part is a group of its
// own, because an added one may be at its position.
func Outline(items []coc.Item) []Group {
	var groups []Group
	indexOf := map[string]int{}
	for _, item := range items {
		end, title := partOf(item)
		path, name := item.Path[:end], strings.TrimPrefix(item.Path[end:], ".")
		removed := name == "" && item.Op == Removed
		at, ok := indexOf[path]
		if !ok || removed {
			at = len(groups)
			groups = append(groups, Group{Path: path, Title: title, Task: item.Task})
		}
		if !ok && !removed {
			indexOf[path] = at
		}
		g := &groups[at]
		switch {
		case name != "":
			g.Fields = append(g.Fields, Field{name, item})
		case item.Op == Renamed:
			g.Whole = append([]coc.Item{item}, g.Whole...)
		default:
			g.Whole = append(g.Whole, item)
			g.expand(item)
		}
	}
	return groups
}

// expand adds the fields of an added or removed parameter or output.
func (g *Group) expand(item coc.Item) {
	if !strings.HasPrefix(g.Title, "parameter ") && !strings.HasPrefix(g.Title, "output ") {
		return
	}
	value := item.New
	if item.Op == Removed {
		value = item.Old
	}
	if item.Op != Added && item.Op != Removed {
		return
	}
	for _, f := range mappingFields(value) {
		field := Field{f[0], item}
		field.Path = join(item.Path, f[0])
		field.OldLines, field.NewLines = coc.Span{}, coc.Span{} // they belong to Whole
		if item.Op == Added {
			field.New = f[1]
		} else {
			field.Old = f[1]
		}
		g.Fields = append(g.Fields, field)
	}
}

// Ops are the words for what happened to the part, in the order of their signs.
func (g Group) Ops() []string {
	if len(g.Whole) == 0 {
		return []string{Changed}
	}
	ops := make([]string, len(g.Whole))
	for i, item := range g.Whole {
		ops[i] = item.Op
	}
	return ops
}

// Became says where the part was before: "renamed from pause, moved after check (was
// after drain)". It is "" for a part that was neither renamed nor moved.
func (g Group) Became() string {
	var parts []string
	for _, item := range g.Whole {
		if s := Became(item); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

// Became says where a renamed or moved item was before; "" for the others.
func Became(it coc.Item) string {
	switch it.Op {
	case Renamed:
		return "renamed from " + nameLabel(it.Old)
	case Moved:
		to := it.New
		if to == "first" {
			to = "to the front"
		}
		return "moved " + to + " (was " + it.Old + ")"
	}
	return ""
}

// Values are Old and New for people. For a task of which only the version changed, New
// is that version: hwc:runbook:suspend@1.0.0, @1.1.0.
func (f Field) Values() (old, new string) {
	if f.Op == Changed && f.Name == "task" {
		was, _, _ := strings.Cut(f.Old, "@")
		now, version, ok := strings.Cut(f.New, "@")
		if ok && was == now && was != f.Old {
			return f.Old, "@" + version
		}
	}
	return f.Old, f.New
}

// partOf returns the length of the prefix of an item's path that names its part, and
// the part's title: the item's step, else a parameter or an output, else the top-level
// key.
func partOf(item coc.Item) (end int, title string) {
	segments := cutPath(item.Path)
	if len(segments) == 0 {
		return len(item.Path), "content"
	}
	if at := stepSegment(segments, item.Step); at > 0 {
		list, s := segments[at-1], segments[at]
		switch {
		case s.place() && item.Step == "":
			return s.end, item.Path[:s.end]
		case s.place():
			return s.end, "step " + nameLabel(item.Step) + " at " + item.Path[:s.end]
		case list.start > 0:
			return s.end, "step " + s.label + " in " + strings.TrimSuffix(item.Path[:list.start], ".")
		}
		return s.end, "step " + s.label
	}
	top := segments[0]
	inputs := isInputs(key{value: top.label})
	if len(segments) == 1 || !inputs && top.label != "outputs" {
		return top.end, top.label
	}
	s := segments[1]
	if s.place() {
		return s.end, item.Path[:s.end]
	}
	if inputs {
		return s.end, "parameter " + s.label
	}
	return s.end, "output " + s.label
}

// stepSegment finds the segment of the innermost step: the one with its name; else the
// last index in a list of steps, or the last segment.
func stepSegment(segments []segment, name string) int {
	last, lastPlace := 0, 0
	for i := len(segments) - 1; i > 0; i-- {
		s, list := segments[i], segments[i-1]
		if !s.bracket || list.bracket || !strings.HasSuffix(strings.ToLower(list.label), "steps") {
			continue
		}
		if name != "" && s.label == nameLabel(name) {
			return i
		}
		if last == 0 {
			last = i
		}
		if lastPlace == 0 && s.place() {
			lastPlace = i
		}
	}
	if lastPlace > 0 {
		return lastPlace
	}
	return last
}
