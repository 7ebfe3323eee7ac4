package main

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

type logFlags struct {
	since, until, by, task, path string
	text, risk                   string
	kinds                        []string
	limit                        count
	patch, stat, seen            bool
	oneline, reverse             bool
	output                       *choice
}

func (a *app) logCommand() *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:   "log [DOC]",
		Short: "show what changed, newest first",
		Long: `Log shows the changes of all documents, or of one, newest first: what kind, who
made it, when COC says it was made, when cocsync first saw it, the change in one
line, and what became of the job's structure. The kinds are:

  new, version      a document or a version that appeared
  rewritten         the content behind an existing version was replaced in place
  metadata          name, description, risk level, modifier or project
  withdrawn         a version that COC no longer lists
  deleted, restored

--since and --until take a date (the whole day, in the local zone), an RFC 3339
instant or an age. A version counts by when COC says that it was made, everything
else by when cocsync saw it; with --seen, versions do so too.

--path and --task search the differences of the structure. With both, one
difference must fit both. * stands for anything, dots and brackets too, and the
pattern must fit from end to end:

  --path 'steps[restart]'           a step, and all within it
  --path 'steps[*].inputs.timeout'  one field of every step
  --path inputs.region              a parameter, and all within it
  --path 'steps["c d"]'             a name that is no plain word is quoted
  --task hwc:runbook:scripts        a task, whatever its version
  --task 'hwc:runbook:scripts@1.*'  only such versions of it

A step's task counts before and after the change. A step that came or went is one
difference, and a document's first version has none. -o json shows the paths.

-S finds the versions in which a text stands more or less often than in the one
before; ` + "`cocsync grep`" + ` tells in which versions a line stood.

In a pipe or file the patches of -p are exact, byte for byte.

` + pageHelp,
		Example: `  cocsync log restart-unhealthy-nodes -p
  cocsync log --since 7d --oneline --risk HIGH
  cocsync log --since 7d --kind rewritten,deleted
  cocsync log --since 2026-06-01 --until 2026-06-30 --by COC-li.wei
  cocsync log -S 'execute_user: root' -p
  cocsync log --task hwc:runbook:scripts --path 'steps[*].inputs.timeout'
  cocsync log -o json | jq '.[] | select(.by == null) | .id'`,
		Args:              rangeArgs(0, 1),
		ValidArgsFunction: a.completeDocument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notEmpty(cmd, "by", "kind", "task", "path", "text", "risk"); err != nil {
				return err
			}
			return a.log(cmd.Context(), args, f)
		},
	}
	s := cmd.Flags()
	s.StringVar(&f.since, "since", "", "from `WHEN` on: 2026-06-01, 2026-06-01T08:00:00Z, 7d, 12h")
	s.StringVar(&f.until, "until", "", "up to `WHEN`, that day or instant included")
	s.StringVar(&f.by, "by", "", "only versions whose author is `USER`")
	s.StringVar(&f.risk, "risk", "", "only documents whose risk level is `LEVEL` now")
	s.StringArrayVar(&f.kinds, "kind", nil, "only these `KINDS`, with commas between")
	s.StringVar(&f.task, "task", "", "only where a step changed that has or had this `TASK`; a pattern")
	s.StringVar(&f.path, "path", "", "only where this `PATH` of the structure changed; a pattern")
	s.StringVarP(&f.text, "text", "S", "", "only versions that added or removed this `STRING`")
	s.VarP(&f.limit, "number", "n", "at most so many changes (0: all)")
	s.BoolVarP(&f.patch, "patch", "p", false, "with the line diff of each")
	s.BoolVar(&f.stat, "stat", false, "with the lines added and removed")
	s.BoolVar(&f.oneline, "oneline", false, "one line a change")
	s.BoolVar(&f.reverse, "reverse", false, "oldest first; -n takes the newest all the same")
	s.BoolVar(&f.seen, "seen", false, "--since and --until go by when cocsync saw the change")
	f.output = outputFlag(cmd)
	// The flag exists and has no completion yet: this cannot fail.
	_ = cmd.RegisterFlagCompletionFunc("kind", completeKinds)
	_ = cmd.RegisterFlagCompletionFunc("risk", cobra.FixedCompletions(query.RiskLevels(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) log(ctx context.Context, args []string, f logFlags) error {
	q, err := a.archive(ctx)
	if err != nil {
		return err
	}
	l := query.Log{Since: f.since, Until: f.until, Seen: f.seen, By: f.by, Risk: f.risk, Task: f.task, Path: f.path,
		Text: f.text, Kinds: f.kinds, Limit: int(f.limit), OldestFirst: f.reverse}
	if len(args) > 0 {
		l.Document = args[0]
	}
	found := 0
	changes := func(yield func(coc.Change, error) bool) {
		for c, err := range q.Log(ctx, l) {
			if err == nil {
				found++
			}
			if !yield(c, err) {
				return
			}
		}
	}
	if f.output.value == formatJSON {
		err = query.WriteRows(a.out, func(yield func(query.Change, error) bool) {
			for c, err := range changes {
				var out query.Change
				if err == nil {
					out, err = q.ChangeJSON(ctx, c, f.patch)
				}
				if !yield(out, err) {
					return
				}
			}
		})
	} else {
		err = a.paged(func(p *page) error { return p.changes(ctx, q, changes, f) })
	}
	if found == 0 && err == nil {
		a.noChanges(l)
	}
	return err
}

// noChanges says that no changes match, and how the query may be better.
func (a *app) noChanges(l query.Log) {
	a.nothing("no changes match")
	if l.Risk != "" && !slices.Contains(query.RiskLevels(), strings.ToUpper(l.Risk)) {
		a.advise("COC's risk levels are " + strings.Join(query.RiskLevels(), ", "))
	}
	if advice := l.Advice(); advice != "" {
		a.advise(advice)
	}
}

// changes writes changes as git log writes commits.
func (p *page) changes(ctx context.Context, q *query.Archive, changes iter.Seq2[coc.Change, error], f logFlags) error {
	if f.oneline {
		return p.onelines(ctx, q, changes, f)
	}
	first := true
	for c, err := range changes {
		if err != nil {
			return err
		}
		if !first {
			p.WriteByte('\n')
		}
		first = false
		if err := p.change(ctx, q, c, f); err != nil {
			return err
		}
	}
	return nil
}
