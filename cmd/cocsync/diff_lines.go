package main

import (
	"bytes"
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// unified writes a line diff. With colours, the words that changed within a line are
// emphasised; the text is the same. Only colours need the items of the comparison.
func (p *page) unified(text []byte, hunks []diff.Hunk, items func() []coc.Item) {
	if !p.Color {
		p.WriteString(p.Content(string(text)))
		return
	}
	if len(hunks) == 0 {
		return
	}
	next := func() string {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		return string(line)
	}
	p.styled("", term.Bold, whole(next()))
	p.styled("", term.Bold, whole(next()))
	for _, h := range hunks {
		p.styled("", term.Magenta, whole(next()))
		old, now := pairedWords(h, items())
		for _, l := range h.Lines {
			line, s, words := next()[1:], term.Plain, old[l.Old]
			switch l.Op {
			case diff.Delete:
				s = term.Red
			case diff.Insert:
				s, words = term.Green, now[l.New]
			}
			if l.Op == diff.Same || words == nil {
				words = whole(line)
			}
			p.styled(string(l.Op), s, words)
			if !ended(l) {
				p.styled("", term.Faint, whole(next()))
			}
		}
	}
}

// styled writes one line of a diff in a style, with its changed words emphasised.
func (p *page) styled(sign string, s term.Style, words []diff.Word) {
	run, in := sign, s // adjacent text in one style
	for _, span := range p.marked(s, words) {
		if span.Style != in {
			p.WriteString(p.Paint(in, run))
			run, in = "", span.Style
		}
		run += p.Content(span.Text)
	}
	p.WriteString(p.Paint(in, run) + "\n")
}

// words writes a unified diff in which a changed line is shown once, with its removed and
// added words.
func (p *page) words(c *query.Comparison, hunks []diff.Hunk) {
	old, now := c.PatchNames()
	p.styled("--- ", term.Bold, whole(text.Visible(old)))
	p.styled("+++ ", term.Bold, whole(text.Visible(now)))
	for _, h := range hunks {
		p.styled("", term.Magenta, whole(hunkHead(h)))
		for _, r := range diff.Rows(h, c.Result().Items) {
			p.wordRow(r)
		}
	}
}

func (p *page) wordRow(r diff.Row) {
	switch {
	case r.Old != nil && r.New != nil && r.New.Op == diff.Same:
		p.styled(" ", term.Plain, whole(body(r.New)))
		p.ending(r.New, "file")
	case r.Old != nil && r.New != nil && r.Words != nil:
		p.WriteString(p.Paint(term.Bold, "~"))
		for _, w := range r.Words {
			text := p.Content(w.Text)
			switch w.Op {
			case diff.Delete:
				text = p.Paint(term.Red, "[-"+text+"-]")
			case diff.Insert:
				text = p.Paint(term.Green, "{+"+text+"+}")
			}
			p.WriteString(text)
		}
		p.WriteByte('\n')
		p.ending(r.Old, "old file")
		p.ending(r.New, "new file")
	default:
		if r.Old != nil {
			p.styled("-", term.Red, whole(body(r.Old)))
			p.ending(r.Old, "file")
		}
		if r.New != nil {
			p.styled("+", term.Green, whole(body(r.New)))
			p.ending(r.New, "file")
		}
	}
}

// ending notes that the last line has no newline.
func (p *page) ending(l *diff.Line, file string) {
	if !ended(*l) {
		p.styled("", term.Faint, whole(noNewline+" "+file))
	}
}

// noNewline is the note that patches add to a line without a final "\n".
const noNewline = `\ No newline at end of`

// hunkHead formats the header line of a hunk.
func hunkHead(h diff.Hunk) string {
	return fmt.Sprintf("@@ -%d,%d +%d,%d @@", h.OldStart, h.OldLines, h.NewStart, h.NewLines)
}

// pairedWords returns the words of the changed lines of a hunk, by line number in the old
// and in the new version.
func pairedWords(h diff.Hunk, items []coc.Item) (old, now map[int][]diff.Word) {
	old, now = map[int][]diff.Word{}, map[int][]diff.Word{}
	for _, r := range diff.Rows(h, items) {
		if r.Words != nil && r.Old != nil && r.New != nil {
			old[r.Old.Old] = oneSide(r.Words, diff.Insert)
			now[r.New.New] = oneSide(r.Words, diff.Delete)
		}
	}
	return old, now
}

// oneSide returns the words without those of one operation: the old line is its words
// without the inserted ones.
func oneSide(words []diff.Word, but diff.Op) []diff.Word {
	list := []diff.Word{}
	for _, w := range words {
		if w.Op != but {
			list = append(list, w)
		}
	}
	return list
}

// whole returns a text without changed words.
func whole(text string) []diff.Word { return []diff.Word{{Op: diff.Same, Text: text}} }

// body returns a line without its "\n".
func body(l *diff.Line) string { return strings.TrimSuffix(string(l.Text), "\n") }

// ended reports whether a line ends with "\n".
func ended(l diff.Line) bool { return bytes.HasSuffix(l.Text, []byte("\n")) }

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
