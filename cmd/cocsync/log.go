package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

type logFlags struct {
	query.Log
	limit       count
	patch, stat bool
	oneline     bool
}

func (a *app) logCommand() *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:   "log [DOC]",
		Short: "show what changed, newest first",
		Long: `Log shows the changes of all documents, or of one document, newest first: the kind,
the author, when COC says it was made, when cocsync first saw it, a summary, and the
changes in the job's structure. The kinds are:

  new, version      a new document or version
  rewritten         the content of an existing version was replaced
  metadata          name, description, risk level, modifier or project changed
  withdrawn         COC no longer lists a version
  deleted, restored

--since and --until take a date (the whole day, in the local time zone), an RFC 3339
time or an age. Versions are selected by the time at which COC says they were made, other
changes by the time at which cocsync saw them. With --seen, all are selected by the time
seen.

--path and --task search the differences in structure. With both, one difference must
match both. * matches any text, including dots and brackets. The pattern must match the
whole path or task:

  --path 'steps[restart]'           a step and everything in it
  --path 'steps[*].inputs.timeout'  one field of every step
  --path inputs.region              a parameter and everything in it
  --path 'steps["c d"]'             a name with special characters is quoted
  --task hwc:runbook:scripts        a task in any version
  --task 'hwc:runbook:scripts@1.*'  only these versions of the task

--task matches a step's task before and after the change. An added or removed step is
one difference; a document's first version has none. -o json shows the paths.

-S finds the versions that contain a text more or less often than the previous
version; ` + "`cocsync grep`" + ` shows which versions contain a line.

In a pipe or file, the patches of -p are exact, byte for byte.

` + pageHelp,
		Example: `  cocsync log restart-unhealthy-nodes -p
  cocsync log --since 7d --oneline --risk HIGH
  cocsync log --since 7d --kind rewritten,deleted
  cocsync log --since 2026-06-01 --until 2026-06-30 --by COC-li.wei
  cocsync log -S 'execute_user: root' -p
  cocsync log --task hwc:runbook:scripts --path 'steps[*].inputs.timeout'
  cocsync log -o json | jq '.[] | select(.by == null) | .id'`,
		Args:              rangeArgs(0, 1),
		ValidArgsFunction: a.completeFromArchive(documentWord),
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, args []string) error {
			return a.log(ctx, q, args, f)
		}),
	}
	s := cmd.Flags()
	s.StringVar(&f.Since, "since", "", "only changes since `WHEN`: 2026-06-01, 2026-06-01T08:00:00Z, 7d, 12h")
	s.StringVar(&f.Until, "until", "", "only changes up to and including `WHEN`")
	s.StringVar(&f.By, "by", "", "only versions by `USER`")
	s.StringVar(&f.Risk, "risk", "", "only documents whose current risk level is `LEVEL`")
	s.StringArrayVar(&f.Kinds, "kind", nil, "only these `KINDS`, separated by commas")
	s.StringVar(&f.Task, "task", "", "only changes of steps with this `TASK`; * matches any text")
	s.StringVar(&f.Path, "path", "", "only changes at this `PATH` of the structure; * matches any text")
	s.StringVarP(&f.Text, "text", "S", "", "only versions that added or removed this `STRING`")
	s.VarP(&f.limit, "number", "n", "maximum number of changes (0: all)")
	s.BoolVarP(&f.patch, "patch", "p", false, "show the line diff of each change")
	s.BoolVar(&f.stat, "stat", false, "show the numbers of added and removed lines")
	s.BoolVar(&f.oneline, "oneline", false, "show one line per change")
	s.BoolVar(&f.OldestFirst, "reverse", false, "oldest first; -n still selects the newest")
	s.BoolVar(&f.Seen, "seen", false, "apply --since and --until to the time at which cocsync saw the change")
	a.outputFlag(cmd)
	// Cannot fail: the flag exists and has no completion yet.
	_ = cmd.RegisterFlagCompletionFunc("kind", func(
		_ *cobra.Command, _ []string, typed string,
	) (list []cobra.Completion, _ cobra.ShellCompDirective) {
		before := typed[:strings.LastIndex(typed, ",")+1]
		for _, k := range query.Kinds() {
			if !slices.Contains(strings.Split(before, ","), k) {
				list = append(list, before+k)
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	})
	_ = cmd.RegisterFlagCompletionFunc("risk", cobra.FixedCompletions(query.RiskLevels(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) log(ctx context.Context, q *query.Archive, args []string, f logFlags) (err error) {
	f.Limit = int(f.limit)
	if len(args) > 0 {
		f.Document = args[0]
	}
	found := 0
	changes := query.Convert(q.Log(ctx, f.Log), func(c coc.Change) (coc.Change, error) {
		found++
		return c, nil
	})
	if a.json() {
		err = query.WriteRows(a.out, query.Convert(changes, func(c coc.Change) (query.Change, error) { return q.ChangeJSON(ctx, c, f.patch) }))
	} else {
		err = a.paged(func(p *page) error { return p.changes(ctx, q, changes, f) })
	}
	if found > 0 || err != nil {
		return err
	}
	a.info("no changes match")
	if f.Risk != "" && !slices.Contains(query.RiskLevels(), strings.ToUpper(f.Risk)) {
		a.advise("COC's risk levels are " + strings.Join(query.RiskLevels(), ", "))
	}
	if advice := f.Advice(); advice != "" {
		a.advise(advice)
	}
	return nil
}

// changes writes changes in the layout of git log.
func (p *page) changes(ctx context.Context, q *query.Archive, changes iter.Seq2[coc.Change, error], f logFlags) error {
	if f.oneline {
		return p.onelines(ctx, q, changes, f)
	}
	between := ""
	for c, err := range changes {
		if err != nil {
			return err
		}
		p.WriteString(between)
		between = "\n"
		if err := p.change(ctx, q, c, f); err != nil {
			return err
		}
	}
	return nil
}

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
		b, err := q.Basis(ctx, c)
		if err != nil {
			return err
		}
		if !b.OldCheckedAt.IsZero() {
			p.field("Last seen", p.time(b.OldCheckedAt)+" (the previous content)")
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

// kindStyle emphasizes kinds that are unexpected.
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
