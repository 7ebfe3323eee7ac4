package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

type listFlags struct {
	account, name, since, at string
	state, sort, output      *choice
	reverse                  bool
}

func (a *app) listCommand() *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the documents in the archive",
		Long: `List shows every document that the archive knows, by name: its newest version,
how many versions are archived, when the newest was made, and how it stands:

  present   COC has it, and it is archived
  listed    COC lists it, and nothing of it is archived yet
  deleted   COC no longer has it; the archive keeps what it had

"unwatched" marks a document that no watch follows any more.

--at shows the documents as they stood then: at the end of a date, at an RFC 3339
instant, or an age ago such as 7d. Those that had no version by then are left out, and
what is not known of then is unknown. --since leaves those that changed from then on.`,
		Example: `  cocsync list
  cocsync list --name 'restart-*' --state present
  cocsync list --since 7d --sort made
  cocsync list --at 2026-03-31
  cocsync list -o json | jq -r '.[] | select(.risk_level == "HIGH") | .name'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := notEmpty(cmd, "account", "name", "since", "at"); err != nil {
				return err
			}
			return a.list(cmd.Context(), f)
		},
	}
	cmd.Flags().StringVar(&f.account, "account", "", "only documents of the account `NAME`")
	cmd.Flags().StringVar(&f.name, "name", "", "only documents whose name matches `GLOB` (*, ?, [a-z])")
	f.state = choose(cmd, "state", "", "", "only documents in this state", query.States()...)
	cmd.Flags().StringVar(&f.since, "since", "", "only documents that changed from `WHEN` on: 2026-06-01, 2026-06-01T08:00:00Z, 7d")
	cmd.Flags().StringVar(&f.at, "at", "", "as they stood at `TIME`")
	f.sort = choose(cmd, "sort", "", "name", "by name, or the newest made, the last checked or the most versions first", query.Sorts()...)
	cmd.Flags().BoolVar(&f.reverse, "reverse", false, "the other way round")
	f.output = outputFlag(cmd)
	return cmd
}

func (a *app) list(ctx context.Context, f listFlags) error {
	l := query.List{Account: f.account, Name: f.name, State: f.state.value, Since: f.since, At: f.at, Sort: f.sort.value, Reverse: f.reverse}
	if err := l.Check(); err != nil {
		return err
	}
	q, err := a.archive(ctx)
	if err != nil {
		return err
	}
	docs, count := counted(q.List(ctx, l))
	if f.output.value == formatJSON {
		err = query.WriteRows(a.out, docs)
	} else {
		err = a.paged(func(p *page) error { return p.documents(docs) })
	}
	switch {
	case err != nil:
	case len(count) == 0:
		a.nothing("no documents match")
	case f.output.value != formatJSON:
		a.nothing(count.String())
	}
	return err
}

// tally counts documents by state.
type tally map[coc.DocState]int

// counted returns documents that are counted as they are read.
func counted(docs iter.Seq2[query.Details, error]) (iter.Seq2[query.Details, error], tally) {
	count := tally{}
	return func(yield func(query.Details, error) bool) {
		for d, err := range docs {
			if err == nil {
				count[d.State]++
			}
			if !yield(d, err) {
				return
			}
		}
	}, count
}

// String is 12 documents: 10 present, 2 deleted.
func (c tally) String() string {
	var parts []string
	all := 0
	for _, state := range []coc.DocState{coc.Present, coc.Seen, coc.Deleted} {
		if n := c[state]; n > 0 {
			all += n
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return text.Plural(all, "document") + ": " + strings.Join(parts, ", ")
}

func (p *page) documents(docs iter.Seq2[query.Details, error]) error {
	columns := []term.Column{
		{Head: "NAME", Flexible: true}, {Head: "ID", Flexible: true}, {Head: "VERSION"}, {Head: "VERSIONS", Right: true},
		{Head: "MADE"}, {Head: "STATE"}, {Head: "LAST MODIFIED BY", Flexible: true},
	}
	return table(p, columns, docs, func(d query.Details) []term.Span {
		version := cmp.Or(string(d.Version), "none")
		return []term.Span{
			{Text: d.Name}, {Text: d.DocumentID, Style: term.Faint}, {Text: version, Style: term.Magenta}, {Text: fmt.Sprint(d.Versions)},
			{Text: p.minute(d.MadeAt.Time)}, state(d), {Text: modifier(d)},
		}
	}, nil)
}

// state is the state of a document.
func state(d query.Details) term.Span {
	c := term.Span{Text: string(d.State)}
	switch {
	case d.State == coc.Deleted:
		c.Style = term.Red
	case !d.Watched:
		c = term.Span{Text: c.Text + ", unwatched", Style: term.Magenta}
	}
	return c
}

// modifier names who modified a document last: its creator if no one did.
func modifier(d query.Details) string {
	switch {
	case coc.Said(d.Modifier) != "":
		return *d.Modifier
	case coc.Said(d.Creator) != "":
		return *d.Creator
	}
	return "unknown"
}
