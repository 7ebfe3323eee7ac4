package web

import (
	"bytes"
	"fmt"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// Limits of the markup of one diff, in bytes. They allow all lines of two contents of
// 64 KB that have nothing in common, and keep any diff below some megabytes.
const (
	maxCost = 1 << 20
	rowCost = 100 // the tags of a row
	tagCost = 11  // the tags of a marked word or of hidden characters
)

// hunk is a run of rows under a heading.
type hunk struct {
	Heading string
	Rows    []row
}

// row is one line in two columns.
type row struct {
	Op       string // del, ins, mod for both, or "" for an unchanged line
	Old, New *cell  // nil: no line on that side
}

// cell is one line on one side.
type cell struct {
	ID     string // "" unless an item links to the line
	Number int
	Sign   string
	Text   pieces
	NoEnd  bool // the last line, without a newline
}

// layout holds the lines of a diff up to maxCost.
type layout struct {
	hunks    []hunk
	old, new map[int]*cell // the changed lines among them, by number
	hidden   int           // number of changed lines that are not shown
}

// newLayout lays out hunks in order; items are those of the comparison. It stops at the
// first row that exceeds maxCost: a diff with a gap would mislead.
func newLayout(hunks []diff.Hunk, items []coc.Item) layout {
	l := layout{old: map[int]*cell{}, new: map[int]*cell{}}
	left := maxCost
	for _, h := range hunks {
		for _, line := range h.Lines {
			if line.Op != diff.Same {
				l.hidden++
			}
		}
		if left >= 0 {
			left = l.add(h, items, left)
		}
	}
	l.hidden -= len(l.old) + len(l.new)
	return l
}

// add lays out a hunk and returns how much of left remains. The result is negative if the
// hunk did not fit.
func (l *layout) add(h diff.Hunk, items []coc.Item, left int) int {
	out := hunk{Heading: heading(h)}
	for _, r := range diff.Rows(h, items) {
		row := newRow(r)
		if left -= row.cost(); left < 0 {
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
	return left
}

// heading names the lines of a hunk.
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

// lineRange formats a range of lines: "line 3", "lines 3–5".
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

// newCell returns the cell of a line, with the words marked that only this side has. Words
// of the other side are omitted.
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

// mark returns the HTML element around a word.
func mark(op diff.Op) string {
	switch op {
	case diff.Delete:
		return "del"
	case diff.Insert:
		return "ins"
	}
	return ""
}

// cost estimates the markup of a row in bytes, before characters are escaped.
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
