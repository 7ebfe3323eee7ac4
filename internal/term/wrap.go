package term

import (
	"math"
	"strings"

	"github.com/clipperhouse/uax29/v2/graphemes"

	"cocsync/internal/text"
)

// MinWidth is the minimum number of columns of wrapped text, however narrow the
// terminal.
const MinWidth = 8

const tabStop = 8

// Strip is a part of a text that fits into a column.
type Strip struct {
	Text  string // painted
	Width int
	size  int // bytes of it before it was painted
}

// Wrap splits a text into strips of at most a number of columns, which is at least MinWidth.
// Hidden characters become visible, and tabs spaces. A character that a reader sees as one is
// in one strip, in the style of its start.
func (w *Writer) Wrap(columns int, spans ...Span) (strips []Strip) {
	full, ends := expand(spans)
	var strip Strip
	var painted, run strings.Builder // of the strip, and its end in one style
	in := 0                          // the span of the run
	paint := func() {
		painted.WriteString(w.Paint(spans[in].Style, run.String()))
		run.Reset()
	}
	for g := graphemes.FromString(full); g.Next(); {
		glyph, wide := g.Value(), Width(g.Value())
		if wide > 0 && strip.Width+wide > columns {
			paint()
			strip.Text = painted.String()
			strips, strip = append(strips, strip), Strip{}
			painted.Reset()
		}
		if g.Start() >= ends[in] {
			paint()
			for g.Start() >= ends[in] {
				in++
			}
		}
		run.WriteString(glyph)
		strip.Width, strip.size = strip.Width+wide, strip.size+len(glyph)
	}
	if len(spans) > 0 {
		paint()
	}
	strip.Text = painted.String()
	return append(strips, strip)
}

// expand makes hidden characters visible and tabs spaces, as many as they take in
// unwrapped text. It returns the text of all spans, and where each ends in it.
func expand(spans []Span) (full string, ends []int) {
	var b strings.Builder
	column := 0
	for _, s := range spans {
		for j, part := range strings.Split(text.VisibleExcept(s.Text, "\t"), "\t") {
			if j > 0 {
				n := tabStop - column%tabStop
				b.WriteString(spaces(n))
				column += n
			}
			b.WriteString(part)
			column += Width(part)
		}
		ends = append(ends, b.Len())
	}
	return b.String(), ends
}

// Space returns how many columns are to the right of an indent.
func (w *Writer) Space(indent int) int {
	if w.Width == 0 {
		return math.MaxInt
	}
	return max(MinWidth, w.Width-indent)
}

// Hang is the indent of all lines of a text but the first.
const Hang = "    "

// Prose writes a text of words, on as many lines as it needs on a terminal. The indent
// is no longer than Hang.
func (w *Writer) Prose(indent string, s Style, words string) {
	w.flow(indent, Hang, 0, Span{strings.TrimRight(words, " "), s})
}

// fold splits a text after what fits on a line after an indent, at a space if
// possible.
func (w *Writer) fold(s string, indent int) (line, rest string) {
	fits := w.Wrap(w.Space(indent), Span{Text: s})[0].size
	if fits == len(s) {
		return s, ""
	}
	if s[fits] == ' ' {
		return s[:fits], strings.TrimLeft(s[fits:], " ")
	}
	if space := strings.LastIndexByte(s[:fits], ' '); strings.TrimSpace(s[:max(space, 0)]) != "" {
		return s[:space], s[space+1:]
	}
	return s[:fits], s[fits:]
}

// Flow writes texts two spaces apart on lines of a number of columns. A text that does
// not fit on the line goes to the next, and to as many as it needs on a terminal.
func (w *Writer) Flow(indent string, columns int, parts ...Span) {
	w.flow(indent, indent+Hang, columns, parts...)
}

// flow is Flow with an indent of the first line and one of the others.
func (w *Writer) flow(indent, hang string, columns int, parts ...Span) {
	at := len(indent)
	w.WriteString(indent)
	for i, p := range parts {
		s := text.Visible(p.Text)
		if s == "" {
			continue
		}
		wide := Width(s)
		switch {
		case i > 0 && at+gap+wide > columns:
			w.WriteString("\n" + hang)
			at = len(hang)
		case i > 0:
			w.WriteString("  ")
			at += gap
		}
		if w.Width == 0 || at+wide <= w.Width {
			w.WriteString(w.Paint(p.Style, s))
			at += wide
			continue
		}
		line, rest := w.fold(s, len(hang))
		for rest != "" {
			w.WriteString(w.Paint(p.Style, line) + "\n" + hang)
			line, rest = w.fold(rest, len(hang))
		}
		w.WriteString(w.Paint(p.Style, line))
		at = len(hang) + Width(line)
	}
	w.WriteByte('\n')
}
