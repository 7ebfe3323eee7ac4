package main

import (
	"fmt"

	"cocsync/internal/coc"
)

// diffJSON is a comparison in -o json.
type diffJSON struct {
	DocumentID string     `json:"document_id"`
	Name       string     `json:"name"`
	Old        *string    `json:"old"`
	New        string     `json:"new"`
	Added      int        `json:"added"`
	Removed    int        `json:"removed"`
	Summary    string     `json:"summary"`
	Note       *string    `json:"note"`
	Items      []itemJSON `json:"items"`
	Unified    string     `json:"unified"`
}

func (c *comparison) json(context int) diffJSON {
	return diffJSON{
		DocumentID: c.doc.DocumentID, Name: c.doc.Name, Old: orNull(c.old), New: c.new,
		Added: c.Added, Removed: c.Removed, Summary: c.Summary, Note: orNull(c.Note),
		Items: newItemsJSON(c.items()), Unified: string(c.unified(context)),
	}
}

func (c *comparison) items() []coc.Item {
	items := make([]coc.Item, len(c.Items))
	for i, it := range c.Items {
		items[i] = coc.Item{Op: it.Op, Path: it.Path, Step: it.Step, Task: it.Task, Old: it.Old, New: it.New}
	}
	return items
}

// outline writes what became of the job's structure.
func (p *page) outline(c *comparison) {
	fmt.Fprintln(p, p.paint(bold, visible(c.title())))
	fmt.Fprintln(p, visible(c.Summary))
	if len(c.Items) > 0 {
		p.WriteByte('\n')
		p.items(c.items(), "  ")
	}
	if c.Note != "" {
		fmt.Fprintf(p, "\n%s\n", p.paint(faint, visible(c.Note)))
	}
}
