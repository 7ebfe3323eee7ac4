package main

import (
	"context"
	"fmt"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/term"
)

// onelines writes changes as a table, each with its patch below it if patches are asked
// for.
func (p *page) onelines(ctx context.Context, q *query.Archive, changes []coc.Change, f logFlags) error {
	columns := []term.Column{{Head: "CHANGE", Right: true}, {Head: "MADE"}, {Head: "KIND"}, {Head: "NAME", Flexible: true},
		{Head: "VERSION"}, {Head: "AUTHOR", Flexible: true}}
	if f.stat {
		columns = append(columns, term.Column{Head: "LINES"})
	}
	columns = append(columns, term.Column{Head: "WHAT", Flexible: true})
	rows := make([][]term.Span, len(changes))
	for i, c := range changes {
		rows[i] = oneline(p, c, f.stat)
	}
	wide := p.Heads(columns, rows)
	for i, c := range changes {
		if i > 0 && f.patch {
			p.WriteByte('\n')
		}
		p.Row(columns, wide, rows[i])
		if !f.patch {
			continue
		}
		if err := p.patch(ctx, q, c); err != nil {
			return err
		}
	}
	return nil
}

// oneline is the row of a change. One that compares no contents has no lines.
func oneline(p *page, c coc.Change, stat bool) []term.Span {
	row := []term.Span{{Text: fmt.Sprint(c.ID), Style: term.Magenta}, {Text: p.minute(c.At)}, {Text: string(c.Kind), Style: kindStyle(c.Kind)},
		{Text: c.Name}, {Text: query.Arrow(c.Previous, c.Version)}, {Text: orUnknown(c.By)}}
	if stat {
		lines := ""
		if c.Version != "" {
			lines = fmt.Sprintf("+%d -%d", c.Added, c.Removed)
		}
		row = append(row, term.Span{Text: lines})
	}
	return append(row, term.Span{Text: c.Summary})
}
