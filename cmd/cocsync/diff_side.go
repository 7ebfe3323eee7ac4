package main

import (
	"fmt"
	"strings"

	"github.com/clipperhouse/uax29/v2/graphemes"

	"cocsync/internal/answer"
	"cocsync/internal/diff"
	"cocsync/internal/text"
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
	measure ruler
}

// sideBySide writes both versions beside each other.
func (p *page) sideBySide(c *answer.Comparison, hunks []diff.Hunk) {
	s := newSheet(p, hunks)
	var old []strip
	if c.Was != nil {
		old = s.wrap(bold, whole(c.OldDoc().Name+"  "+c.Old))
	}
	s.row(0, 0, " ", plain, old, s.wrap(bold, whole(c.Doc.Name+"  "+c.New)))
	for _, h := range hunks {
		fmt.Fprintln(p, p.paint(magenta, hunkHead(h)))
		for _, r := range diff.Rows(h, c.Result().Items) {
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

// wrap lays a text out in strips as wide as a column. What a reader takes for one
// character is in one strip, unless it is wider than that.
func (s *sheet) wrap(st style, words []diff.Word) []strip {
	runs := s.runs(st, words)
	var full strings.Builder
	for _, r := range runs {
		full.WriteString(r.text)
	}
	take := func(n int) string { // that many bytes off the runs, painted
		var b strings.Builder
		for n > 0 {
			k := min(n, len(runs[0].text))
			b.WriteString(s.paint(runs[0].style, runs[0].text[:k]))
			if runs[0].text = runs[0].text[k:]; runs[0].text == "" {
				runs = runs[1:]
			}
			n -= k
		}
		return b.String()
	}
	var done []strip
	size, cells := 0, 0 // of the strip at hand
	put := func(glyph string, wide int) {
		if wide > 0 && cells+wide > s.cells {
			done = append(done, strip{take(size), cells})
			size, cells = 0, 0
		}
		size, cells = size+len(glyph), cells+wide
	}
	for g := graphemes.FromString(full.String()); g.Next(); {
		wide := s.measure.StringWidth(g.Value())
		if wide <= s.cells {
			put(g.Value(), wide)
			continue
		}
		for _, r := range g.Value() {
			put(string(r), s.measure.RuneWidth(r))
		}
	}
	return append(done, strip{take(size), cells})
}

// stretch is text in one style.
type stretch struct {
	text  string
	style style
}

// runs are the words as they are shown. Tabs become spaces, as many as they take
// where the text is not wrapped.
func (s *sheet) runs(st style, words []diff.Word) []stretch {
	runs := make([]stretch, len(words))
	column := 0
	for i, w := range words {
		runs[i].style = st
		if w.Op != diff.Same {
			w.Text, runs[i].style = s.emphasis(w)
		}
		var b strings.Builder
		for j, part := range strings.Split(text.VisibleExcept(w.Text, "\t"), "\t") {
			if j > 0 {
				spaces := tabStop - column%tabStop
				b.WriteString(strings.Repeat(" ", spaces))
				column += spaces
			}
			b.WriteString(part)
			column += s.measure.StringWidth(part)
		}
		runs[i].text = b.String()
	}
	return runs
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
