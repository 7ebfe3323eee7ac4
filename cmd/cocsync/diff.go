package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/history"
)

type diffFlags struct {
	format, output *choice
	context        int
	stat, exitCode bool
}

func (a *app) diffCommand() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff DOC[@REF] [REF]",
		Short: "compare two versions of a document",
		Long: `Diff compares two versions of a document:

  diff DOC          the newest version with the one before it
  diff DOC@v3       v3 with the one before it
  diff DOC v3       v3 with the newest
  diff DOC@v3 v5    v3 with v5
  diff DOC@v3..v5   the same

` + referenceHelp + `

--format unified writes a patch: apart from colours, and control characters on a
terminal, what comes out is exact. Either side is named as the document, after a/
and b/, so both of these give the bytes of v5:

  cocsync show DOC@v3 > NAME; cocsync diff DOC@v3..v5 | git apply
  cocsync show DOC@v3 > file; cocsync diff DOC@v3..v5 | patch file

--format dsl writes an outline of what became of the job's structure, with
+ added, - removed, ~ changed, → renamed, ↕ moved.

With --exit-code the status is 0 when both are the same, 1 when they differ, and
2 when there was trouble.`,
		Example: `  cocsync diff restart-unhealthy-nodes
  cocsync diff restart-unhealthy-nodes@v3..v5 --format dsl
  cocsync diff restart-unhealthy-nodes@2026-05-31 latest --stat`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeDiff,
		RunE: func(cmd *cobra.Command, args []string) error {
			differs, err := a.diff(cmd.Context(), args, f)
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
	f.format = choose(cmd, "format", "", "unified", "how to show the difference", "unified", "dsl")
	cmd.Flags().IntVarP(&f.context, "unified", "U", patchContext, "unchanged lines around a change, `N`")
	cmd.Flags().BoolVar(&f.stat, "stat", false, "only the lines added and removed")
	cmd.Flags().BoolVar(&f.exitCode, "exit-code", false, "exit with 1 when the two differ, and 2 on trouble")
	f.output = outputFlag(cmd)
	return cmd
}

// referenceHelp says how documents and versions are named.
const referenceHelp = `DOC is a document's id, a unique beginning of it, or its name; "account/" may
stand before any of them. REF is v3, v3#2 (its second content, after a rewrite),
latest, ~1 (one before the newest), or a time: what COC's newest was at the end of
2026-06-01, or at 2026-06-01T15:04:05Z.`

// exitDiffers is the status of diff --exit-code for two that differ.
const exitDiffers = 1

func (a *app) diff(ctx context.Context, args []string, f diffFlags) (differs bool, err error) {
	if f.context < 0 {
		return false, usage(hint.Wrap(fmt.Errorf("-U %d is less than none", f.context), "-U 0 shows the changed lines alone"))
	}
	h, err := a.reader(ctx)
	if err != nil {
		return false, err
	}
	c, err := compare(ctx, h, args)
	if err != nil {
		return false, err
	}
	for _, note := range c.notes {
		a.aside(note)
	}
	if f.output.value == "json" {
		return !c.Equal, a.writeJSON(c.json(f.context))
	}
	if c.Equal {
		a.nothing(visible(c.title() + ": " + c.Summary))
		return false, nil
	}
	return true, a.paged(func(p *page) error {
		switch {
		case f.stat:
			fmt.Fprintf(p, "%s  +%d -%d\n", visible(c.title()), c.Added, c.Removed)
		case f.format.value == "dsl":
			p.outline(c)
		default:
			p.unified(string(c.unified(f.context)))
		}
		return nil
	})
}

// comparison is two contents of a document and what became of the first.
type comparison struct {
	doc      db.Document
	old, new string // labels; old is "" for nothing
	was, now []byte // was is nil for nothing
	diff.Result
	notes []string
}

func (c *comparison) title() string { return c.doc.Name + "  " + arrow(c.old, c.new) }

func (c *comparison) unified(context int) []byte {
	return unified(c.doc.Name, c.doc.DocumentID, c.was, c.now, context)
}

// compare finds the two versions that the arguments name, and compares them.
func compare(ctx context.Context, h *history.History, args []string) (*comparison, error) {
	doc, ref, err := h.Split(ctx, args[0])
	if err != nil {
		return nil, err
	}
	from, to, ranged := strings.Cut(ref, "..")
	switch {
	case ranged && (len(args) == 2 || from == ""):
		return nil, usage(hint.Wrap(fmt.Errorf("%q names no two versions", strings.Join(args, " ")), "write DOC@v3..v5, DOC@v3 v5, or DOC@v3.. for up to the newest"))
	case len(args) == 2 && ref == "":
		from, ranged = args[1], true // up to the newest
	case len(args) == 2:
		to, ranged = args[1], true
	}
	c := &comparison{doc: doc}
	if !ranged {
		return c, c.withBefore(ctx, h, ref)
	}
	old, err := h.Version(ctx, doc, from)
	if err != nil {
		return nil, err
	}
	now, err := h.Version(ctx, doc, to)
	if err != nil {
		return nil, err
	}
	return c, c.load(ctx, h, &old, now)
}

// withBefore compares a version with the one before it.
func (c *comparison) withBefore(ctx context.Context, h *history.History, ref string) error {
	now, err := h.Version(ctx, c.doc, ref)
	if err != nil {
		return err
	}
	old, ok, err := h.Before(ctx, now)
	if err != nil {
		return err
	}
	if !ok {
		c.notes = append(c.notes, now.Label()+" is the first version: it is compared with nothing")
		return c.load(ctx, h, nil, now)
	}
	return c.load(ctx, h, &old, now)
}

// load reads both contents and compares them.
func (c *comparison) load(ctx context.Context, h *history.History, old *history.Version, now history.Version) (err error) {
	var was *diff.Text
	if old != nil {
		c.old = old.Label()
		if c.was, err = content(ctx, h, *old); err != nil {
			return err
		}
		was = diff.Read(c.was)
		c.note(*old)
	}
	c.new = now.Label()
	if c.now, err = content(ctx, h, now); err != nil {
		return err
	}
	c.note(now)
	c.Result = diff.Compare(was, diff.Read(c.now))
	return nil
}

func (c *comparison) note(v history.Version) {
	if v.Note != "" {
		c.notes = append(c.notes, v.Note)
	}
}

// content reads the content of a version.
func content(ctx context.Context, h *history.History, v history.Version) ([]byte, error) {
	c, err := h.DB.Content(ctx, v.Hash)
	if errors.Is(err, coc.ErrErased) {
		err = hint.Wrap(err, "somebody had it removed for good; `cocsync show --meta` still tells its hash and size")
	}
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", v.Label(), v.Document.Name, err)
	}
	return c.Bytes, nil
}
