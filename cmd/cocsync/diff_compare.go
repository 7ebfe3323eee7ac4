package main

import (
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
func (c *comparison) load(ctx context.Context, h *history.History, old *history.Version, now history.Version) error {
	if old != nil {
		was, err := content(ctx, h, *old)
		if err != nil {
			return err
		}
		c.old, c.was = old.Label(), diff.Read(was)
		c.note(*old)
	}
	is, err := content(ctx, h, now)
	if err != nil {
		return err
	}
	c.new, c.now = now.Label(), diff.Read(is)
	c.note(now)
	c.Result = diff.Compare(c.was, c.now)
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
