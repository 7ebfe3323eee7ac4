package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// unified writes a line diff. With colors, the words that changed within a line are
// emphasized; the text is the same. Only colors need the items of the comparison.
func (p *page) unified(patch []byte, hunks []diff.Hunk, items func() []coc.Item) {
	if !p.Color {
		p.WriteString(p.Content(string(patch)))
		return
	}
	if len(hunks) == 0 {
		return
	}
	next := func(s term.Style) {
		line, rest, _ := bytes.Cut(patch, []byte("\n"))
		patch = rest
		p.styled("", s, whole(string(line)))
	}
	next(term.Bold)
	next(term.Bold)
	for _, h := range hunks {
		next(term.Magenta)
		words := map[*diff.Line][]diff.Word{}
		for _, r := range diff.Rows(h, items()) {
			words[r.Old], words[r.New] = side(r.Old, r.Words, diff.Insert), side(r.New, r.Words, diff.Delete)
		}
		for i := range h.Lines {
			l := &h.Lines[i]
			_, patch, _ = bytes.Cut(patch, []byte("\n"))
			p.styled(string(l.Op), lineStyle(l.Op), words[l])
			if !ended(l) {
				next(term.Faint)
			}
		}
	}
}

// lineStyle returns the style of a line.
func lineStyle(op diff.Op) term.Style {
	switch op {
	case diff.Delete:
		return term.Red
	case diff.Insert:
		return term.Green
	}
	return term.Plain
}

// styled writes one line of a diff in a style, with its changed words emphasized.
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
	if r.Words == nil {
		line := func(l *diff.Line) {
			p.styled(string(l.Op), lineStyle(l.Op), whole(body(l)))
			p.ending(l, "file")
		}
		if r.Old != nil && r.Old.Op != diff.Same {
			line(r.Old)
		}
		if r.New != nil {
			line(r.New)
		}
		return
	}
	p.WriteString(p.Paint(term.Bold, "~"))
	for _, w := range r.Words {
		text := p.Content(w.Text)
		if w.Op != diff.Same {
			text = p.Paint(lineStyle(w.Op), brackets(w.Op, text))
		}
		p.WriteString(text)
	}
	p.WriteByte('\n')
	p.ending(r.Old, "old file")
	p.ending(r.New, "new file")
}

// brackets marks a changed word without colors.
func brackets(op diff.Op, word string) string {
	if op == diff.Delete {
		return "[-" + word + "-]"
	}
	return "{+" + word + "+}"
}

// ending notes that the last line has no newline.
func (p *page) ending(l *diff.Line, file string) {
	if !ended(l) {
		p.styled("", term.Faint, whole(noNewline+" "+file))
	}
}

// noNewline is the note that patches add to a line without a final "\n".
const noNewline = `\ No newline at end of`

// hunkHead formats the header line of a hunk.
func hunkHead(h diff.Hunk) string {
	return fmt.Sprintf("@@ -%d,%d +%d,%d @@", h.OldStart, h.OldLines, h.NewStart, h.NewLines)
}

// side returns the words of a line, without those that only the other side of its row has;
// nil for no line.
func side(l *diff.Line, words []diff.Word, other diff.Op) []diff.Word {
	switch {
	case l == nil:
		return nil
	case words == nil:
		return whole(body(l))
	}
	return slices.DeleteFunc(slices.Clone(words), func(w diff.Word) bool { return w.Op == other })
}

// whole returns a text without changed words.
func whole(text string) []diff.Word { return []diff.Word{{Op: diff.Same, Text: text}} }

// body returns a line without its "\n".
func body(l *diff.Line) string { return strings.TrimSuffix(string(l.Text), "\n") }

