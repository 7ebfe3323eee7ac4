package main

import (
	"context"
	"fmt"
	"iter"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/term"
)

// onelines writes changes as a table, with the patch below each row if patches are
// requested.
func (p *page) onelines(ctx context.Context, q *query.Archive, changes iter.Seq2[coc.Change, error], f logFlags) error {
	columns := []term.Column{{Head: "CHANGE", Right: true}, {Head: "MADE"}, {Head: "KIND"}, {Head: "NAME", Flexible: true},
		{Head: "VERSION"}, {Head: "AUTHOR", Flexible: true}}
	if f.stat {
		columns = append(columns, term.Column{Head: "LINES"})
	}
	columns = append(columns, term.Column{Head: "WHAT", Flexible: true})
	var patch func(coc.Change) error
	if f.patch {
		patch = func(c coc.Change) error { return p.patch(ctx, q, c) }
	}
	return table(p, columns, changes, func(c coc.Change) []term.Span { return oneline(p, c, f.stat) }, patch)
}

// oneline returns the table row of a change. A change without contents has no line counts.
func oneline(p *page, c coc.Change, stat bool) []term.Span {
	row := []term.Span{{Text: c.Ref, Style: term.Magenta}, {Text: p.minute(c.At)}, {Text: string(c.Kind), Style: kindStyle(c.Kind)},
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
