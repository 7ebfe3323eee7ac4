package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/query"
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
	format, output    *choice
	context           count
	word, ignoreSpace bool
	stat, exitCode    bool
	at                string
}

func (a *app) diffCommand() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff DOC[@REF] [REF]",
		Short: "compare two versions of a document",
		Long: `Diff compares two versions of a document:

  diff DOC            the newest version with the one before it
  diff DOC@v3         v3 with the one before it
  diff DOC v3         v3 with the newest; also DOC@v3..
  diff DOC@v3..v5     v3 with v5; also DOC@v3 v5
  diff DOC@v3 B@v5    v3 with v5 of another document, B
  diff DOC B          the newest of both

` + referenceHelp + `

` + atHelp + `

--format says how:

  unified       a patch
  dsl           an outline of what became of the job's structure, part by part:
                + added, - removed, ~ changed, → renamed, ↕ moved
  side-by-side  both versions in columns, as wide as the terminal, else 130 wide.
                Words that differ stand out by colour, or in [-…-] and {+…+}
  json          all of it, for programs; docs/diff-json.md describes it

A patch in a pipe or file is exact, byte for byte. It calls both sides by the
document's name, with _ for each /, so that these make v5 of v3:

  cocsync show DOC@v3 > NAME; cocsync diff DOC@v3..v5 | git apply
  cocsync show DOC@v3 > file; cocsync diff DOC@v3..v5 | patch file

With -U 0, git apply needs --unidiff-zero. On a terminal, in the other formats, and
with --word or -w, a control character is shown as ^M and the like.

--word shows a line that changed once, as git diff --word-diff does, with
[-what went-]{+what came+}. With -w, lines that differ in white space alone are
equal, for --exit-code too; the outline takes no notice of it.

` + pageHelp + `

With --exit-code the status is 0 when both are the same, 1 when they differ, and
2 when there was trouble.`,
		Example: `  cocsync diff restart-unhealthy-nodes
  cocsync diff restart-unhealthy-nodes@v3..v5 --format dsl
  cocsync diff restart-unhealthy-nodes@2026-05-31 latest --stat`,
		Args:              rangeArgs(1, 2),
		ValidArgsFunction: a.completeDiff,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := notEmpty(cmd, "at")
			if err == nil {
				err = f.settle(cmd.Flags().Changed("format"))
			}
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
	f.format = choose(cmd, "format", "", formatUnified, "how to show the difference",
		formatUnified, formatDSL, formatSide, formatJSON)
	s := cmd.Flags()
	s.StringVar(&f.at, "at", "", "as of `TIME`")
	f.context = query.PatchContext
	s.VarP(&f.context, "unified", "U", "unchanged lines around a change")
	s.BoolVar(&f.word, "word", false, "with --format unified, show what changed within a line")
	s.BoolVarP(&f.ignoreSpace, "ignore-all-space", "w", false, "lines that differ in white space alone are equal")
	s.BoolVar(&f.stat, "stat", false, "only count the lines added and removed")
	s.BoolVar(&f.exitCode, "exit-code", false, "exit with 1 when the two differ, and 2 on trouble")
	f.output = outputFlag(cmd)
	return cmd
}

// referenceHelp says how documents and versions are named.
const referenceHelp = `DOC is a document's id, a unique beginning of it, or its name; "account/" may
stand before any of them. REF is v3, v3#2 (its second content, after a rewrite),
latest, ~1 (one before the newest), or a time: what COC's newest was at the end of
2026-06-01, or at 2026-06-01T15:04:05Z. Names and labels may hold @ and #: DOC is the
longest text before an @ that names a document, and a label as it is goes before every
other reading; v3#02 is the second content of v3 where a version is called v3#2.`

// pageHelp says how what is for people is shown.
const pageHelp = `On a terminal there are colours, but for NO_COLOR and --color never, and a pager:
$PAGER, or less.`

// exitDiffers is the status of diff --exit-code for two that differ.
const exitDiffers = 1

// settle makes -o json the format, and refuses flags that make no sense alone or
// together. chosen says that a format was asked for.
func (f diffFlags) settle(chosen bool) error {
	refuse := func(advice, format string, args ...any) error {
		return usage(hint.Wrap(fmt.Errorf(format, args...), advice))
	}
	if f.context < 0 {
		return refuse("-U 0 shows the changed lines alone", "-U %d is less than none", f.context)
	}
	if f.output.value == formatJSON {
		if chosen && f.format.value != formatJSON {
			return refuse("leave one of them out", "-o json and --format %s are two formats", f.format.value)
		}
		f.format.value = formatJSON
		chosen = true
	}
	switch {
	case f.stat && f.word:
		return refuse("leave one of them out", "--stat shows no words, and --word nothing else")
	case f.stat && f.format.value == formatJSON:
		return refuse("leave --stat out: the JSON has the counts as added and removed", "--stat is one line of text, and no JSON")
	case f.stat && chosen:
		return refuse("leave one of them out", "--stat is one line and takes no --format")
	case f.word && f.format.value == formatSide:
		return refuse("leave --word out: "+f.format.value+" always marks the words", "--word adds nothing to --format %s", f.format.value)
	case f.word && f.format.value != formatUnified:
		return refuse("leave one of them out", "--word goes with --format unified, not %s", f.format.value)
	}
	return nil
}

// options are for the lines; dsl has none.
func (f diffFlags) options() diff.Options {
	return diff.Options{Context: int(f.context), IgnoreSpace: f.ignoreSpace}
}

func (a *app) diff(ctx context.Context, args []string, f diffFlags) (differs bool, err error) {
	q, err := a.archiveAt(ctx, f.at)
	if err != nil {
		return false, err
	}
	c, err := q.Compare(ctx, args)
	if err != nil {
		return false, err
	}
	for _, note := range c.Notes {
		a.aside(note)
	}
	hunks := diff.Hunks(c.Was, c.Now, f.options())
	differs = !c.Equal() && (len(hunks) > 0 || !f.ignoreSpace)
	switch {
	case f.format.value == formatJSON:
		return differs, query.Write(a.out, c.Diff(hunks, f.options()))
	case !differs && !c.Equal() && f.format.value != formatDSL:
		a.nothing(text.Visible(c.Title() + ": nothing but white space differs"))
		return false, nil
	case c.Equal() || len(hunks) == 0 && f.format.value != formatDSL: // nothing, or an empty first version
		a.nothing(text.Visible(c.Title() + ": " + c.Result().Summary))
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
	case f.ignoreSpace:
		p.Exact = false // it is no patch
		p.unified(c.Patch(f.options()), hunks, items)
	default:
		p.unified(c.Patch(f.options()), hunks, items)
	}
}
