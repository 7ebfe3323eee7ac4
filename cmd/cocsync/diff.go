package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// The values of diff --format.
const (
	formatUnified = "unified"
	formatDSL     = "dsl"
	formatSide    = "side-by-side"
	formatJSON    = "json"
)

type diffFlags struct {
	format            *choice
	context           count
	word, ignoreSpace bool
	stat, exitCode    bool
}

func (a *app) diffCommand() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff DOC[@REF] [REF]",
		Short: "compare two versions of a document",
		Long: `Diff compares two versions of a document:

  diff DOC            the previous version with the newest
  diff DOC@v3         the version before v3 with v3
  diff DOC v3         v3 with the newest; also DOC@v3..
  diff DOC@v3..v5     v3 with v5; also DOC@v3 v5
  diff DOC@v3 B@v5    v3 with v5 of another document, B
  diff DOC B          the newest of both documents

` + referenceHelp + `

` + atHelp + `

Values of --format:

  unified       a patch
  dsl           an outline of the changes in the job's structure, part by part:
                + added, - removed, ~ changed, → renamed, ↕ moved
  side-by-side  both versions in columns, as wide as the terminal, else 130 wide.
                Changed words are colored, or marked with [-…-] and {+…+}
  json          the complete comparison, for programs; see docs/diff-json.md

In a pipe or file, a patch is exact, byte for byte. Its file name on both sides is the
document's name with _ for each /, so these commands turn v3 into v5:

  cocsync show DOC@v3 > NAME; cocsync diff DOC@v3..v5 | git apply
  cocsync show DOC@v3 > file; cocsync diff DOC@v3..v5 | patch file

With -U 0, git apply needs --unidiff-zero. On a terminal, in the other formats, and
with --word or -w, control characters are shown as ^M and the like.

--word shows a changed line once, as git diff --word-diff does, with
[-removed-]{+added+} words. With -w, lines that differ only in white space are equal,
also for --exit-code; -w does not affect the outline.

` + pageHelp + `

With --exit-code the exit status is 0 if both are the same, 1 if they differ, and 2 on
failure.`,
		Example: `  cocsync diff restart-unhealthy-nodes
  cocsync diff restart-unhealthy-nodes@v3..v5 --format dsl
  cocsync diff restart-unhealthy-nodes@2026-05-31 latest --stat`,
		Args:              rangeArgs(1, 2),
		ValidArgsFunction: a.completeFromArchive(diffWords),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := f.check(cmd.Flags().Changed("format"), a.json())
			differs := false
			if err == nil {
				differs, err = a.diff(cmd.Context(), args, f)
			}
			switch {
			case !f.exitCode:
				return err
			case err != nil:
				return &exitError{exitUsage, err}
			case differs:
				return &exitError{exitDiffers, nil}
			}
			return nil
		},
	}
	f.format = choose(cmd, "format", formatUnified, "format of the difference",
		formatUnified, formatDSL, formatSide, formatJSON)
	s := cmd.Flags()
	a.atFlag(cmd, "as of `TIME`")
	f.context = query.PatchContext
	s.VarP(&f.context, "unified", "U", "number of unchanged lines around a change")
	s.BoolVar(&f.word, "word", false, "with --format unified, mark changed words within lines")
	s.BoolVarP(&f.ignoreSpace, "ignore-all-space", "w", false, "ignore white space")
	s.BoolVar(&f.stat, "stat", false, "only count the added and removed lines")
	s.BoolVar(&f.exitCode, "exit-code", false, "exit with 1 if the two differ, and with 2 on failure")
	return a.outputFlag(cmd)
}

// referenceHelp explains references to documents and versions.
const referenceHelp = `DOC is a document's ID, a unique prefix of it, or its name, optionally with the prefix
"account/". REF is v3, v3#2 (its second content, after a rewrite), latest, ~1 (the
version before the newest), or a time: 2026-06-01 or 2026-06-01T15:04:05Z means COC's
newest version at the end of that day or at that time. Names and labels may contain @
and #. DOC is the longest text before an @ that names a document. A REF that equals a
label always means that label; if a version has the label v3#2, v3#02 is the second
content of v3.`

// pageHelp explains colors and the pager.
const pageHelp = `On a terminal, output is colored (unless NO_COLOR or --color never is set) and shown
in a pager: $PAGER, or less.`

// exitDiffers is the exit status of diff --exit-code if the two differ.
const exitDiffers = 1

