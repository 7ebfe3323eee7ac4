package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) blameCommand() *cobra.Command {
	var lines []string
	cmd := &cobra.Command{
		Use:   "blame DOC[@REF]",
		Short: "show which version added each line",
		Long: `Blame shows each line of a version (default: the newest) with the version that added
it, and that version's author and time. A line that was removed and added again belongs to
the version that added it again. COC does not report the author of every version: if
the author is not certain, it is shown as unknown.

-L selects lines and may be repeated:

  -L 10,20        lines 10 to 20; one of the numbers may be omitted
  -L 10,+5        five lines, starting at line 10
  -L step:drain   the lines of the step drain; * matches any text

` + referenceHelp + `

` + pageHelp,
		Example: `  cocsync blame restart-unhealthy-nodes
  cocsync blame restart-unhealthy-nodes@v3 -L step:drain
  cocsync blame restart-unhealthy-nodes -o json | jq -r '.[] | select(.by == null) | .line'`,
		Args:              rangeArgs(1, 1),
		ValidArgsFunction: a.completeFromArchive(versionWord),
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, args []string) error {
			return a.blame(ctx, q, args[0], lines)
		}),
	}
	cmd.Flags().StringArrayVarP(&lines, "lines", "L", nil, "only lines `FROM,TO` or step:NAME")
	return a.outputFlag(cmd)
}

func (a *app) blame(ctx context.Context, q *query.Archive, spec string, only []string) error {
	doc, ref, err := q.Split(ctx, spec)
	if err != nil {
		return err
	}
	v, err := q.Version(ctx, doc, ref)
	if err != nil {
		return err
	}
	lines, note, err := q.Blame(ctx, v, only)
	if err != nil {
		return err
	}
	for _, n := range append(v.Notes(), note) {
		a.note(n)
	}
	if len(lines) == 0 {
		a.info(text.Visible(doc.Name+"@"+v.Version) + " is empty")
	}
	return a.result(lines, func(p *page) { p.blame(lines) })
}

// blame writes each line after the version that added it.
func (p *page) blame(lines []query.Blamed) {
	var label, author, digits int
	for _, l := range lines {
		label = max(label, term.Width(text.Visible(l.Version)))
		author = max(author, term.Width(orUnknown(string(l.By))))
		digits = len(strconv.Itoa(l.Line))
	}
	for _, l := range lines {
		fmt.Fprintf(p, "%s %s %s %s %s\n",
			p.Paint(term.Magenta, term.Pad(text.Visible(l.Version), label)),
			term.Pad(orUnknown(string(l.By)), author), p.Paint(term.Faint, p.day(l.MadeAt.Time, l.SeenAt.Time)),
			p.Paint(term.Faint, fmt.Sprintf("%*d", digits, l.Line)),
			p.Content(l.Text))
	}
}

// day formats the day on which a version was made or, if unknown, first seen.
func (p *page) day(made, seen time.Time) string {
	if made.IsZero() {
		made = seen
	}
	return made.In(p.local).Format(time.DateOnly)
}
