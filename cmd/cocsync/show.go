package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/history"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) showCommand() *cobra.Command {
	var meta bool
	var at string
	var output *choice
	cmd := &cobra.Command{
		Use:   "show DOC[@REF]",
		Short: "write the content of a version, byte for byte",
		Long: `Show writes the content of a document's version (the newest if none is named) to
standard output, byte for byte. On a terminal control characters are shown as ^M
and the like instead of being obeyed.

With --meta it writes everything else that is known: the document's fields, and of
each version both times, its author, hash, uuid and the id of the request that
brought it; and for those whose content is not here, the reason.

` + referenceHelp + `

` + atHelp,
		Example: `  cocsync show restart-unhealthy-nodes > job.yaml
  cocsync show restart-unhealthy-nodes@v3 | sha256sum
  cocsync show restart-unhealthy-nodes@2026-06-01
  cocsync show restart-unhealthy-nodes --meta -o json`,
		Args:              rangeArgs(1, 1),
		ValidArgsFunction: a.completeVersion,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notEmpty(cmd, "at"); err != nil {
				return err
			}
			if meta && at != "" {
				return usage(hint.Wrap(errors.New("--meta tells of all times, and --at of one"), "leave one of them out; DOC@TIME with --meta tells of that version"))
			}
			if meta {
				return a.showMeta(cmd.Context(), args[0], output.value == "json")
			}
			if output.value == "json" {
				return usage(hint.Wrap(errors.New("a content is written as it is, not as JSON"), "add --meta for the rest as JSON"))
			}
			return a.show(cmd.Context(), args[0], at)
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "as of `TIME`")
	cmd.Flags().BoolVar(&meta, "meta", false, "write everything but the content")
	output = outputFlag(cmd)
	return cmd
}

func (a *app) show(ctx context.Context, spec, at string) error {
	h, err := a.readerAt(ctx, at)
	if err != nil {
		return err
	}
	doc, ref, err := h.Split(ctx, spec)
	if err != nil {
		return err
	}
	v, err := h.Version(ctx, doc, ref)
	if err != nil {
		return err
	}
	text, err := h.Content(ctx, v)
	if err != nil {
		return err
	}
	a.aside(v.Note)
	if v.Form == coc.FormToken {
		a.aside(answer.TokenNote)
	}
	return a.paged(func(p *page) error {
		_, err := p.WriteString(p.Content(string(text.Bytes)))
		return err
	})
}

// showMeta writes what is known of a document beside its contents: all versions
// of it, or the one that the reference names.
func (a *app) showMeta(ctx context.Context, spec string, asJSON bool) error {
	h, err := a.reader(ctx)
	if err != nil {
		return err
	}
	doc, ref, err := h.Split(ctx, spec)
	if err != nil {
		return err
	}
	list, err := answer.Revisions(ctx, h, doc, ref)
	if err != nil {
		return err
	}
	details, err := h.DB.Details(ctx, doc.Key)
	if err != nil {
		return err
	}
	if asJSON {
		return answer.Write(a.out, answer.NewMeta(details, list))
	}
	return a.paged(func(p *page) error {
		p.documentFields(details)
		for i := range list {
			p.versionFields(list[len(list)-1-i])
		}
		return nil
	})
}

func (p *page) documentFields(d db.Details) {
	m := d.Meta
	fmt.Fprintln(p, p.Paint(term.Bold, text.Visible(d.Name)))
	p.field("Document", text.Visible(d.Account+"/"+d.DocumentID))
	p.field("State", standing(d).Text)
	p.field("Newest", text.Visible(d.Version))
	p.field("Creator", text.Visible(coc.Said(m.Creator)))
	p.field("Modifier", text.Visible(coc.Said(m.Modifier)))
	p.field("Risk", text.Visible(coc.Said(m.RiskLevel)))
	p.field("Project", text.Visible(coc.Said(m.ProjectID)))
	p.field("About", text.Visible(coc.Said(m.Description)))
	p.field("Created", p.known(m.CreatedAt))
	p.field("Updated", p.known(m.UpdatedAt))
	p.field("First seen", p.time(d.FirstSeenAt))
	p.field("Checked", p.time(d.LastCheckedAt))
	p.field("Others", text.Visible(m.Extra))
}

func (p *page) versionFields(r db.Revision) {
	p.WriteByte('\n')
	fmt.Fprintln(p, p.Paint(term.Bold, "version "+text.Visible(r.Name())))
	if r.Number == 0 {
		p.field("Content", p.Paint(term.Red, "not here: "+text.Visible(history.Reason(r))))
	}
	if r.Number > 0 {
		p.field("Author", orUnknown(r.Author))
	}
	p.field("Made", p.time(r.MadeAt))
	p.field("Seen", p.time(r.SeenAt))
	if !r.PreviousCheckedAt.IsZero() {
		p.field("Stood", "the content before it was last seen to stand at "+p.time(r.PreviousCheckedAt))
	}
	p.field("Withdrawn", p.known(r.WithdrawnAt))
	if r.Number > 0 {
		p.field("SHA-256", r.Hash.String())
		p.field("Size", contentSize(r))
	}
	if r.Erased {
		p.field("Erased", p.time(r.ErasedAt)+": "+text.Visible(r.ErasedWhy))
	}
	p.field("UUID", text.Visible(r.UUID))
	p.field("Request", text.Visible(r.Evidence.RequestID))
	p.field("Answered", p.known(r.Evidence.Date))
}

// known writes an instant, and nothing for one that is not known.
func (p *page) known(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return p.time(t)
}

func contentSize(r db.Revision) string {
	text := fmt.Sprintf("%d bytes", r.Size)
	if r.Form == coc.FormToken {
		text += ", a raw JSON string: no Unicode text can hold it"
	}
	return text
}
