package main

import (
	"strings"

	"cocsync/internal/text"
)

// A table's columns stand two spaces apart. On a terminal the flexible ones are
// cut to its width, the widest first, but to no less than minColumn.
const (
	gap       = 2
	minColumn = 8
)

type column struct {
	head     string
	flexible bool
	right    bool
}

type cell struct {
	text  string
	style style
}

// table writes rows under their heads, aligned.
func (p *page) table(columns []column, rows [][]cell) {
	wide := p.heads(columns, rows)
	for _, row := range rows {
		p.row(columns, wide, row)
	}
}

// heads writes the heads of rows that are to follow, makes the rows harmless, and
// returns how wide each column is.
func (p *page) heads(columns []column, rows [][]cell) []int {
	heads := make([]cell, len(columns))
	for i, c := range columns {
		heads[i] = cell{c.head, bold}
	}
	for _, row := range rows {
		for i := range row {
			row[i].text = text.Visible(row[i].text)
		}
	}
	wide := p.fit(columns, append([][]cell{heads}, rows...))
	p.row(columns, wide, heads)
	return wide
}

// fit returns how wide each column is to be.
func (p *page) fit(columns []column, rows [][]cell) []int {
	measure := widths()
	wide, total := make([]int, len(columns)), -gap
	for i := range columns {
		for _, row := range rows {
			wide[i] = max(wide[i], measure.StringWidth(row[i].text))
		}
		total += wide[i] + gap
	}
	for p.width > 0 && total > p.width {
		widest := -1
		for i, c := range columns {
			if c.flexible && wide[i] > minColumn && (widest < 0 || wide[i] > wide[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		wide[widest]--
		total--
	}
	return wide
}

func (p *page) row(columns []column, wide []int, row []cell) {
	measure := widths()
	var b strings.Builder
	for i, c := range row {
		text := c.text
		if columns[i].flexible && measure.StringWidth(text) > wide[i] {
			text = measure.Truncate(text, wide[i])
		}
		pad := strings.Repeat(" ", max(0, wide[i]-measure.StringWidth(text)))
		text = p.paint(c.style, text)
		switch {
		case columns[i].right:
			text = pad + text
		case i < len(row)-1:
			text += pad
		}
		if i > 0 {
			b.WriteString("  ")
		}
		b.WriteString(text)
	}
	p.WriteString(strings.TrimRight(b.String(), " ") + "\n")
}