// ended reports whether a line ends with "\n".
func ended(l *diff.Line) bool { return bytes.HasSuffix(l.Text, []byte("\n")) }

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
	greatest, width := 0, p.Width
	for _, h := range hunks {
		greatest = max(greatest, h.OldStart+h.OldLines, h.NewStart+h.NewLines)
	}
	if width == 0 {
		width = pipeWidth
	}
	digits := len(fmt.Sprint(greatest))
	s := &sheet{p, digits, max(term.MinWidth, (width-2*digits-5)/2)}
	title := func(document, version string) []term.Strip {
		return s.Wrap(s.cells, term.Span{Text: document + "  " + version, Style: term.Bold})
	}
	var old []term.Strip
	if c.Was != nil {
		old = title(c.OldDocument().Name, c.Old)
	}
	s.row(half{0, old}, half{0, title(c.Document.Name, c.New)}, " ", term.Plain)
	for _, h := range hunks {
		fmt.Fprintln(p, p.Paint(term.Magenta, hunkHead(h)))
		for _, r := range diff.Rows(h, c.Result().Items) {
			s.diffRow(r)
		}
	}
}

func (s *sheet) diffRow(r diff.Row) {
	removed, added := term.Red, term.Green
	if r.Words != nil { // only the words are colored
		removed, added = term.Plain, term.Plain
	}
	old, now := s.cell(r.Old, removed, side(r.Old, r.Words, diff.Insert)), s.cell(r.New, added, side(r.New, r.Words, diff.Delete))
	switch {
	case r.Old == nil:
		s.row(half{0, old}, half{r.New.New, now}, "+", term.Green)
	case r.New == nil:
		s.row(half{r.Old.Old, old}, half{0, now}, "-", term.Red)
	case r.New.Op == diff.Same:
		same := s.cell(r.New, term.Plain, whole(body(r.New)))
		s.row(half{r.New.Old, same}, half{r.New.New, same}, " ", term.Plain)
	default:
		s.row(half{r.Old.Old, old}, half{r.New.New, now}, "~", term.Bold)
	}
}

// cell returns the words of a line on as many strips as they need; nil for no line.
func (s *sheet) cell(l *diff.Line, st term.Style, words []diff.Word) []term.Strip {
	if l == nil {
		return nil
	}
	strips := s.Wrap(s.cells, s.marked(st, words)...)
	if !ended(l) {
		strips = append(strips, s.Wrap(s.cells, term.Span{Text: noNewline + " file", Style: term.Faint})...)
	}
	return strips
}

// marked returns words in a style, with the changed ones emphasized: by their own style or,
// without colors, by brackets.
func (p *page) marked(s term.Style, words []diff.Word) []term.Span {
	spans := make([]term.Span, len(words))
	for i, w := range words {
		spans[i] = term.Span{Text: w.Text, Style: s}
		switch {
		case w.Op == diff.Same:
		case !p.Color:
			spans[i] = term.Span{Text: brackets(w.Op, w.Text)}
		case w.Op == diff.Delete:
			spans[i].Style = term.RedWord
		default:
			spans[i].Style = term.GreenWord
		}
	}
	return spans
}

// half is one side of a row. The line number 0 is not shown.
type half struct {
	number int
	text   []term.Strip
}

// strip returns strip i of the text, the zero Strip after its end.
func (h half) strip(i int) (s term.Strip) {
	if i < len(h.text) {
		s = h.text[i]
	}
	return s
}

// row writes both sides next to each other, on as many lines as the longer one needs.
func (s *sheet) row(old, now half, sign string, st term.Style) {
	for i := range max(len(old.text), len(now.text)) {
		l, r := old.strip(i), now.strip(i)
		pad := strings.Repeat(" ", max(0, s.cells-l.Width))
		line := s.number(old.number) + " " + l.Text + pad + " " + s.Paint(st, sign)
		if r.Width > 0 || now.number > 0 {
			line += " " + s.number(now.number) + " " + r.Text
		}
		if r.Width == 0 {
			line = strings.TrimRight(line, " ")
		}
		s.WriteString(line + "\n")
		old.number, now.number, sign, st = 0, 0, " ", term.Plain
	}
}

func (s *sheet) number(n int) string {
	if n == 0 {
		return strings.Repeat(" ", s.digits)
	}
	return s.Paint(term.Faint, fmt.Sprintf("%*d", s.digits, n))
}
