package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/history"
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
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := notEmpty(cmd, "account", "name", "since", "at"); err != nil {
				return err
			}
			return a.list(cmd.Context(), f)
		},
	}
	cmd.Flags().StringVar(&f.account, "account", "", "only documents of the account `NAME`")
	cmd.Flags().StringVar(&f.name, "name", "", "only documents whose name matches `GLOB` (*, ?, [a-z])")
	f.state = choose(cmd, "state", "", "", "only documents that stand so", string(coc.Present), string(coc.Seen), string(coc.Deleted))
	cmd.Flags().StringVar(&f.since, "since", "", "only documents that changed from `WHEN` on: 2026-06-01, 2026-06-01T08:00:00Z, 7d")
	cmd.Flags().StringVar(&f.at, "at", "", "as they stood at `TIME`")
	f.sort = choose(cmd, "sort", "", "name", "by name, or the newest made, the last checked or the most versions first", "name", "made", "checked", "versions")
	cmd.Flags().BoolVar(&f.reverse, "reverse", false, "the other way round")
	f.output = outputFlag(cmd)
	return cmd
}

func (a *app) list(ctx context.Context, f listFlags) error {
	if _, err := path.Match(f.name, ""); err != nil {
		return usage(hint.Wrap(fmt.Errorf("--name %q is no pattern: %w", f.name, err), "write [[] for a bracket itself"))
	}
	h, err := a.reader(ctx)
	if err != nil {
		return err
	}
	if err := knownAccount(ctx, h.DB, f.account); err != nil {
		return err
	}
	docs, err := a.listed(ctx, h, f)
	if err != nil {
		return err
	}
	if len(docs) == 0 {
		a.nothing("no documents match")
	}
	if f.output.value == "json" {
		list := make([]documentJSON, len(docs))
		for i, d := range docs {
			list[i] = newDocumentJSON(d)
		}
		return a.writeJSON(list)
	}
	if len(docs) == 0 {
		return nil
	}
	err = a.paged(func(p *page) error {
		p.documents(docs)
		return nil
	})
	a.nothing(tally(docs))
	return err
}

// listed returns the documents that pass the flags, in their order.
func (a *app) listed(ctx context.Context, h *history.History, f listFlags) (docs []db.Document, err error) {
	if f.at == "" {
		docs, err = h.DB.Documents(ctx, f.account)
	} else {
		at, wrong := h.Instant(f.at)
		if wrong != nil {
			return nil, usage(fmt.Errorf("--at: %w", wrong))
		}
		var note string
		docs, note, err = h.Fleet(ctx, at)
		a.aside(note)
	}
	if err != nil {
		return nil, err
	}
	var changed map[int64]bool
	if f.since != "" {
		since, wrong := h.Since(f.since)
		if wrong != nil {
			return nil, usage(fmt.Errorf("--since: %w", wrong))
		}
		if changed, err = h.DB.ChangedSince(ctx, since); err != nil {
			return nil, err
		}
	}
	docs = slices.DeleteFunc(docs, func(d db.Document) bool {
		return f.account != "" && d.Account != f.account || f.name != "" && !globs(f.name, d.Name) ||
			f.state.value != "" && f.state.value != string(d.State) || changed != nil && !changed[d.Key]
	})
	sortDocuments(docs, f.sort.value)
	if f.reverse {
		slices.Reverse(docs)
	}
	return docs, nil
}

// sortDocuments sorts documents that come by name.
func sortDocuments(docs []db.Document, by string) {
	slices.SortStableFunc(docs, func(a, b db.Document) int {
		switch by {
		case "made":
			return b.MadeAt.Compare(a.MadeAt)
		case "checked":
			return b.LastCheckedAt.Compare(a.LastCheckedAt)
		case "versions":
			return b.Versions - a.Versions
		}
		return 0
	})
}

