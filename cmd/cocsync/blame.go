package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/history"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) blameCommand() *cobra.Command {
	var lines []string
	var output *choice
	cmd := &cobra.Command{
		Use:   "blame DOC[@REF]",
		Short: "show which version brought in each line",
		Long: `Blame shows each line of a version (the newest if none is named) with the version
that brought it in, who made that and when. A line that went and came back belongs to
the version that brought it back. COC doesn't say who made each version: an author
who is not known for certain is unknown.

-L leaves some lines, and may be given several times:

  -L 10,20        from line 10 to line 20; one of them may be left out
  -L 10,+5        five lines from line 10 on
  -L step:drain   those of the step drain; * stands for anything

` + referenceHelp + `

` + pageHelp,
		Example: `  cocsync blame restart-unhealthy-nodes
  cocsync blame restart-unhealthy-nodes@v3 -L step:drain
  cocsync blame restart-unhealthy-nodes -o json | jq -r '.[] | select(.by == null) | .line'`,
		Args:              rangeArgs(1, 1),
		ValidArgsFunction: a.completeVersion,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notEmpty(cmd, "lines"); err != nil {
				return err
			}
			return a.blame(cmd.Context(), args[0], lines, output.value == formatJSON)
		},
	}
	cmd.Flags().StringArrayVarP(&lines, "lines", "L", nil, "only these lines: `FROM,TO` or step:NAME")
	output = outputFlag(cmd)
	return cmd
}

func (a *app) blame(ctx context.Context, spec string, only []string, asJSON bool) error {
	h, err := a.reader(ctx)
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
	lines, content, note, err := h.Blame(ctx, v)
	if err != nil {
		return err
	}
	if lines, err = answer.ChosenLines(lines, content, only); err != nil {
		return err
	}
	a.aside(v.Note)
	a.aside(note)
	if v.Form == coc.FormToken {
		a.aside(answer.TokenNote)
	}
	if len(lines) == 0 {
		a.nothing(text.Visible(doc.Name+"@"+v.Label()) + " is empty")
	}
	if asJSON {
		return answer.Write(a.out, answer.NewBlame(lines))
	}
	return a.paged(func(p *page) error {
		p.blame(lines)
		return nil
	})
}

// blame writes lines behind the versions that brought them in.
func (p *page) blame(lines []history.Blamed) {
	var label, author, digits int
	for _, l := range lines {
		label = max(label, term.Width(text.Visible(l.Name())))
		author = max(author, term.Width(orUnknown(l.Author)))
		digits = len(strconv.Itoa(l.Line))
	}
	for _, l := range lines {
		fmt.Fprintf(p, "%s %s %s %s %s\n",
			p.Paint(term.Magenta, term.Pad(text.Visible(l.Name()), label)),
			term.Pad(orUnknown(l.Author), author), p.Paint(term.Faint, p.day(l.MadeAt, l.SeenAt)),
			p.Paint(term.Faint, fmt.Sprintf("%*d", digits, l.Line)),
			p.Content(strings.TrimSuffix(string(l.Text), "\n")))
	}
}

// day writes the day on which a version was made, or seen where that is not known.
func (p *page) day(made, seen time.Time) string {
	if made.IsZero() {
		made = seen
	}
	return made.In(p.local).Format(time.DateOnly)
}
