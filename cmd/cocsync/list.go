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

func (a *app) listCommand() *cobra.Command {
	var l query.List
	var state, sort *choice
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the documents in the archive",
		Long: `List shows all documents in the archive, sorted by name: the newest version, the number
of archived versions, when the newest version was made, and the state:

  present   COC has the document, and it is archived
  listed    COC lists the document, but no version is archived yet
  deleted   COC no longer has the document; the archive keeps it

"unwatched" means that no watch follows the document any more.

--at shows the documents as of a time: a date (the end of that day), an RFC 3339 time or
an age such as 7d. Documents that had no version at that time are left out. Fields whose
value at that time is not recorded are shown as unknown. --since shows only documents
that changed at or after a time.`,
		Example: `  cocsync list
  cocsync list --name 'restart-*' --state present
  cocsync list --since 7d --sort made
  cocsync list --at 2026-03-31
  cocsync list -o json | jq -r '.[] | select(.risk_level == "HIGH") | .name'`,
		Args: noArgs,
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, _ []string) error {
			l.State, l.Sort = state.value, sort.value
			return a.list(ctx, q, l)
		}),
	}
	cmd.Flags().StringVar(&l.Account, "account", "", "only documents of account `NAME`")
	cmd.Flags().StringVar(&l.Name, "name", "", "only documents whose name matches `GLOB` (*, ?, [a-z])")
	state = choose(cmd, "state", "", "only documents in this state", query.States()...)
	cmd.Flags().StringVar(&l.Since, "since", "", "only documents that changed since `WHEN`, such as 2026-06-01 or 7d")
	cmd.Flags().StringVar(&l.At, "at", "", "as of `TIME`")
	sort = choose(cmd, "sort", "name", "sort by name, or descending by another column", query.Sorts()...)
	cmd.Flags().BoolVar(&l.Reverse, "reverse", false, "reverse the order")
	return a.outputFlag(cmd)
}

func (a *app) list(ctx context.Context, q *query.Archive, l query.List) (err error) {
	count := tally{}
	docs := query.Convert(q.List(ctx, l), func(d query.Details) (query.Details, error) {
		count[d.State]++
		return d, nil
	})
	if a.json() {
		err = query.WriteRows(a.out, docs)
	} else {
		err = a.paged(func(p *page) error { return p.documents(docs) })
	}
	switch {
	case err != nil:
	case len(count) == 0:
		a.info("no documents match")
	case !a.json():
		a.info(count.String())
	}
	return err
}

// tally counts documents by state.
type tally map[coc.DocState]int

// String returns the counts, such as "12 documents: 10 present, 2 deleted".
func (c tally) String() string {
	var parts []string
	all := 0
	for _, state := range []coc.DocState{coc.DocPresent, coc.DocListed, coc.DocDeleted} {
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

// state formats the state of a document.
func state(d query.Details) term.Span {
	c := term.Span{Text: string(d.State)}
	switch {
	case d.State == coc.DocDeleted:
		c.Style = term.Red
	case !d.Watched:
		c = term.Span{Text: c.Text + ", unwatched", Style: term.Magenta}
	}
	return c
}

// modifier returns who last modified a document, or its creator.
func modifier(d query.Details) string {
	switch {
	case coc.OrEmpty(d.Modifier) != "":
		return *d.Modifier
	case coc.OrEmpty(d.Creator) != "":
		return *d.Creator
	}
	return "unknown"
}