// check applies -o json to the format and refuses invalid flags and combinations. chosen
// reports whether --format was given.
func (f diffFlags) check(chosen, asJSON bool) error {
	format, json := &f.format.value, asJSON || f.format.value == formatJSON
	for _, rule := range []struct {
		wrong           bool
		problem, advice string
	}{
		{f.context < 0, fmt.Sprintf("-U %d is negative", f.context), "-U 0 shows only the changed lines"},
		{asJSON && chosen && *format != formatJSON, "-o json and --format " + *format + " cannot be used together", "omit one of them"},
		{f.stat && f.word, "--stat and --word cannot be used together", "omit one of them"},
		{f.stat && json, "--stat cannot be used with JSON", "omit --stat: the JSON has the counts in added and removed"},
		{f.stat && chosen, "--stat and --format cannot be used together", "omit one of them"},
		{f.word && *format == formatSide, "--word has no effect with --format " + *format,
			"omit --word: " + *format + " always marks changed words"},
		{f.word && json, "--word needs --format unified, not json", "omit one of them"},
		{f.word && *format != formatUnified, "--word needs --format unified, not " + *format, "omit one of them"},
	} {
		if rule.wrong {
			return usage(hint.Wrap(errors.New(rule.problem), rule.advice))
		}
	}
	if asJSON {
		*format = formatJSON
	}
	return nil
}

// options returns the options of the line diff.
func (f diffFlags) options() diff.Options {
	return diff.Options{Context: int(f.context), IgnoreSpace: f.ignoreSpace}
}

func (a *app) diff(ctx context.Context, args []string, f diffFlags) (differs bool, err error) {
	q, err := a.archive(ctx)
	if err != nil {
		return false, err
	}
	c, err := q.Compare(ctx, args)
	if err != nil {
		return false, err
	}
	for _, note := range c.Notes {
		a.note(note)
	}
	hunks := diff.Hunks(c.Was, c.Now, f.options())
	differs = !c.Equal() && (len(hunks) > 0 || !f.ignoreSpace)
	switch {
	case f.format.value == formatJSON:
		return differs, query.Write(a.out, c.Diff(hunks, f.options()))
	case !differs && !c.Equal() && f.format.value != formatDSL:
		a.info(text.Visible(c.Title() + ": only white space differs"))
		return false, nil
	case c.Equal() || len(hunks) == 0 && f.format.value != formatDSL: // no content, or an empty first version
		a.info(text.Visible(c.Title() + ": " + c.Result().Summary))
		return differs, nil
	}
	return differs, a.paged(func(p *page) error {
		p.diff(c, hunks, f)
		return nil
	})
}

// diff writes a comparison in one of the formats for people.
func (p *page) diff(c *query.Comparison, hunks []diff.Hunk, f diffFlags) {
	items := func() []coc.Item { return c.Result().Items }
	switch {
	case f.stat:
		p.stat(c, hunks)
	case f.format.value == formatDSL:
		p.structure(c)
	case f.format.value == formatSide:
		p.sideBySide(c, hunks)
	case f.word:
		p.Exact = false
		p.words(c, hunks)
	default:
		p.Exact = p.Exact && !f.ignoreSpace // else it is a patch
		p.unified(c.Patch(f.options()), hunks, items)
	}
}

// stat writes the numbers of added and removed lines.
func (p *page) stat(c *query.Comparison, hunks []diff.Hunk) {
	lines := map[diff.Op]int{}
	for _, h := range hunks {
		for _, l := range h.Lines {
			lines[l.Op]++
		}
	}
	fmt.Fprintf(p, "%s  %s %s\n", text.Visible(c.Title()),
		p.Paint(term.Green, fmt.Sprintf("+%d", lines[diff.Insert])), p.Paint(term.Red, fmt.Sprintf("-%d", lines[diff.Delete])))
}

// structure writes the changes in the job's structure, and which lines changed only in
// formatting.
func (p *page) structure(c *query.Comparison) {
	r := c.Result()
	p.Prose("", term.Bold, c.Title())
	p.Prose("", term.Plain, r.Summary)
	if groups := diff.Outline(r.Items); len(groups) > 0 {
		p.WriteByte('\n')
		p.outline(groups, "")
	}
	notes := diff.FormattingNotes(r.Formatting, func(old, now coc.Span) string {
		return lineNote("", old, now)
	})
	if len(notes) > 0 {
		p.WriteByte('\n')
		p.Prose("", term.Faint, "formatting: "+strings.Join(notes, ", "))
	}
	if note := r.Note(); note != "" {
		p.WriteByte('\n')
		p.Prose("", term.Faint, note)
	}
}
