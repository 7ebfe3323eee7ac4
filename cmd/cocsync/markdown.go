package main

import (
	"iter"
	"strings"

	"cocsync/internal/term"
	"cocsync/internal/text"
)

// code returns a text from outside as a Markdown code span, in which links, bare URLs, HTML
// and emphasis have no effect. A | would end a table's cell and a ` the span, so these two
// are written between spans as numeric character references.
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
			// Markdown removes one space on each side.
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

// widestCell is the maximum width to which cells are padded.
const widestCell = 72

// grid writes rows as a Markdown table, row by row: the column widths are those of the first
// rows. It returns the number of rows; without rows it writes nothing.
func (p *page) grid(heads []string, rows iter.Seq2[[]string, error]) (n int, err error) {
	first := [][]string{heads}
	var wide []int
	write := func(row []string) {
		for i, cell := range row {
			p.WriteString("| " + term.Pad(cell, wide[i]) + " ")
		}
		p.WriteString("|\n")
	}
	flush := func() {
		wide = make([]int, len(heads))
		for _, row := range first {
			for i, cell := range row {
				wide[i] = max(wide[i], min(widestCell, term.Width(cell)))
			}
		}
		write(heads)
		for _, w := range wide {
			p.WriteString("|" + strings.Repeat("-", w+2))
		}
		p.WriteString("|\n")
		for _, row := range first[1:] {
			write(row)
		}
		first = nil
	}
	for row, failed := range rows {
		if err = failed; err != nil {
			break
		}
		n++
		if wide != nil {
			write(row)
		} else if first = append(first, row); len(first) > fitted {
			flush()
		}
	}
	if n > 0 && wide == nil {
		flush()
	}
	return n, err
}
