package main

import (
	"context"
	"fmt"

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
		rows[i] = []cell{{fmt.Sprint(c.ID), magenta}, {p.minute(c.At), plain}, {string(c.Kind), kindStyle(c.Kind)},
			{c.Name, plain}, {arrow(c.Previous, c.Version), plain}, {orUnknown(c.By), plain}}
		if f.stat {
			rows[i] = append(rows[i], cell{fmt.Sprintf("+%d -%d", c.Added, c.Removed), plain})
		}
		rows[i] = append(rows[i], cell{c.Summary, plain})
	}
	if !f.patch {
		p.table(columns, rows)
		return nil
	}
	for i, c := range changes {
		p.table(columns, rows[i:i+1])
		if err := p.patch(ctx, h, c); err != nil {
			return err
		}
		p.WriteByte('\n')
	}
	return nil
}
