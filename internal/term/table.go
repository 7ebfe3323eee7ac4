package term

import (
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"cocsync/internal/text"
)

// A table's columns are two spaces apart. On a terminal the flexible ones are
// truncated, the widest first, but to no less than minColumn.
const (
	gap       = 2
	minColumn = 8
)

// Column is a column of a table.
type Column struct {
	Head     string
	Flexible bool
	Right    bool
}

// Table writes rows under their heads, aligned.
func (w *Writer) Table(columns []Column, rows [][]Span) {
	widths := w.Heads(columns, rows)
	for _, row := range rows {
		w.Row(columns, widths, row)
	}
}

// Heads writes the heads of rows that Row will write, and returns the width of each column,
// fitted to these rows.
func (w *Writer) Heads(columns []Column, rows [][]Span) []int {
	heads := make([]Span, len(columns))
	for i, c := range columns {
		heads[i] = Span{c.Head, Bold}
	}
	widths := w.fit(columns, append([][]Span{heads}, rows...))
	w.Row(columns, widths, heads)
	return widths
}

// fit returns the width of each column.
func (w *Writer) fit(columns []Column, rows [][]Span) []int {
	widths, total := make([]int, len(columns)), -gap
	for i := range columns {
		for _, row := range rows {
			widths[i] = max(widths[i], Width(text.Visible(row[i].Text)))
		}
		total += widths[i] + gap
	}
	for w.Width > 0 && total > w.Width {
		widest := -1
		for i, c := range columns {
			if c.Flexible && widths[i] > minColumn && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

// Row writes a row of a table whose heads are written.
func (w *Writer) Row(columns []Column, widths []int, row []Span) {
	var b strings.Builder
	for i, c := range row {
		s := text.Visible(c.Text)
		if columns[i].Flexible && w.Width > 0 {
			s = truncate(s, widths[i])
		}
		pad := spaces(widths[i] - Width(s))
		s = w.Paint(c.Style, s)
		switch {
		case columns[i].Right:
			s = pad + s
		case i < len(row)-1:
			s += pad
		}
		if i > 0 {
			b.WriteString("  ")
		}
		b.WriteString(s)
	}
	w.WriteString(strings.TrimRight(b.String(), " ") + "\n")
}

// allWidths has the width of every character in any environment, so that a table is the same
// everywhere. Its first use builds a 2 MB table, so Width avoids it for Latin text.
func allWidths() *runewidth.Condition { return &runewidth.Condition{StrictEmojiNeutral: true} }

// measured reports whether a character may take another number of columns than one, alone or
// next to others: it is not Latin, a dash or quotation mark, an arrow or the minus.
func measured(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xad || r >= 0x300 && r != '−' &&
		(r < 0x2010 || r > 0x2027) && (r < 0x2190 || r > 0x21ff)
}

// Width returns how many columns a text takes.
func Width(s string) int {
	if strings.ContainsFunc(s, measured) {
		return allWidths().StringWidth(s)
	}
	return utf8.RuneCountInString(s)
}

// truncate returns as much of a text as fits in a number of columns, the last one "…"
// if that is not all.
func truncate(s string, columns int) string {
	switch {
	case strings.ContainsFunc(s, measured):
		return allWidths().Truncate(s, columns, "…")
	case Width(s) <= columns:
		return s
	}
	return string([]rune(s)[:max(0, columns-1)]) + "…"
}

// Pad adds spaces to a text that is narrower than a number of columns.
func Pad(s string, columns int) string {
	return s + spaces(columns-Width(s))
}

// spaces returns n spaces, none if n is negative.
func spaces(n int) string { return strings.Repeat(" ", max(0, n)) }
