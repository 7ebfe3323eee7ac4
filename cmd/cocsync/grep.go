package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/history"
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
		Short: "find lines in every version there ever was",
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
		Args:              cobra.MinimumNArgs(1),
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
	cmd.MarkFlagsMutuallyExclusive("newest", "at")
	cmd.MarkFlagsMutuallyExclusive("files-with-matches", "count")
	return cmd
}

// pattern reads the pattern of a search within lines.
func pattern(text string, fixed, ignoreCase bool) (*regexp.Regexp, error) {
	switch {
	case text == "":
		return nil, usage(hint.Wrap(errors.New("the pattern is empty"), "is a variable of the shell not set? A dot matches every line that is not empty"))
	case strings.Contains(text, "\n"):
		return nil, usage(hint.Wrap(errors.New("the pattern has a line feed"), "lines are searched one by one: look for one of its lines"))
	}
	if fixed {
		text = regexp.QuoteMeta(text)
	}
	if ignoreCase {
		text = "(?i)" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, usage(hint.Wrap(err, "add -F to look for the text as it is"))
	}
	return re, nil
}

func (a *app) grep(ctx context.Context, args []string, f grepFlags) error {
	q := history.Query{Newest: f.newest, Step: f.step, Path: f.path, Brief: f.names}
	var err error
	if q.Pattern, err = pattern(args[0], f.fixed, f.ignoreCase); err != nil {
		return err
	}
	h, err := a.reader(ctx)
	if err != nil {
		return err
	}
	if q.Documents, err = documents(ctx, h, args[1:]); err != nil {
		return err
	}
	if f.at != "" {
		if q.At, err = h.Instant(f.at); err != nil {
			return usage(fmt.Errorf("--at: %w", err))
		}
	}
	var unread []string
	any := false
	each := func(write func(history.Found) error) error {
		return h.Grep(ctx, q, func(found history.Found) error {
			for _, v := range found.Unread {
				unread = append(unread, found.Document.Name+"@"+v)
			}
			if len(found.Lines) == 0 && len(found.Unread) > 0 {
				return nil
			}
			any = true
			return write(found)
		})
	}
	if f.output.value == formatJSON {
		err = a.grepJSON(each, f)
	} else {
		err = a.paged(func(p *page) error {
			return each(func(found history.Found) error { return p.found(found, q.Pattern, f) })
		})
	}
	if err != nil {
		return err
	}
	if !any {
		a.nothing("no lines match")
	}
	a.unread(unread)
	return nil
}

// documents finds the documents that arguments name, each once.
func documents(ctx context.Context, h *history.History, args []string) (list []db.Document, err error) {
	for _, arg := range args {
		doc, ref, err := h.Split(ctx, arg)
		if err != nil {
			return nil, err
		}
		if ref != "" {
			return nil, usage(hint.Wrap(fmt.Errorf("%q names a version, and grep looks into all of them", arg), "leave @"+ref+" out; --newest and --at choose one"))
		}
		if !slices.ContainsFunc(list, func(d db.Document) bool { return d.Key == doc.Key }) {
			list = append(list, doc)
		}
	}
	return list, nil
}

// maxUnread is how many versions are named that could not be searched.
const maxUnread = 5

// unread says which versions could not be searched.
func (a *app) unread(versions []string) {
	if n := len(versions); n > 0 {
		text := strings.Join(versions[:min(n, maxUnread)], ", ")
		if n > maxUnread {
			text += fmt.Sprintf(" and %d more", n-maxUnread)
		}
		a.aside("no steps and paths are known of " + text + ": their structure can't be read")
	}
}

// found writes the lines of a document that match.
func (p *page) found(found history.Found, pattern *regexp.Regexp, f grepFlags) error {
	name := p.paint(magenta, visible(found.Document.Name))
	switch {
	case f.names:
		fmt.Fprintln(p, name)
		return p.Flush()
	case f.counts:
		fmt.Fprintf(p, "%s:%d\n", name, len(found.Lines))
		return p.Flush()
	}
	for _, m := range found.Lines {
		fmt.Fprintf(p, "%s:%s:%s\n", name, p.paint(green, visible(writeRuns(m.Runs))), p.matched(m.Text, pattern))
	}
	return p.Flush()
}

// matched is a line with what matches in colour.
func (p *page) matched(line string, pattern *regexp.Regexp) string {
	if !p.color {
		return p.content(line)
	}
	var b strings.Builder
	at := 0
	for _, m := range pattern.FindAllStringIndex(line, -1) {
		b.WriteString(p.content(line[at:m[0]]) + p.paint(alarm, p.content(line[m[0]:m[1]])))
		at = m[1]
	}
	return b.String() + p.content(line[at:])
}

// writeRuns writes runs of versions: v3..v17, v20.. for up to the newest.
func writeRuns(runs []history.Run) string {
	var parts []string
	for _, r := range runs {
		switch {
		case r.Open:
			parts = append(parts, r.First+"..")
		case r.First == r.Last:
			parts = append(parts, r.First)
		default:
			parts = append(parts, r.First+".."+r.Last)
		}
	}
	return strings.Join(parts, ", ")
}

// matchJSON is a line of grep -o json; with -l and -c a document.
type matchJSON struct {
	Account    string    `json:"account"`
	DocumentID string    `json:"document_id"`
	Name       string    `json:"name"`
	Text       *string   `json:"text,omitempty"`
	TextBase64 string    `json:"text_base64,omitempty"` // the bytes, where text can't hold them
	Runs       []runJSON `json:"runs,omitempty"`
	Count      *int      `json:"count,omitempty"`
}

type runJSON struct {
	First string `json:"first"`
	Last  string `json:"last"`
}

func (a *app) grepJSON(each func(func(history.Found) error) error, f grepFlags) error {
	list := []matchJSON{}
	err := each(func(found history.Found) error {
		d := found.Document
		doc := matchJSON{Account: d.Account, DocumentID: d.DocumentID, Name: d.Name}
		if f.counts || f.names {
			if n := len(found.Lines); f.counts {
				doc.Count = &n
			}
			list = append(list, doc)
			return nil
		}
		for _, m := range found.Lines {
			line := doc
			text, exact := jsonText(m.Text)
			line.Text, line.TextBase64 = &text, exact
			for _, r := range m.Runs {
				line.Runs = append(line.Runs, runJSON{r.First, r.Last})
			}
			list = append(list, line)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.writeJSON(list)
}

// completeGrep offers documents behind the pattern.
func (a *app) completeGrep(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeDocuments(cmd, args, typed)
}
