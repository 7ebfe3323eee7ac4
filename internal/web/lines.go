package web

import (
	"bytes"
	"fmt"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// What the lines of one fragment may cost. There is room for all lines of two
// contents of 64 KB with nothing alike; beyond, the fragment stays within some
// megabytes whatever the contents are.
const (
	maxCost = 1 << 20
	rowCost = 100 // tags of a row
	tagCost = 11  // tags of a marked word, or of hidden characters
)

// hunk is a run of rows under a heading.
type hunk struct {
	Heading string
	Rows    []row
}

// row is one line in two columns.
type row struct {
	Op       string // del, ins, mod for both at once, or "" for an unchanged line
	Old, New *cell  // nil: nothing on that side
}

// cell is one line on one side.
type cell struct {
	ID     string // "" unless something links to it
	Number int
	Sign   string
	Text   pieces
	NoEnd  bool // the content ends here without the end of a line
}

// layout is the lines of a diff, as far as there is room for them.
type layout struct {
	hunks    []hunk
	old, new map[int]*cell // the changed lines among them, by number
	hidden   int           // how many changed lines had no room
}

// newLayout lays out hunks in their order; the items are those of the comparison. Once something had no room nothing
// has: a diff with a hole in its middle would mislead.
func newLayout(hunks []diff.Hunk, items []coc.Item) layout {
	l := layout{old: map[int]*cell{}, new: map[int]*cell{}}
	room := maxCost
	for _, h := range hunks {
		for _, line := range h.Lines {
			if line.Op != diff.Same {
				l.hidden++
			}
		}
		if room >= 0 {
			room = l.add(h, items, room)
		}
	}
	l.hidden -= len(l.old) + len(l.new)
	return l
}

// add lays out a hunk and returns the room that is left, less than 0 when there
// was too little.
func (l *layout) add(h diff.Hunk, items []coc.Item, room int) int {
	out := hunk{Heading: heading(h)}
	for _, r := range diff.Rows(h, items) {
		row := newRow(r)
		if room -= row.cost(); room < 0 {
			break
		}
		out.Rows = append(out.Rows, row)
		if row.Op != "" && row.Old != nil {
			l.old[row.Old.Number] = row.Old
		}
		if row.Op != "" && row.New != nil {
			l.new[row.New.Number] = row.New
		}
	}
	if len(out.Rows) > 0 {
		l.hunks = append(l.hunks, out)
	}
	return room
}

// heading says which lines a hunk has.
func heading(h diff.Hunk) string {
	was, is := lineRange(h.OldStart, h.OldStart+h.OldLines-1), lineRange(h.NewStart, h.NewStart+h.NewLines-1)
	switch {
	case h.OldLines == 0:
		return "New " + is
	case h.NewLines == 0:
		return "Old " + was
	}
	return "Old " + was + ", new " + is
}

// lineRange writes which lines run from one to another: "line 3", "lines 3–5".
func lineRange(from, to int) string {
	if from == to {
		return fmt.Sprintf("line %d", from)
	}
	return fmt.Sprintf("lines %d–%d", from, to)
}

func newRow(r diff.Row) row {
	switch {
	case r.Old == nil:
		return row{Op: "ins", New: newCell(r.New.New, "+", r.New, r.Words, diff.Delete)}
	case r.New == nil:
		return row{Op: "del", Old: newCell(r.Old.Old, "-", r.Old, r.Words, diff.Insert)}
	case r.Old.Op == diff.Same:
		return row{
			Old: newCell(r.Old.Old, "", r.Old, nil, diff.Insert),
			New: newCell(r.New.New, "", r.New, nil, diff.Delete),
		}
	}
	return row{
		Op:  "mod",
		Old: newCell(r.Old.Old, "-", r.Old, r.Words, diff.Insert),
		New: newCell(r.New.New, "+", r.New, r.Words, diff.Delete),
	}
}

// newCell makes the cell of a line, with the words marked that it alone has. The
// words of the other side are left out.
func newCell(number int, sign string, line *diff.Line, words []diff.Word, other diff.Op) *cell {
	c := &cell{Number: number, Sign: sign, NoEnd: !bytes.HasSuffix(line.Text, []byte("\n"))}
	if words == nil {
		body := bytes.TrimSuffix(line.Text, []byte("\n"))
		words = []diff.Word{{Op: diff.Same, Text: string(body)}}
	}
	for _, w := range words {
		if w.Op != other {
			c.Text = c.Text.add(mark(w.Op), w.Text, "\t")
		}
	}
	return c
}

// mark is the element around a word.
func mark(op diff.Op) string {
	switch op {
	case diff.Delete:
		return "del"
	case diff.Insert:
		return "ins"
	}
	return ""
}

// cost estimates how many bytes a row takes, before characters are escaped.
func (r row) cost() int {
	n := rowCost
	for _, c := range []*cell{r.Old, r.New} {
		if c == nil {
			continue
		}
		for _, p := range c.Text {
			n += len(p.Text)
			if p.Raw {
				n += tagCost
			}
			if p.Mark != "" {
				n += tagCost
			}
		}
	}
	return n
}
