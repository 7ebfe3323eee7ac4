package main

import (
	"context"
	"errors"
	"fmt"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// change writes a change in the layout of git log.
func (p *page) change(ctx context.Context, q *query.Archive, c coc.Change, f logFlags) error {
	head := fmt.Sprintf("change %s  %s  %s", text.Visible(c.Ref), c.Kind, text.Visible(c.Name))
	if c.Version != "" {
		head += "  " + text.Visible(query.Arrow(c.Previous, c.Version))
	}
	fmt.Fprintln(p, p.Paint(kindStyle(c.Kind), head))
	p.field("Document", text.Visible(c.Account+"/"+c.DocumentID))
	p.field("Author", orUnknown(c.By))
	if !c.MadeAt.IsZero() {
		p.field("Made", p.time(c.MadeAt)+made(c.Kind))
	}
	if p.time(c.SeenAt) != p.time(c.MadeAt) || seenNote(c.Backfill, c.Late) != "" {
		p.field("Seen", p.time(c.SeenAt)+seenNote(c.Backfill, c.Late))
	}
	if c.Kind == coc.KindRewritten {
		if err := p.lastSeen(ctx, q, c); err != nil {
			return err
		}
	}
	p.paragraph(c.Summary)
	if f.stat && c.Version != "" {
		p.paragraph(fmt.Sprintf("+%d -%d", c.Added, c.Removed))
	}
	if len(c.Items) > 0 {
		p.WriteByte('\n')
		p.outline(diff.Outline(c.Items), "    ")
	}
	p.paragraph(c.Note())
	if f.patch {
		return p.patch(ctx, q, c)
	}
	return nil
}

// kindStyle emphasises kinds that are unexpected.
func kindStyle(k coc.Kind) term.Style {
	switch k {
	case coc.KindRewritten, coc.KindDeleted:
		return term.Alarm
	case coc.KindNew, coc.KindRestored:
		return term.Green
	}
	return term.Bold
}

// made says what the time of making refers to, if not to the change itself.
func made(kind coc.Kind) string {
	switch kind {
	case coc.KindRewritten:
		return " (the version; it was rewritten later)"
	case coc.KindWithdrawn:
		return " (the version)"
	}
	return ""
}

// seenNote says why a change was seen long after it was made.
func seenNote(backfill, late bool) string {
	switch {
	case backfill:
		return " (it existed before the initial sync)"
	case late:
		return " (late: it was unavailable when a newer version was archived)"
	}
	return ""
}

// paragraph writes an indented text after an empty line.
func (p *page) paragraph(text string) {
	if text != "" {
		p.WriteByte('\n')
		p.Prose(term.Hang, term.Plain, text)
	}
}

// lastSeen writes when the old content of a rewritten version was last seen.
func (p *page) lastSeen(ctx context.Context, q *query.Archive, c coc.Change) error {
	b, err := q.Basis(ctx, c)
	if !b.OldCheckedAt.IsZero() {
		p.field("Last seen", p.time(b.OldCheckedAt)+" (the old content)")
	}
	return err
}

func (p *page) patch(ctx context.Context, q *query.Archive, c coc.Change) error {
	old, now, err := q.Texts(ctx, c)
	if errors.Is(err, coc.ErrErased) {
		p.paragraph("the content was erased from the archive")
		return nil
	}
	o := diff.Options{Context: query.PatchContext}
	hunks := diff.Hunks(old, now, o)
	if err != nil || len(hunks) == 0 {
		return err
	}
	p.WriteByte('\n')
	p.unified(query.Patch(c.Name, c.DocumentID, old, now, o), hunks, func() []coc.Item { return c.Items })
	return nil
}
