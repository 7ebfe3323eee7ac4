package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/history"
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
		Args:              cobra.MaximumNArgs(1),
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
	_ = cmd.RegisterFlagCompletionFunc("risk", cobra.FixedCompletions(riskLevels(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) log(ctx context.Context, args []string, f logFlags) error {
	h, err := a.reader(ctx)
	if err != nil {
		return err
	}
	filter, err := f.filter(h)
	if err != nil {
		return usage(err)
	}
	if len(args) > 0 {
		doc, ref, err := h.Split(ctx, args[0])
		if err != nil {
			return err
		}
		if ref != "" {
			return usage(hint.Wrap(errors.New("log takes a document without a version"),
				fmt.Sprintf("`cocsync log %s` shows all its changes, `cocsync diff %s` that one", visible(doc.Name), visible(args[0]))))
		}
		filter.Document = doc.Key
	}
	list, unread := a.changes(ctx, h, filter, f.text)
	if len(list) == 0 && unread != nil {
		return unread
	}
	if len(list) == 0 {
		a.nothing("no changes match")
		if f.risk != "" && !slices.Contains(riskLevels(), strings.ToUpper(f.risk)) {
			a.advise("COC's risk levels are " + strings.Join(riskLevels(), ", "))
		}
	}
	if err := a.searched(ctx, h, filter, len(list)); err != nil {
		return err
	}
	if f.reverse {
		slices.Reverse(list)
	}
	if f.output.value == "json" {
		return errors.Join(unread, a.logJSON(ctx, h, list, f.patch))
	}
	if len(list) == 0 {
		return nil
	}
	return errors.Join(unread, a.paged(func(p *page) error {
		if f.oneline {
			return p.onelines(ctx, h, list, f)
		}
		for i, c := range list {
			if i > 0 {
				p.WriteByte('\n')
			}
			if err := p.change(ctx, h, c, f); err != nil {
				return err
			}
		}
		return nil
	}))
}

// maxNamed is how many changes a note names.
const maxNamed = 5

// searched says on stderr what a search by path or task is worth that found so
// many changes: which ones it could not see in full, so that nobody takes silence
// for proof, and how patterns work where it found none.
func (a *app) searched(ctx context.Context, h *history.History, f db.Filter, found int) error {
	if f.Path == "" && f.Task == "" {
		return nil
	}
	unseen, err := h.DB.Unsearched(ctx, f)
	if n := len(unseen); n > 0 {
		names := make([]string, min(n, maxNamed))
		for i := range names {
			names[i] = fmt.Sprint(unseen[i])
		}
		more := ""
		if n > maxNamed {
			more = fmt.Sprintf(" and %d more", n-maxNamed)
		}
		a.aside(fmt.Sprintf("%s could not be searched in full (%s%s), because not all differences of the structure are stored; "+
			"`cocsync log -p` without --path and --task shows the lines", plural(n, "change"), strings.Join(names, ", "), more))
	}
	if found == 0 {
		a.advise("a pattern must fit a path or task from end to end, and * stands for anything" + widened(f) +
			"; `cocsync log -o json` shows the paths and tasks")
	}
	return err
}

// changes returns the changes that pass the filter and, with a text, added or removed
// it. With an error it returns those that it could read.
func (a *app) changes(ctx context.Context, h *history.History, f db.Filter, text string) ([]coc.Change, error) {
	if text == "" {
		return h.DB.Changes(ctx, f)
	}
	list, erased, err := h.Picked(ctx, f, text)
	if erased > 0 {
		a.aside(plural(erased, "change") + " passed over: a content was erased from the archive")
	}
	return list, err
}

// widened suggests a pattern that fits more than the one that was given.
func widened(f db.Filter) string {
	flag, pattern := "--path", f.Path
	if pattern == "" {
		flag, pattern = "--task", f.Task
	}
	wide := "*" + strings.Trim(pattern, "*") + "*"
	if wide == pattern || strings.ContainsAny(pattern, "'\\") || visible(pattern) != pattern {
		return ""
	}
	return ": try " + flag + " '" + wide + "'"
}

// filter makes the archive's filter of the flags.
func (f logFlags) filter(h *history.History) (db.Filter, error) {
	filter := db.Filter{Seen: f.seen, By: f.by, Risk: f.risk, Task: f.task, Path: f.path, Limit: int(f.limit)}
	var errs []error
	var err error
	if f.since != "" {
		if filter.Since, err = h.Since(f.since); err != nil {
			errs = append(errs, fmt.Errorf("--since: %w", err))
		}
	}
	if f.until != "" {
		if filter.Until, err = h.Until(f.until); err != nil {
			errs = append(errs, fmt.Errorf("--until: %w", err))
		}
	}
	if f.limit < 0 {
		errs = append(errs, hint.Wrap(fmt.Errorf("-n %d is less than none", f.limit), "-n 0 shows all"))
	}
	for _, list := range f.kinds {
		for k := range strings.SplitSeq(list, ",") {
			if k = strings.TrimSpace(k); k != "" {
				filter.Kinds = append(filter.Kinds, coc.Kind(k))
			}
		}
	}
	for _, k := range filter.Kinds {
		if err := oneOf("--kind", string(k), kinds()...); err != nil {
			errs = append(errs, err)
		}
	}
	return filter, errors.Join(errs...)
}

// riskLevels are those that COC's reference names. The archive holds whatever COC said.
func riskLevels() []string { return []string{"LOW", "MEDIUM", "HIGH"} }

func kinds() []string {
	var names []string
	for _, k := range coc.Kinds {
		names = append(names, string(k))
	}
	return names
}

// changeJSON is a change in -o json.
type changeJSON struct {
	ID         int64      `json:"id"`
	Kind       string     `json:"kind"`
	Account    string     `json:"account"`
	DocumentID string     `json:"document_id"`
	Name       string     `json:"name"`
	Version    *string    `json:"version"`
	Previous   *string    `json:"previous"`
	MadeAt     *string    `json:"made_at"`
	SeenAt     *string    `json:"seen_at"`
	By         *string    `json:"by"`
	Added      int        `json:"added"`
	Removed    int        `json:"removed"`
	Summary    string     `json:"summary"`
	Note       *string    `json:"note"`
	Backfill   bool       `json:"backfill"`
	Late       bool       `json:"late"`
	Items      []itemJSON `json:"items"`
	// With -p, as diff has them.
	Unified       *string `json:"unified,omitempty"`
	UnifiedBase64 string  `json:"unified_base64,omitempty"`
}

type itemJSON struct {
	Op   string `json:"op"`
	Path string `json:"path"`
	Step string `json:"step"`
	Task string `json:"task"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

func newItemsJSON(items []coc.Item) []itemJSON {
	list := make([]itemJSON, len(items))
	for i, it := range items {
		list[i] = itemJSON(it)
	}
	return list
}

func (a *app) logJSON(ctx context.Context, h *history.History, changes []coc.Change, patch bool) error {
	list := make([]changeJSON, len(changes))
	for i, c := range changes {
		list[i] = changeJSON{
			ID: c.ID, Kind: string(c.Kind), Account: c.Account, DocumentID: c.DocumentID, Name: c.Name,
			Version: orNull(c.Version), Previous: orNull(c.Previous), MadeAt: jsonTime(c.MadeAt), SeenAt: jsonTime(c.SeenAt),
			By: orNull(c.By), Added: c.Added, Removed: c.Removed, Summary: c.Summary, Note: orNull(c.Note),
			Backfill: c.Backfill, Late: c.Late, Items: newItemsJSON(c.Items),
		}
		if !patch {
			continue
		}
		old, now, err := changeTexts(ctx, h, c)
		if errors.Is(err, coc.ErrErased) {
			continue
		}
		if err != nil {
			return err
		}
		text, exact := jsonText(string(unified(c.Name, c.DocumentID, old, now, diff.Options{Context: patchContext})))
		list[i].Unified, list[i].UnifiedBase64 = &text, exact
	}
	return a.writeJSON(list)
}

// changeTexts returns the contents that a change compares; none for a change
// without versions.
func changeTexts(ctx context.Context, h *history.History, c coc.Change) (old, now *diff.Text, err error) {
	was, is, err := h.DB.Contents(ctx, c.ID)
	if err != nil || is == nil {
		return nil, nil, err
	}
	if was != nil {
		old = diff.Read(was)
	}
	return old, diff.Read(is), nil
}
