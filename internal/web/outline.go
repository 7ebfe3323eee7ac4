package web

import (
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// group holds the differences of one part of the job.
type group struct {
	diff.Group
	Items []item
}

// item is one difference of a part or of a field in it.
type item struct {
	Op       string
	Became   string // the previous name or position, if it was renamed or moved
	Name     string // "": the part itself
	Old, New string // "": no value
	Block    bool   // the values have several lines
	Lines    string
	Href     string // of the first shown line; "" if no line is shown
}

// groups returns the outline of a diff. Items link to their lines.
func (l *layout) groups(items []coc.Item) (list []group) {
	for _, g := range diff.Outline(items) {
		out := group{Group: g}
		for _, whole := range g.Whole {
			old, now := whole.Old, whole.New
			became := strings.TrimSpace(strings.TrimPrefix(diff.Became(whole), whole.Op))
			if became != "" || len(g.Fields) > 0 {
				old, now = "", ""
			}
			it := newItem(whole, "", old, now)
			it.Became, it.Href = became, l.href(whole)
			out.Items = append(out.Items, it)
		}
		for _, f := range g.Fields {
			old, now := f.Values()
			it := newItem(f.Item, f.Name, old, now)
			it.Href = l.href(f.Item)
			// The fields of an added or removed parameter have the lines of the parameter,
			// which are shown already.
			for _, whole := range g.Whole {
				if f.OldLines == whole.OldLines && f.NewLines == whole.NewLines {
					it.Lines, it.Href = "", ""
				}
			}
			out.Items = append(out.Items, it)
		}
		list = append(list, out)
	}
	return list
}

// newItem returns a difference with its values. The final newline is omitted if both values
// have one.
func newItem(it coc.Item, name, old, now string) item {
	ends := func(s string) bool { return s == "" || len(s) > 1 && strings.HasSuffix(s, "\n") }
	if ends(old) && ends(now) {
		old, now = strings.TrimSuffix(old, "\n"), strings.TrimSuffix(now, "\n")
	}
	return item{Op: it.Op, Name: name, Old: old, New: now, Block: strings.Contains(old+now, "\n"),
		Lines: itemLines(it.Op, it.OldLines, it.NewLines)}
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

// href returns a link to the first shown changed line of an item, in the new version if it
// has lines there, and gives that line an id. It returns "" if no line is shown.
func (l *layout) href(it coc.Item) string {
	c, side := first(l.new, it.NewLines), "new"
	if c == nil || it.Op == diff.Removed {
		c, side = first(l.old, it.OldLines), "old"
	}
	if c == nil {
		return ""
	}
	c.ID = fmt.Sprintf("diff-%s-%d", side, c.Number)
	return "#" + c.ID
}

func first(cells map[int]*cell, s coc.Span) *cell {
	for n := s.From; n > 0 && n <= s.To; n++ {
		if c := cells[n]; c != nil {
			return c
		}
	}
	return nil
}

// formattingNotes describes changed lines with the same meaning.
func formattingNotes(list []coc.Formatting) []string {
	return diff.FormattingNotes(list, func(old, now coc.Span) string { return itemLines("", old, now) })
}