// tally counts documents: 12 documents: 10 present, 2 deleted.
func tally(docs []db.Document) string {
	var parts []string
	for _, state := range []coc.DocState{coc.Present, coc.Seen, coc.Deleted} {
		n := 0
		for _, d := range docs {
			if d.State == state {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return plural(len(docs), "document") + ": " + strings.Join(parts, ", ")
}

// knownAccount refuses an account that the archive never heard of.
func knownAccount(ctx context.Context, d *db.DB, name string) error {
	if name == "" {
		return nil
	}
	list, err := d.Accounts(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, acc := range list {
		if acc.Name == name {
			return nil
		}
		names = append(names, acc.Name)
	}
	return hint.Wrap(fmt.Errorf("no account %q in the archive", name), didYouMean(name, names))
}

// didYouMean names the likely ones among those that there are, or all of them.
func didYouMean(typed string, names []string) string {
	if near := history.Nearest(typed, names); len(near) > 0 {
		return "did you mean " + strings.Join(near, ", ") + "?"
	}
	switch len(names) {
	case 0:
		return "there is none yet"
	case 1:
		return "there is " + names[0]
	}
	return "there are " + strings.Join(names, ", ")
}

// globs matches a name, in which a slash is a character like any other.
func globs(pattern, name string) bool {
	flat := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(flat.Replace(pattern), flat.Replace(name))
	return ok && err == nil
}

// documentJSON is a document in -o json.
type documentJSON struct {
	Account             string  `json:"account"`
	DocumentID          string  `json:"document_id"`
	Name                string  `json:"name"`
	State               string  `json:"state"`
	Version             *string `json:"version"`
	Versions            int     `json:"versions"`
	MadeAt              *string `json:"made_at"`
	FirstSeenAt         *string `json:"first_seen_at"`
	LastCheckedAt       *string `json:"last_checked_at"`
	Creator             *string `json:"creator"`
	Modifier            *string `json:"modifier"`
	RiskLevel           *string `json:"risk_level"`
	EnterpriseProjectID *string `json:"enterprise_project_id"`
}

func newDocumentJSON(d db.Document) documentJSON {
	return documentJSON{
		Account: d.Account, DocumentID: d.DocumentID, Name: d.Name, State: string(d.State),
		Version: orNull(d.Version), Versions: d.Versions,
		MadeAt: jsonTime(d.MadeAt), FirstSeenAt: jsonTime(d.FirstSeenAt), LastCheckedAt: jsonTime(d.LastCheckedAt),
		Creator: d.Meta.Creator, Modifier: d.Meta.Modifier, RiskLevel: d.Meta.RiskLevel, EnterpriseProjectID: d.Meta.ProjectID,
	}
}

func (p *page) documents(docs []db.Document) {
	columns := []column{
		{head: "NAME", flexible: true}, {head: "ID", flexible: true}, {head: "VERSION"}, {head: "VERSIONS", right: true},
		{head: "MADE"}, {head: "STATE"}, {head: "LAST MODIFIED BY", flexible: true},
	}
	rows := make([][]cell, len(docs))
	for i, d := range docs {
		version := d.Version
		if version == "" {
			version = "none"
		}
		rows[i] = []cell{
			{d.Name, plain}, {d.DocumentID, faint}, {version, magenta}, {fmt.Sprint(d.Versions), plain},
			{p.minute(d.MadeAt), plain}, standing(d), {modifier(d.Meta), plain},
		}
	}
	p.table(columns, rows)
}

// standing says how a document stands.
func standing(d db.Document) cell {
	c := cell{string(d.State), plain}
	switch {
	case d.State == coc.Deleted:
		c.style = red
	case !d.Watched:
		c = cell{c.text + ", unwatched", magenta}
	}
	return c
}

// modifier names who modified a document last. That is its creator as long as
// nobody modified it.
func modifier(m coc.Meta) string {
	switch {
	case coc.Said(m.Modifier) != "":
		return *m.Modifier
	case coc.Said(m.Creator) != "":
		return *m.Creator
	}
	return "unknown"
}
