package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/history"
)

// comparison is two contents of a document and what became of the first.
type comparison struct {
	doc      db.Document
	old, new string     // labels; old is "" for nothing
	was, now *diff.Text // was is nil for nothing
	diff.Result
	notes []string
}

func (c *comparison) title() string { return c.doc.Name + "  " + arrow(c.old, c.new) }

// compare finds the two versions that the arguments name, and compares them.
func compare(ctx context.Context, h *history.History, args []string) (*comparison, error) {
	if len(args) == 2 && args[1] == "" {
		return nil, usage(hint.Wrap(errors.New("the second version is empty"), "is a variable of the shell not set? The newest is called latest"))
	}
	doc, ref, err := h.Split(ctx, args[0])
	if err != nil {
		return nil, err
	}
	if err := oneDocument(ctx, h, doc, ref, args); err != nil {
		return nil, err
	}
	if len(args) == 2 && ref == "" && strings.Contains(args[1], "..") {
		ref, args = args[1], args[:1] // DOC v3..v5 is as clear as DOC@v3..v5
	}
	from, to, ranged := strings.Cut(ref, "..")
	switch {
	case from != "" && strings.HasPrefix(to, "."):
		return nil, usage(hint.Wrap(fmt.Errorf("%q has a dot too many", ref), fmt.Sprintf("did you mean %s..%s?", from, strings.TrimLeft(to, "."))))
	case ranged && (len(args) == 2 || from == ""), len(args) == 2 && strings.Contains(args[1], ".."):
		return nil, usage(hint.Wrap(fmt.Errorf("%q names no two versions", strings.Join(args, " ")), "write DOC@v3..v5, DOC@v3 v5, or DOC@v3.. for up to the newest"))
	case len(args) == 2 && ref == "":
		from, ranged = args[1], true // up to the newest
	case len(args) == 2:
		from, to, ranged = ref, args[1], true
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

// oneDocument refuses a second argument that names a document as the first one
// did, with its reference.
func oneDocument(ctx context.Context, h *history.History, doc db.Document, ref string, args []string) error {
	if len(args) < 2 || !strings.Contains(args[1], "@") {
		return nil
	}
	other, second, err := h.Split(ctx, args[1])
	switch {
	case errors.Is(err, coc.ErrNotFound):
		return nil // what it is instead, its version will say
	case err != nil:
		return err
	case other.Key != doc.Key:
		return usage(hint.Wrap(fmt.Errorf("%q and %q are versions of two documents", args[0], args[1]),
			"diff compares versions of one; `cocsync show` writes any of them to a file"))
	}
	write := cmp.Or(ref, "latest") + ".." + second
	if strings.Contains(second, "..") {
		write = second
	}
	return usage(hint.Wrap(fmt.Errorf("%q names the document again, and a version alone is wanted", args[1]),
		"write "+visible(strings.TrimSuffix(args[0], "@"+ref)+"@"+write)))
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
func (c *comparison) load(ctx context.Context, h *history.History, old *history.Version, now history.Version) error {
	if old != nil {
		was, err := h.Content(ctx, *old)
		if err != nil {
			return err
		}
		c.old, c.was = old.Label(), diff.Read(was.Bytes)
		c.note(*old)
	}
	is, err := h.Content(ctx, now)
	if err != nil {
		return err
	}
	c.new, c.now = now.Label(), diff.Read(is.Bytes)
	c.note(now)
	c.Result = diff.Compare(c.was, c.now)
	return nil
}

func (c *comparison) note(v history.Version) {
	if v.Note != "" {
		c.notes = append(c.notes, v.Note)
	}
}
