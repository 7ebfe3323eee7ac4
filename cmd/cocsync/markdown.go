package main

import (
	"strings"

	"cocsync/internal/term"
	"cocsync/internal/text"
)

// code writes a text that came from outside as Markdown that shows it as it is and
// obeys nothing in it: as a code span, in which there are no links, not even bare ones,
// no HTML and no emphasis. A | would end a table's cell and a ` the span, so these two
// stand between spans, by their numbers.
func code(s string) string {
	s = text.Visible(s)
	if s == "" {
		return "(empty)"
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "|`")
		if i < 0 {
			i = len(s)
		}
		if part := s[:i]; part != "" {
			// Markdown takes one space away on both sides.
			if strings.HasPrefix(part, " ") && strings.HasSuffix(part, " ") && strings.Trim(part, " ") != "" {
				part = " " + part + " "
			}
			b.WriteString("`" + part + "`")
		}
		if i == len(s) {
			break
		}
		b.WriteString(map[byte]string{'|': "&#124;", '`': "&#96;"}[s[i]])
		s = s[i+1:]
	}
	return b.String()
}

// widestCell bounds the blanks that align a table.
const widestCell = 72

// grid writes a Markdown table whose columns are aligned, for those who read it in a
// terminal. The first row is its head.
func (p *page) grid(rows [][]string) {
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], min(widestCell, term.Width(cell)))
		}
	}
	for n, row := range rows {
		for i, cell := range row {
			p.WriteString("| " + term.Pad(cell, wide[i]) + " ")
		}
		p.WriteString("|\n")
		if n == 0 {
			for _, w := range wide {
				p.WriteString("|" + strings.Repeat("-", w+2))
			}
			p.WriteString("|\n")
		}
	}
}
