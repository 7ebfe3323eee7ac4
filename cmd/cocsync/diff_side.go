package main

import (
	"fmt"
	"strings"

	"cocsync/internal/diff"
	"cocsync/internal/query"
	"cocsync/internal/term"
)

// Without a terminal, a diff in two columns is as wide as that of GNU diff -y.
const pipeWidth = 130

// sheet writes a diff in two columns. Each has a line number and a text; a sign separates
// them.
type sheet struct {
	*page
	digits int // of the largest line number
	cells  int // of one text
}

// sideBySide writes both versions next to each other.
func (p *page) sideBySide(c *query.Comparison, hunks []diff.Hunk) {
	s := newSheet(p, hunks)
	var old []term.Strip
	if c.Was != nil {
		old = s.Wrap(s.cells, term.Span{Text: c.OldDocument().Name + "  " + c.Old, Style: term.Bold})
	}
	s.row(0, 0, " ", term.Plain, old,
		s.Wrap(s.cells, term.Span{Text: c.Document.Name + "  " + c.New, Style: term.Bold}))
	for _, h := range hunks {
		fmt.Fprintln(p, p.Paint(term.Magenta, hunkHead(h)))
		for _, r := range diff.Rows(h, c.Result().Items) {
			s.diffRow(r)
		}
	}
}

func newSheet(p *page, hunks []diff.Hunk) *sheet {
	width := p.Width
	if width == 0 {
		width = pipeWidth
	}
	greatest := 0
	for _, h := range hunks {
		greatest = max(greatest, h.OldStart+h.OldLines, h.NewStart+h.NewLines)
	}
	digits := len(fmt.Sprint(greatest))
	return &sheet{p, digits, max(term.MinWidth, (width-2*digits-5)/2)}
}

func (s *sheet) diffRow(r diff.Row) {
	switch {
	case r.Old == nil:
		s.row(0, r.New.New, "+", term.Green, nil, s.cell(r.New, term.Green, nil))
	case r.New == nil:
		s.row(r.Old.Old, 0, "-", term.Red, s.cell(r.Old, term.Red, nil), nil)
	case r.New.Op == diff.Same:
		same := s.cell(r.New, term.Plain, nil)
		s.row(r.New.Old, r.New.New, " ", term.Plain, same, same)
	case r.Words == nil:
		s.row(r.Old.Old, r.New.New, "~", term.Bold, s.cell(r.Old, term.Red, nil),
			s.cell(r.New, term.Green, nil))
	default:
		s.row(r.Old.Old, r.New.New, "~", term.Bold,
			s.cell(r.Old, term.Plain, oneSide(r.Words, diff.Insert)), s.cell(r.New, term.Plain, oneSide(r.Words, diff.Delete)))
	}
}

// cell returns a line as spans; if words is nil, nothing in it is marked.
func (s *sheet) cell(l *diff.Line, st term.Style, words []diff.Word) []term.Strip {
	if words == nil {
		words = whole(body(l))
	}
	strips := s.Wrap(s.cells, s.marked(st, words)...)
	if !ended(*l) {
		strips = append(strips, s.Wrap(s.cells, term.Span{Text: noNewline + " file", Style: term.Faint})...)
	}
	return strips
}

// marked returns words in a style, with the changed ones emphasised.
func (p *page) marked(s term.Style, words []diff.Word) []term.Span {
	spans := make([]term.Span, len(words))
	for i, w := range words {
		spans[i] = term.Span{Text: w.Text, Style: s}
		if w.Op != diff.Same {
			spans[i] = p.emphasis(w)
		}
	}
	return spans
}

// emphasis marks a changed word by its style or, without colours, by brackets.
func (p *page) emphasis(w diff.Word) term.Span {
	switch {
	case p.Color && w.Op == diff.Delete:
		return term.Span{Text: w.Text, Style: term.RedWord}
	case p.Color:
		return term.Span{Text: w.Text, Style: term.GreenWord}
	case w.Op == diff.Delete:
		return term.Span{Text: "[-" + w.Text + "-]"}
	}
	return term.Span{Text: "{+" + w.Text + "+}"}
}

// row writes both texts next to each other, on as many lines as the longer one needs. The
// number 0 is not shown.
func (s *sheet) row(old, now int, sign string, st term.Style, left, right []term.Strip) {
	for i := range max(len(left), len(right)) {
		var l, r term.Strip
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		line := s.number(old) + " " + l.Text + strings.Repeat(" ", max(0, s.cells-l.Width)) + " " + s.Paint(st, sign)
		if r.Width > 0 || now > 0 {
			line += " " + s.number(now) + " " + r.Text
		}
		if r.Width == 0 {
			line = strings.TrimRight(line, " ")
		}
		s.WriteString(line + "\n")
		old, now, sign, st = 0, 0, " ", term.Plain
	}
}

func (s *sheet) number(n int) string {
	if n == 0 {
		return strings.Repeat(" ", s.digits)
	}
	return s.Paint(term.Faint, fmt.Sprintf("%*d", s.digits, n))
}
