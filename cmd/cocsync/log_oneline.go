package main

import (
	"context"
	"fmt"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/history"
)

// onelines writes changes as a table, each with its patch below it if patches are asked
// for.
func (p *page) onelines(ctx context.Context, h *history.History, changes []coc.Change, f logFlags) error {
	columns := []column{{head: "CHANGE", right: true}, {head: "MADE"}, {head: "KIND"}, {head: "NAME", flexible: true},
		{head: "VERSION"}, {head: "AUTHOR", flexible: true}}
	if f.stat {
		columns = append(columns, column{head: "LINES"})
	}
	columns = append(columns, column{head: "WHAT", flexible: true})
	rows := make([][]cell, len(changes))
	for i, c := range changes {
		rows[i] = oneline(p, c, f.stat)
	}
	wide := p.heads(columns, rows)
	for i, c := range changes {
		if i > 0 && f.patch {
			p.WriteByte('\n')
		}
		p.row(columns, wide, rows[i])
		if !f.patch {
			continue
		}
		if err := p.patch(ctx, h, c); err != nil {
			return err
		}
	}
	return nil
}

// oneline is the row of a change. One that compares no contents has no lines.
func oneline(p *page, c coc.Change, stat bool) []cell {
	row := []cell{{fmt.Sprint(c.ID), magenta}, {p.minute(c.At), plain}, {string(c.Kind), kindStyle(c.Kind)},
		{c.Name, plain}, {answer.Arrow(c.Previous, c.Version), plain}, {orUnknown(c.By), plain}}
	if stat {
		lines := ""
		if c.Version != "" {
			lines = fmt.Sprintf("+%d -%d", c.Added, c.Removed)
		}
		row = append(row, cell{lines, plain})
	}
	return append(row, cell{c.Summary, plain})
}
