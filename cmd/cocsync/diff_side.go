package main

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"cocsync/internal/diff"
)

// A diff in two columns is as wide as the terminal; where there is none, as
// wide as GNU diff -y makes it.
const (
	pipeWidth = 130
	minCells  = 8 // of one column's text, however narrow the terminal
	tabStop   = 8
)

// sheet writes a diff in two columns: a number and a text, a sign between them,
// a number and a text.
type sheet struct {
	*page
	digits  int // of the greatest number
	cells   int // of one text
	measure *runewidth.Condition
}

// sideBySide writes both versions beside each other.
func (p *page) sideBySide(c *comparison, hunks []diff.Hunk) {
	s := newSheet(p, hunks)
	var old []strip
	if c.was != nil {
		old = s.wrap(bold, whole(c.doc.Name+"  "+c.old))
	}
	s.row(0, 0, " ", plain, old, s.wrap(bold, whole(c.doc.Name+"  "+c.new)))
	for _, h := range hunks {
		fmt.Fprintln(p, p.paint(cyan, hunkHead(h)))
		for _, r := range diff.Rows(h, c.Items) {
			s.diffRow(r)
		}
	}
}

func newSheet(p *page, hunks []diff.Hunk) *sheet {
	width := p.width
	if width == 0 {
		width = pipeWidth
	}
	greatest := 0
	for _, h := range hunks {
		greatest = max(greatest, h.OldStart+h.OldLines, h.NewStart+h.NewLines)
	}
	digits := len(fmt.Sprint(greatest))
	return &sheet{p, digits, max(minCells, (width-2*digits-5)/2), widths()}
}

func (s *sheet) diffRow(r diff.Row) {
	switch {
	case r.Old == nil:
		s.row(0, r.New.New, "+", green, nil, s.cell(r.New, green, nil))
	case r.New == nil:
		s.row(r.Old.Old, 0, "-", red, s.cell(r.Old, red, nil), nil)
	case r.New.Op == diff.Same:
		same := s.cell(r.New, plain, nil)
		s.row(r.New.Old, r.New.New, " ", plain, same, same)
	case r.Words == nil:
		s.row(r.Old.Old, r.New.New, "~", bold, s.cell(r.Old, red, nil), s.cell(r.New, green, nil))
	default:
		s.row(r.Old.Old, r.New.New, "~", bold,
			s.cell(r.Old, plain, oneSide(r.Words, diff.Insert)), s.cell(r.New, plain, oneSide(r.Words, diff.Delete)))
	}
}

// cell lays out a line; nil words show it whole.
func (s *sheet) cell(l *diff.Line, st style, words []diff.Word) []strip {
	if words == nil {
		words = whole(body(l))
	}
	strips := s.wrap(st, words)
	if !ended(*l) {
		strips = append(strips, s.wrap(faint, whole(noNewline+" file"))...)
	}
	return strips
}

// strip is what of a text fits into a column.
type strip struct {
	text  string // painted
	cells int    // that it takes
}

// wrap lays a text out in strips as wide as a column. What combines with a
// character stays with it; tabs become spaces.
func (s *sheet) wrap(st style, words []diff.Word) []strip {
	var done []strip
	var now strip
	column := 0 // of the text as if it were not wrapped
	for _, w := range words {
		here := st
		if w.Op != diff.Same {
			w.Text, here = s.emphasis(w)
		}
		var run strings.Builder // what of this word is in this strip
		put := func(glyph string, cells int) {
			if cells > 0 && now.cells+cells > s.cells {
				now.text += s.paint(here, run.String())
				run.Reset()
				done, now = append(done, now), strip{}
			}
			run.WriteString(glyph)
			now.cells += cells
			column += cells
		}
		for _, r := range visibleBut(strings.ToValidUTF8(w.Text, "�"), "\t") {
			if r != '\t' {
				put(string(r), s.measure.RuneWidth(r))
				continue
			}
			for range tabStop - column%tabStop {
				put(" ", 1)
			}
		}
		now.text += s.paint(here, run.String())
	}
	return append(done, now)
}

// emphasis is how a changed word stands out: by its style, or by marks where
// there are no colours.
func (p *page) emphasis(w diff.Word) (string, style) {
	switch {
	case p.color && w.Op == diff.Delete:
		return w.Text, redWord
	case p.color:
		return w.Text, greenWord
	case w.Op == diff.Delete:
		return "[-" + w.Text + "-]", plain
	}
	return "{+" + w.Text + "+}", plain
}

// row writes both texts beside each other, on as many lines as the longer takes.
// A number of 0 is none.
func (s *sheet) row(old, now int, sign string, st style, left, right []strip) {
	for i := range max(len(left), len(right)) {
		var l, r strip
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		line := s.number(old) + " " + l.text + strings.Repeat(" ", max(0, s.cells-l.cells)) + " " + s.paint(st, sign)
		if r.cells > 0 || now > 0 {
			line += " " + s.number(now) + " " + r.text
		}
		if r.cells == 0 {
			line = strings.TrimRight(line, " ")
		}
		s.WriteString(line + "\n")
		old, now, sign, st = 0, 0, " ", plain
	}
}

func (s *sheet) number(n int) string {
	if n == 0 {
		return strings.Repeat(" ", s.digits)
	}
	return s.paint(faint, fmt.Sprintf("%*d", s.digits, n))
}
