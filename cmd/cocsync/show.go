package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) showCommand() *cobra.Command {
	var meta bool
	cmd := &cobra.Command{
		Use:   "show DOC[@REF]",
		Short: "write the content of a version",
		Long: `Show writes the content of a document's version (default: the newest) to standard
output, byte for byte. On a terminal, control characters are shown as ^M and the like.

With --meta it writes the other data: the document's fields, and for each version its
times, author, hash, UUID and the ID of the request that returned it. For versions without
a content it shows the reason.

` + referenceHelp + `

` + atHelp,
		Example: `  cocsync show restart-unhealthy-nodes > job.yaml
  cocsync show restart-unhealthy-nodes@v3 | sha256sum
  cocsync show restart-unhealthy-nodes@2026-06-01
  cocsync show restart-unhealthy-nodes --meta -o json`,
		Args:              rangeArgs(1, 1),
		ValidArgsFunction: a.completeFromArchive(versionWord),
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, args []string) error {
			if meta && a.at != "" {
				return usage(hint.Wrap(errors.New("--meta and --at cannot be used together"),
					"omit one of them; DOC@TIME with --meta shows the version at that time"))
			}
			if meta {
				return a.showMeta(ctx, q, args[0])
			}
			if a.json() {
				return usage(hint.Wrap(errors.New("a content cannot be written as JSON"), "add --meta for the other data as JSON"))
			}
			return a.show(ctx, q, args[0])
		}),
	}
	a.atFlag(cmd, "as of `TIME`")
	cmd.Flags().BoolVar(&meta, "meta", false, "write all data except the content")
	return a.outputFlag(cmd)
}

func (a *app) show(ctx context.Context, q *query.Archive, spec string) error {
	doc, ref, err := q.Split(ctx, spec)
	if err != nil {
		return err
	}
	v, err := q.Version(ctx, doc, ref)
	if err != nil {
		return err
	}
	text, err := q.Content(ctx, v)
	if err != nil {
		return err
	}
	for _, note := range v.Notes() {
		a.note(note)
	}
	return a.paged(func(p *page) error {
		_, err := p.WriteString(p.Content(string(text.Bytes)))
		return err
	})
}

// showMeta writes the data of a document without contents: all its versions, or the one that
// the reference names.
func (a *app) showMeta(ctx context.Context, q *query.Archive, spec string) error {
	doc, ref, err := q.Split(ctx, spec)
	if err != nil {
		return err
	}
	m, err := q.Meta(ctx, doc, ref)
	if err != nil {
		return err
	}
	return a.result(m, func(p *page) {
		p.documentFields(m)
		for _, r := range slices.Backward(m.History) {
			p.versionFields(r)
		}
	})
}

func (p *page) documentFields(m query.Meta) {
	fmt.Fprintln(p, p.Paint(term.Bold, text.Visible(m.Name)))
	p.field("Document", text.Visible(m.Account+"/"+m.DocumentID))
	p.field("State", state(m.Details).Text)
	p.field("Newest", text.Visible(string(m.Version)))
	p.field("Creator", text.Visible(coc.OrEmpty(m.Creator)))
	p.field("Modifier", text.Visible(coc.OrEmpty(m.Modifier)))
	p.field("Risk", text.Visible(coc.OrEmpty(m.RiskLevel)))
	p.field("Project", text.Visible(coc.OrEmpty(m.EnterpriseProjectID)))
	p.field("About", text.Visible(coc.OrEmpty(m.Description)))
	p.field("Created", p.timeOrEmpty(m.CreatedAt))
	p.field("Updated", p.timeOrEmpty(m.UpdatedAt))
	p.field("First seen", p.time(m.FirstSeenAt.Time))
	p.field("Checked", p.time(m.LastCheckedAt.Time))
	if others := string(m.Others); others != "null" {
		p.field("Others", text.Visible(others))
	}
}

func (p *page) versionFields(r query.Revision) {
	p.WriteByte('\n')
	fmt.Fprintln(p, p.Paint(term.Bold, "version "+text.Visible(r.Version)))
	if r.Archived {
		p.field("Author", orUnknown(string(r.By)))
	} else {
		p.field("Content", p.Paint(term.Red, "unavailable: "+text.Visible(r.Reason())))
	}
	p.field("Made", p.time(r.MadeAt.Time))
	p.field("Seen", p.time(r.SeenAt.Time))
	if !r.PreviousCheckedAt.IsZero() {
		p.field("Last seen", p.time(r.PreviousCheckedAt.Time)+" (the previous content)")
	}
	p.field("Withdrawn", p.timeOrEmpty(r.WithdrawnAt))
	if r.Archived {
		p.field("SHA-256", string(r.SHA256))
		size := fmt.Sprintf("%d bytes", *r.Size)
		if r.Erased {
			size = "up to " + size
		}
		if r.RawToken {
			size += ", a raw JSON string that is not valid Unicode"
		}
		p.field("Size", size)
	}
	if r.Erased {
		p.field("Erased", p.time(r.ErasedAt.Time)+" by "+text.Visible(string(r.ErasedBy))+": "+text.Visible(string(r.ErasedReason)))
	}
	p.field("UUID", text.Visible(string(r.UUID)))
	p.field("Request", text.Visible(string(r.RequestID)))
	p.field("Responded", p.timeOrEmpty(r.RespondedAt))
}

// timeOrEmpty formats a time; "" if it is unknown.
func (p *page) timeOrEmpty(t query.Time) string {
	if t.IsZero() {
		return ""
	}
	return p.time(t.Time)
}
