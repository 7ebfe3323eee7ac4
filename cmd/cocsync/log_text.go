package main

import (
	"context"
	"errors"
	"fmt"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/history"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// change writes a change as git log writes a commit.
func (p *page) change(ctx context.Context, h *history.History, c coc.Change, f logFlags) error {
	head := fmt.Sprintf("change %d  %s  %s", c.ID, c.Kind, text.Visible(c.Name))
	if c.Version != "" {
		head += "  " + text.Visible(answer.Arrow(c.Previous, c.Version))
	}
	fmt.Fprintln(p, p.Paint(kindStyle(c.Kind), head))
	p.field("Document", text.Visible(c.Account+"/"+c.DocumentID))
	p.field("Author", orUnknown(c.By))
	if !c.MadeAt.IsZero() {
		p.field("Made", p.time(c.MadeAt)+made(c))
	}
	if p.time(c.SeenAt) != p.time(c.MadeAt) || beside(c) != "" {
		p.field("Seen", p.time(c.SeenAt)+beside(c))
	}
	if c.Kind == coc.KindRewritten {
		if err := p.stood(ctx, h, c); err != nil {
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
		return p.patch(ctx, h, c)
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
func made(c coc.Change) string {
	switch c.Kind {
	case coc.KindRewritten:
		return " (the version; it was rewritten later)"
	case coc.KindWithdrawn:
		return " (the version)"
	}
	return ""
}

// beside says what is special about when a change was seen.
func beside(c coc.Change) string {
	switch {
	case c.Backfill:
		return " (it was there before cocsync first looked)"
	case c.Late:
		return " (late: it could not be had when its successor came)"
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

// stood says until when the bytes behind a rewritten version are known to have
// been the old ones.
func (p *page) stood(ctx context.Context, h *history.History, c coc.Change) error {
	list, err := h.DB.Revisions(ctx, c.Document)
	for _, r := range list {
		if r.Name() == c.Version && !r.PreviousCheckedAt.IsZero() {
			p.field("Stood", "the old content was last seen to stand at "+p.time(r.PreviousCheckedAt))
		}
	}
	return err
}

func (p *page) patch(ctx context.Context, h *history.History, c coc.Change) error {
	old, now, err := answer.Texts(ctx, h, c)
	if errors.Is(err, coc.ErrErased) {
		p.paragraph("the content was erased from the archive")
		return nil
	}
	o := diff.Options{Context: answer.PatchContext}
	hunks := diff.Hunks(old, now, o)
	if err != nil || len(hunks) == 0 {
		return err
	}
	p.WriteByte('\n')
	p.unified(answer.Patch(c.Name, c.DocumentID, old, now, o), hunks, func() []coc.Item { return c.Items })
	return nil
}
