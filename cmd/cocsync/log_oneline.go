package main

import (
	"fmt"

	"cocsync/internal/coc"
)

// onelines writes changes as a table.
func (p *page) onelines(changes []coc.Change, f logFlags) {
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
	p.table(columns, rows)
}
