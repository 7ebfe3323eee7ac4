// Package web serves the archive over HTTP: pages, an API, feeds and metrics. It owns
// HTML and styles; queries and comparisons are left to packages query and diff.
//
// The content of documents is untrusted. It is shown as text, with invisible characters
// made visible, and never becomes markup, a link or a script. No page loads scripts,
// images or styles from other sites, so a strict Content-Security-Policy applies.
package web

import (
	"bytes"
	"fmt"
	"html/template"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// Diff is a comparison of two contents to show.
type Diff struct {
	Old, New           *diff.Text      // a nil Old means that New is the first version
	OldLabel, NewLabel string          // of the two versions; OldLabel is empty without Old
	Context            int             // unchanged lines shown before and after a change
	IgnoreSpace        bool            // in the lines, not in the outline above them
	Compared           *coc.Difference // the result of comparing Old and New
}

// diffView is the data of the diff template.
type diffView struct {
	Diff
	*coc.Difference
	Groups    []group // the outline
	Unchanged []string
	Notes     []string
	layout
}

func newDiffView(d Diff) *diffView {
	result := d.Compared
	hunks := diff.Hunks(d.Old, d.New, diff.Options{Context: d.Context, IgnoreSpace: d.IgnoreSpace})
	v := &diffView{Diff: d, Difference: result, Unchanged: formattingNotes(result.Formatting), layout: newLayout(hunks, result.Items)}
	v.Groups = v.groups(result.Items)
	if note := result.ContentNote(); note != "" {
		v.Notes = append(v.Notes, note)
	}
	switch {
	case d.IgnoreSpace && result.Class != coc.ClassUnchanged && len(hunks) == 0:
		v.Notes = append(v.Notes, "The lines differ only in white space, which is ignored.")
	case d.IgnoreSpace && result.Class != coc.ClassUnchanged:
		v.Notes = append(v.Notes, "Differences in white space are ignored below.")
	}
	return v
}

// Limits of the markup of one diff, in bytes. They allow all lines of two contents of
// 64 KB that have nothing in common, and keep any diff below some megabytes.
const (
	maxCost = 1 << 20
	rowCost = 100 // the tags of a row
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
	Text   template.HTML
	NoEnd  bool // the last line, without a newline
}

// layout holds the lines of a diff up to maxCost.
type layout struct {
	Hunks    []hunk
	Hidden   int           // number of changed lines that are not shown
	old, new map[int]*cell // the changed lines that are shown, by number
}

// newLayout lays out hunks in order; items are those of the comparison. It stops at the
// first row that exceeds maxCost: a diff with a gap would mislead.
func newLayout(hunks []diff.Hunk, items []coc.Item) layout {
	l := layout{old: map[int]*cell{}, new: map[int]*cell{}}
	left := maxCost
	for _, h := range hunks {
		for _, line := range h.Lines {
			if line.Op != diff.Same {
				l.Hidden++
			}
		}
		if left >= 0 {
			left = l.add(h, items, left)
		}
	}
	l.Hidden -= len(l.old) + len(l.new)
	return l
}

// add lays out a hunk and returns how much of left remains. The result is negative if the
// hunk did not fit.
func (l *layout) add(h diff.Hunk, items []coc.Item, left int) int {
	out := hunk{Heading: heading(h)}
	for _, r := range diff.Rows(h, items) {
		row, cost := newRow(r)
		left -= cost
		if left < 0 {
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
		l.Hunks = append(l.Hunks, out)
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

// newRow returns a row and the approximate length of its markup.
func newRow(r diff.Row) (x row, cost int) {
	cost = rowCost
	if r.Old != nil {
		x.Op, x.Old = "del", newCell(r.Old, r.Words, diff.Delete)
		cost += len(x.Old.Text)
	}
	if r.New != nil {
		x.Op, x.New = "ins", newCell(r.New, r.Words, diff.Insert)
		cost += len(x.New.Text)
	}
	switch {
	case r.Old == nil || r.New == nil:
	case r.Old.Op == diff.Same:
		x.Op, x.Old.Sign, x.New.Sign = "", "", ""
	default:
		x.Op = "mod"
	}
	return x, cost
}

// newCell returns the cell of a line on the old side, if own is diff.Delete, or on the new
// side, if it is diff.Insert. Words that only this side has are marked. Words of the other
// side are omitted.
func newCell(line *diff.Line, words []diff.Word, own diff.Op) *cell {
	c, element := &cell{Number: line.Old, Sign: "-"}, "del"
	if own == diff.Insert {
		c, element = &cell{Number: line.New, Sign: "+"}, "ins"
	}
	c.NoEnd = !bytes.HasSuffix(line.Text, []byte("\n"))
	if words == nil {
		c.Text = marked("", string(bytes.TrimSuffix(line.Text, []byte("\n"))))
	}
	for _, w := range words {
		switch w.Op {
		case diff.Same:
			c.Text += marked("", w.Text)
		case own:
			c.Text += marked(element, w.Text)
		}
	}
	return c
}
