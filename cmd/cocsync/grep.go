package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) grepCommand() *cobra.Command {
	var g query.Grep
	cmd := &cobra.Command{
		Use:   "grep PATTERN [DOC…]",
		Short: "search the lines of all archived versions",
		Long: `Grep finds the lines that match a pattern, in every version of all documents or of
those given. Each line is shown once, with the versions that contain it:

  job:v3..v17, v20..:    timeout: 30

This line was added in v3, removed in v18, added again in v20, and is in the newest
version.

PATTERN is a regular expression (RE2: https://github.com/google/re2/wiki/Syntax) that is
matched against each line separately. With -F it is plain text.

--newest searches only each document's newest version, and --at the version that was
newest at that time: a date (the end of that day), an RFC 3339 time or an age such as
7d. Documents that did not exist in COC at that time are left out. The output still lists
all versions that contain the line.

--step and --path search only the lines of a step, given by its name, or of a part of
the job, given by its path; * matches any text:

  --step restart                    a step and everything in it
  --path 'steps[*].inputs.timeout'  one field of every step
  --path inputs                     the parameters

A pattern with three consecutive literal characters uses an index; other patterns read
every distinct line.

` + pageHelp,
		Example: `  cocsync grep -F 'rm -rf'
  cocsync grep -i 'password: *[^$]' --newest
  cocsync grep 'hwc:runbook:scripts@1\.' -l
  cocsync grep . restart-unhealthy-nodes --step drain --at 2026-03-31
  cocsync grep AKSK -o json | jq -r '.[] | "\(.name) \(.runs[-1].last)"'`,
		Args:              rangeArgs(1, math.MaxInt),
		ValidArgsFunction: a.completeFromArchive(grepWords),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.grep(cmd.Context(), args, g) },
	}
	s := cmd.Flags()
	s.BoolVarP(&g.Fixed, "fixed-strings", "F", false, "PATTERN is plain text")
	s.BoolVarP(&g.IgnoreCase, "ignore-case", "i", false, "ignore case")
	s.BoolVarP(&g.Names, "files-with-matches", "l", false, "only the names of the documents")
	s.StringVar(&a.configFlag, "config", "", configUsage+"; -c before the command") // -c is grep's own
	s.BoolVarP(&g.Counts, "count", "c", false, "only the number of matching lines of each document")
	s.BoolVar(&g.Newest, "newest", false, "search only the newest versions")
	s.StringVar(&g.At, "at", "", "search only the versions that were newest at `TIME`")
	s.StringVar(&g.Step, "step", "", "only lines of the step `NAME`; * matches any text")
	s.StringVar(&g.Path, "path", "", "only lines of the part at `PATH`; * matches any text")
	a.outputFlag(cmd)
	excludeFlags(cmd, []string{"count", "files-with-matches"}, []string{"at", "newest"})
	return cmd
}

// grepWords completes the documents after the pattern.
func grepWords(ctx context.Context, q *query.Archive, args []string, typed string) []cobra.Completion {
	if len(args) == 0 {
		return nil
	}
	return documentWords(ctx, q, args, typed)
}

func (a *app) grep(ctx context.Context, args []string, g query.Grep) error {
	g.Pattern, g.Documents = args[0], args[1:]
	re, err := g.Regexp()
	if err != nil {
		return err
	}
	q, err := a.archive(ctx)
	if err != nil {
		return err
	}
	found := false
	if a.json() {
		err = query.WriteRows(a.out, func(yield func(query.Match, error) bool) {
			stopped := errors.New("the output failed")
			ok, failed := q.Grep(ctx, g, func(x query.Found) error {
				for _, m := range g.Matches(x) {
					if !yield(m, nil) {
						return stopped
					}
				}
				return nil
			})
			found = ok
			if failed != nil && !errors.Is(failed, stopped) {
				yield(query.Match{}, failed)
			}
		})
	} else {
		err = a.paged(func(p *page) error {
			matcher := query.NewMatcher(ctx, re)
			ok, failed := q.Grep(ctx, g, func(x query.Found) error { return p.found(x, matcher, g) })
			found = ok
			return failed
		})
	}
	if err != nil {
		return err
	}
	if !found {
		a.info("no lines match")
	}
	return nil
}

// found writes the matching lines of a document.
func (p *page) found(found query.Found, matcher *query.Matcher, g query.Grep) error {
	name := p.Paint(term.Magenta, text.Visible(found.Document.Name))
	switch {
	case g.Names:
		fmt.Fprintln(p, name)
		return p.Flush()
	case g.Counts:
		fmt.Fprintf(p, "%s:%d\n", name, len(found.Lines))
		return p.Flush()
	}
	for _, m := range found.Lines {
		line, err := p.matched(m.Text, matcher)
		if err != nil {
			return err
		}
		fmt.Fprintf(p, "%s:%s:%s\n", name, p.Paint(term.Green, text.Visible(writeRuns(m.Runs))), line)
	}
	return p.Flush()
}

// matched returns a line with its matches in color, as far as they are found quickly.
func (p *page) matched(line string, matcher *query.Matcher) (string, error) {
	if !p.Color {
		return p.Content(line), nil
	}
	var b strings.Builder
	at := 0
	matches, err := matcher.FindAll([]byte(line), -1)
	for _, m := range matches {
		b.WriteString(p.Content(line[at:m[0]]) + p.Paint(term.Alarm, p.Content(line[m[0]:m[1]])))
		at = m[1]
	}
	return b.String() + p.Content(line[at:]), err
}

// writeRuns formats runs of versions: v3..v17, and v20.. for a run up to the newest.
func writeRuns(runs []query.Run) string {
	parts := make([]string, len(runs))
	for i, r := range runs {
		parts[i] = r.First
		switch {
		case r.Newest:
			parts[i] += ".."
		case r.First != r.Last:
			parts[i] += ".." + r.Last
		}
	}
	return strings.Join(parts, ", ")
}
