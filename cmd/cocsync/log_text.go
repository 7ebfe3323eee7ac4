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

// change writes a change as git log writes a commit.
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
	if p.time(c.SeenAt) != p.time(c.MadeAt) || beside(c.Backfill, c.Late) != "" {
		p.field("Seen", p.time(c.SeenAt)+beside(c.Backfill, c.Late))
	}
	if c.Kind == coc.KindRewritten {
		if err := p.stood(ctx, q, c); err != nil {
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

// kindStyle has what nobody expects stand out.
func kindStyle(k coc.Kind) term.Style {
	switch k {
	case coc.KindRewritten, coc.KindDeleted:
		return term.Alarm
	case coc.KindNew, coc.KindRestored:
		return term.Green
	}
	return term.Bold
}

// made says what else was made then than the change itself.
func made(kind coc.Kind) string {
	switch kind {
	case coc.KindRewritten:
		return " (the version; it was rewritten later)"
	case coc.KindWithdrawn:
		return " (the version)"
	}
	return ""
}

// beside says what is special about when a change was seen.
func beside(backfill, late bool) string {
	switch {
	case backfill:
		return " (it existed before the initial sync)"
	case late:
		return " (late: it was unavailable when its successor was archived)"
	}
	return ""
}

// paragraph writes an indented text with an empty line before it.
func (p *page) paragraph(text string) {
	if text != "" {
		p.WriteByte('\n')
		p.Prose(term.Hang, term.Plain, text)
	}
}

// stood says when the old content of a rewritten version was last seen.
func (p *page) stood(ctx context.Context, q *query.Archive, c coc.Change) error {
	b, err := q.Basis(ctx, c)
	if !b.OldCheckedAt.IsZero() {
		p.field("Stood", "the old content was last seen at "+p.time(b.OldCheckedAt))
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
