package web

import (
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// maxPlaces bounds how many places a formatting note names.
const maxPlaces = 5

// group is what became of one part of the job.
type group struct {
	Title, Task pieces
	Items       []item
}

// item is one difference within a part, or of the part itself.
type item struct {
	Op       string
	Became   pieces // where what was renamed or moved was before
	Name     pieces // nil: the part itself
	Old, New pieces // nil: no value
	Block    bool   // the values have several lines
	Lines    string
	Href     string // of its first line that is shown; "" when none is
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
		// The fields of a parameter that came or went stand where it stands,
		// which is told already.
		for _, whole := range g.Whole {
			if f.OldLines == whole.OldLines && f.NewLines == whole.NewLines {
				it.Lines, it.Href = "", ""
			}
		}
		out.Items = append(out.Items, it)
	}
	return out
}

// values sets what the item was and is. That the last line of a text ends is
// told only where one side's does not.
func (it *item) values(old, new string) {
	ends := func(s string) bool { return s == "" || len(s) > 1 && strings.HasSuffix(s, "\n") }
	if ends(old) && ends(new) {
		old, new = strings.TrimSuffix(old, "\n"), strings.TrimSuffix(new, "\n")
	}
	it.Old, it.New = visible(old, "\t\n"), visible(new, "\t\n")
	it.Block = strings.Contains(old+new, "\n")
}

// places says where something stands: in the new version, if it does. Of what was
// removed, the lines in the new one are those that it shared with others.
func places(op string, was, is coc.Span) string {
	switch {
	case is != coc.Span{} && op != diff.Removed:
		return lineRange(is.From, is.To)
	case was != coc.Span{}:
		return "old " + lineRange(was.From, was.To)
	}
	return ""
}

// anchors gives ids to the lines that something links to.
type anchors struct {
	fragment string // what each id begins with
	layout   layout
}

// item is a difference without its values.
func (a anchors) item(it coc.Item) item {
	return item{Op: it.Op, Lines: places(it.Op, it.OldLines, it.NewLines), Href: a.href(it)}
}

// href links to the first changed line of an item that is shown, in the new
// version if it stands there.
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

// formattingNotes tells the changed lines that mean the same, a note for each
// sort. Lines that only shifted are told by what made them shift.
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
		found[f.Sort] = append(found[f.Sort], places("", f.OldLines, f.NewLines))
	}
	var notes []string
	for _, sort := range sorts {
		where, more := found[sort], ""
		if n := len(where) - maxPlaces; n > 0 {
			where, more = where[:maxPlaces], fmt.Sprintf(" and %d more", n)
		}
		notes = append(notes, fmt.Sprintf("%s (%s%s)", sort, strings.Join(where, ", "), more))
	}
	return notes
}
