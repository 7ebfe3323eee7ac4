package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

type grepFlags struct {
	fixed, ignoreCase, names, counts, newest bool
	at, step, path                           string
	output                                   *choice
}

func (a *app) grepCommand() *cobra.Command {
	var f grepFlags
	cmd := &cobra.Command{
		Use:   "grep PATTERN [DOC…]",
		Short: "find lines in all archived versions",
		Long: `Grep finds the lines that match a pattern, in every version of every document or of
those named. A line is told once, with the versions that it stood in:

  job:v3..v17, v20..:    timeout: 30

It came with v3, went with v18, came back with v20 and is still there.

PATTERN is a regular expression (RE2: https://github.com/google/re2/wiki/Syntax) and
is matched against each line by itself. With -F it is plain text.

--newest leaves the lines of each document's newest version, and --at those of the
version that was newest then: a date (the end of that day), an RFC 3339 instant or an
age such as 7d. Documents that COC no longer has, or had not then, are left out. The
versions are told in full all the same.

--step and --path leave the lines of a step, by its name, or of a part of the job, by
its path; * stands for anything:

  --step restart                    a step, and all within it
  --path 'steps[*].inputs.timeout'  one field of every step
  --path inputs                     the parameters

A pattern with three plain characters in a row is found by an index, others by
reading every distinct line.

` + pageHelp,
		Example: `  cocsync grep -F 'rm -rf'
  cocsync grep -i 'password: *[^$]' --newest
  cocsync grep 'hwc:runbook:scripts@1\.' -l
  cocsync grep . restart-unhealthy-nodes --step drain --at 2026-03-31
  cocsync grep AKSK -o json | jq -r '.[] | "\(.name) \(.runs[-1].last)"'`,
		Args:              rangeArgs(1, math.MaxInt),
		ValidArgsFunction: a.completeGrep,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notEmpty(cmd, "at", "step", "path"); err != nil {
				return err
			}
			return a.grep(cmd.Context(), args, f)
		},
	}
	s := cmd.Flags()
	s.BoolVarP(&f.fixed, "fixed-strings", "F", false, "PATTERN is plain text")
	s.BoolVarP(&f.ignoreCase, "ignore-case", "i", false, "capitals and small letters are equal")
	s.BoolVarP(&f.names, "files-with-matches", "l", false, "only the names of the documents")
	s.StringVar(&a.configFlag, "config", "", configUsage+"; -c before the command") // -c is grep's own
	s.BoolVarP(&f.counts, "count", "c", false, "only how many lines of each document match")
	s.BoolVar(&f.newest, "newest", false, "only lines of the newest versions")
	s.StringVar(&f.at, "at", "", "only lines of what was newest at `TIME`")
	s.StringVar(&f.step, "step", "", "only lines of the step `NAME`; a pattern")
	s.StringVar(&f.path, "path", "", "only lines of the part at `PATH`; a pattern")
	f.output = outputFlag(cmd)
	exclusive(cmd, []string{"count", "files-with-matches"}, []string{"at", "newest"})
	return cmd
}

func (a *app) grep(ctx context.Context, args []string, f grepFlags) error {
	g := query.Grep{Pattern: args[0], Fixed: f.fixed, IgnoreCase: f.ignoreCase, Names: f.names, Counts: f.counts, Newest: f.newest,
		At: f.at, Step: f.step, Path: f.path, Documents: args[1:]}
	re, err := g.Regexp()
	if err != nil {
		return err
	}
	q, err := a.archive(ctx)
	if err != nil {
		return err
	}
	found := false
	if f.output.value == formatJSON {
		list := []query.Match{}
		found, err = q.Grep(ctx, g, func(x query.Found) error {
			list = append(list, g.Matches(x)...)
			return nil
		})
		if err == nil {
			err = query.Write(a.out, list)
		}
	} else {
		err = a.paged(func(p *page) error {
			matcher := query.NewMatcher(ctx, re)
			found, err = q.Grep(ctx, g, func(x query.Found) error { return p.found(x, matcher, f) })
			return err
		})
	}
	if err != nil {
		return err
	}
	if !found {
		a.nothing("no lines match")
	}
	return nil
}

// found writes the lines of a document that match.
func (p *page) found(found query.Found, matcher *query.Matcher, f grepFlags) error {
	name := p.Paint(term.Magenta, text.Visible(found.Document.Name))
	switch {
	case f.names:
		fmt.Fprintln(p, name)
		return p.Flush()
	case f.counts:
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

// matched is a line with what matches in colour, as far as that is quickly found.
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

// writeRuns writes runs of versions: v3..v17, v20.. for up to the newest.
func writeRuns(runs []query.Run) string {
	var parts []string
	for _, r := range runs {
		switch {
		case r.Newest:
			parts = append(parts, r.First+"..")
		case r.First == r.Last:
			parts = append(parts, r.First)
		default:
			parts = append(parts, r.First+".."+r.Last)
		}
	}
	return strings.Join(parts, ", ")
}

// completeGrep offers documents behind the pattern.
func (a *app) completeGrep(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeDocuments(cmd, args, typed)
}
