package web

import (
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// maxRanges is the maximum number of line ranges in a formatting note.
const maxRanges = 5

// group holds the differences of one part of the job.
type group struct {
	Title, Task pieces
	Items       []item
}

// item is one difference of a part or of a field in it.
type item struct {
	Op       string
	Became   pieces // the previous name or position, if it was renamed or moved
	Name     pieces // nil: the part itself
	Old, New pieces // nil: no value
	Block    bool   // the values have several lines
	Lines    string
	Href     string // of the first shown line; "" if no line is shown
}

func groups(items []coc.Item, a anchors) []group {
	var out []group
	for _, g := range diff.Outline(items) {
		out = append(out, newGroup(g, a))
	}
	return out
}

func newGroup(g diff.Group, a anchors) group {
	out := group{Title: visible(g.Title, ""), Task: visible(g.Task, "")}
	for _, whole := range g.Whole {
		it := a.item(whole)
		became := strings.TrimSpace(strings.TrimPrefix(diff.Became(whole), whole.Op))
		it.Became = visible(became, "")
		if became == "" && len(g.Fields) == 0 {
			it.values(whole.Old, whole.New)
		}
		out.Items = append(out.Items, it)
	}
	for _, f := range g.Fields {
		it := a.item(f.Item)
		it.Name = visible(f.Name, "")
		it.values(f.Values())
		// The fields of an added or removed parameter have the lines of the parameter,
		// which are shown already.
		for _, whole := range g.Whole {
			if f.OldLines == whole.OldLines && f.NewLines == whole.NewLines {
				it.Lines, it.Href = "", ""
			}
		}
		out.Items = append(out.Items, it)
	}
	return out
}

// values sets the old and the new value. The final newline is omitted if both values have
// one.
func (it *item) values(old, new string) {
	ends := func(s string) bool { return s == "" || len(s) > 1 && strings.HasSuffix(s, "\n") }
	if ends(old) && ends(new) {
		old, new = strings.TrimSuffix(old, "\n"), strings.TrimSuffix(new, "\n")
	}
	it.Old, it.New = visible(old, "\t\n"), visible(new, "\t\n")
	it.Block = strings.Contains(old+new, "\n")
}

// itemLines names the lines of an item in the new version, or in the old one if it was
// removed: the new lines of a removed item belong to other items too.
func itemLines(op string, was, is coc.Span) string {
	switch {
	case is != coc.Span{} && op != diff.Removed:
		return lineRange(is.From, is.To)
	case was != coc.Span{}:
		return "old " + lineRange(was.From, was.To)
	}
	return ""
}

// anchors sets the ids of lines that items link to.
type anchors struct {
	fragment string // the prefix of each id
	layout   layout
}

// item returns a difference without its values.
func (a anchors) item(it coc.Item) item {
	return item{Op: it.Op, Lines: itemLines(it.Op, it.OldLines, it.NewLines), Href: a.href(it)}
}

// href returns a link to the first shown changed line of an item, in the new version if it
// has lines there.
func (a anchors) href(it coc.Item) string {
	if c := first(a.layout.new, it.NewLines); c != nil && it.Op != diff.Removed {
		return a.link(c, "new")
	}
	if c := first(a.layout.old, it.OldLines); c != nil {
		return a.link(c, "old")
	}
	return ""
}

func first(cells map[int]*cell, s coc.Span) *cell {
	for n := s.From; n > 0 && n <= s.To; n++ {
		if c := cells[n]; c != nil {
			return c
		}
	}
	return nil
}

func (a anchors) link(c *cell, side string) string {
	c.ID = fmt.Sprintf("%s-%s-%d", a.fragment, side, c.Number)
	return "#" + c.ID
}

// formattingNotes describes changed lines with the same meaning, one note for each kind of
// change. It omits lines that only shifted: the change that shifted them is shown.
func formattingNotes(list []coc.Formatting) []string {
	var sorts []string
	found := map[string][]string{}
	for _, f := range list {
		if f.Sort == "shifted" {
			continue
		}
		if found[f.Sort] == nil {
			sorts = append(sorts, f.Sort)
		}
		found[f.Sort] = append(found[f.Sort], itemLines("", f.OldLines, f.NewLines))
	}
	var notes []string
	for _, sort := range sorts {
		where, more := found[sort], ""
		if n := len(where) - maxRanges; n > 0 {
			where, more = where[:maxRanges], fmt.Sprintf(" and %d more", n)
		}
		notes = append(notes, fmt.Sprintf("%s (%s%s)", sort, strings.Join(where, ", "), more))
	}
	return notes
}
