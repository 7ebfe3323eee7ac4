package answer

import (
	"bytes"
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
	"cocsync/internal/text"
)

// Comparison is two contents of a document, or of two, and what became of the first.
type Comparison struct {
	Doc      db.Document
	From     *db.Document // of the old content; nil where it is Doc
	Old, New string       // labels; Old is "" for nothing
	Was, Now *diff.Text   // Was is nil for nothing
	Notes    []string     // how far it can be trusted

	result *coc.Difference // nil until it is asked for
}

// Equal reports whether both are the same bytes.
func (c *Comparison) Equal() bool { return c.Was != nil && bytes.Equal(c.Was.Content, c.Now.Content) }

// Result is what became of the first. Lines alone don't need it, and most of the work is
// in it: it is worked out when it is first asked for.
func (c *Comparison) Result() *coc.Difference {
	if c.result == nil {
		r := diff.Compare(c.Was, c.Now)
		c.result = &r
	}
	return c.result
}

// Title names what is compared.
func (c *Comparison) Title() string {
	if c.From != nil {
		return c.From.Name + "  " + c.Old + " → " + c.Doc.Name + "  " + c.New
	}
	return c.Doc.Name + "  " + Arrow(c.Old, c.New)
}

// OldDoc is the document of the old content.
func (c *Comparison) OldDoc() db.Document {
	if c.From != nil {
		return *c.From
	}
	return c.Doc
}

// FromName names the document of the old content where that is another one.
func (c *Comparison) FromName() string {
	if c.From == nil {
		return ""
	}
	return c.From.Name
}

// Compare finds the two versions that one or two arguments name, and compares them:
// DOC, DOC@REF, DOC@A..B, DOC REF, DOC@A REF, A@REF B@REF. One version alone is
// compared with the one before it.
func Compare(ctx context.Context, h *history.History, args []string) (*Comparison, error) {
	if len(args) == 2 && args[1] == "" {
		return nil, misask(hint.Wrap(errors.New("the second version is empty"), "is a variable of the shell not set? The newest is called latest"))
	}
	doc, ref, err := h.Split(ctx, args[0])
	if err != nil {
		return nil, err
	}
	other, second, err := otherDocument(ctx, h, doc, ref, args)
	if err != nil {
		return nil, err
	}
	if other != nil {
		return across(ctx, h, doc, ref, *other, second)
	}
	if len(args) == 2 && ref == "" && strings.Contains(args[1], "..") {
		ref, args = args[1], args[:1] // DOC v3..v5 is as clear as DOC@v3..v5
	}
	from, to, ranged := strings.Cut(ref, "..")
	switch {
	case from != "" && strings.HasPrefix(to, "."):
		return nil, misask(hint.Wrap(fmt.Errorf("%q has a dot too many", ref), fmt.Sprintf("did you mean %s..%s?", from, strings.TrimLeft(to, "."))))
	case ranged && (len(args) == 2 || from == ""), len(args) == 2 && strings.Contains(args[1], ".."):
		return nil, misask(hint.Wrap(fmt.Errorf("%q names no two versions", strings.Join(args, " ")), "write DOC@v3..v5, DOC@v3 v5, or DOC@v3.. for up to the newest"))
	case len(args) == 2 && ref == "":
		from, ranged = args[1], true // up to the newest
	case len(args) == 2:
		from, to, ranged = ref, args[1], true
	}
	if !ranged {
		c := &Comparison{Doc: doc}
		return c, c.withBefore(ctx, h, ref)
	}
	return Within(ctx, h, doc, from, to)
}

// Within compares two versions of a document.
func Within(ctx context.Context, h *history.History, doc db.Document, old, now string) (*Comparison, error) {
	was, err := h.Version(ctx, doc, old)
	if err != nil {
		return nil, err
	}
	is, err := h.Version(ctx, doc, now)
	if err != nil {
		return nil, err
	}
	c := &Comparison{Doc: doc}
	return c, c.load(ctx, h, &was, is)
}

// Between compares two versions, each named in full as DOC@REF, of a document or of
// two. No old one is the one before the new.
func Between(ctx context.Context, h *history.History, old, now string) (*Comparison, error) {
	if old == "" {
		return Compare(ctx, h, []string{now})
	}
	doc, ref, err := h.Split(ctx, old)
	if err != nil {
		return nil, err
	}
	other, second, err := h.Split(ctx, now)
	if err != nil {
		return nil, err
	}
	return across(ctx, h, doc, ref, other, second)
}

// otherDocument returns the document that a second argument names, with its
// reference; nil where it names a version of the first. To name the first document
// again is refused.
func otherDocument(ctx context.Context, h *history.History, doc db.Document, ref string, args []string) (_ *db.Document, second string, err error) {
	if len(args) < 2 {
		return nil, "", nil
	}
	// A version goes before a document that is called so.
	_, err = h.Version(ctx, doc, args[1])
	if err == nil || !strings.Contains(args[1], "@") && !errors.Is(err, coc.ErrNotFound) {
		return nil, "", nil
	}
	other, second, err := h.Split(ctx, args[1])
	switch {
	case errors.Is(err, coc.ErrNotFound):
		return nil, "", nil // what it is instead, its version will say
	case err != nil:
		return nil, "", err
	case other.Key != doc.Key:
		return &other, second, nil
	}
	write := cmp.Or(ref, "latest") + ".." + second
	if strings.Contains(second, "..") {
		write = second
	}
	return nil, "", misask(hint.Wrap(fmt.Errorf("%q names the document again, and a version alone is wanted", args[1]),
		"write "+text.Visible(strings.TrimSuffix(args[0], "@"+ref)+"@"+write)))
}

// across compares a version each of two documents, or of one named twice.
func across(ctx context.Context, h *history.History, doc db.Document, ref string, other db.Document, second string) (*Comparison, error) {
	one := func(doc db.Document, ref string) (history.Version, error) {
		v, err := h.Version(ctx, doc, ref)
		if err != nil && strings.Contains(ref, "..") {
			err = misask(hint.Wrap(fmt.Errorf("%q names two versions, and of two documents one each is compared", ref), "write A@v3 B@v5"))
		}
		return v, err
	}
	old, err := one(doc, ref)
	if err != nil {
		return nil, err
	}
	now, err := one(other, second)
	if err != nil {
		return nil, err
	}
	c := &Comparison{Doc: other}
	if doc.Key != other.Key {
		c.From = &doc
	}
	return c, c.load(ctx, h, &old, now)
}

// withBefore compares a version with the one before it.
func (c *Comparison) withBefore(ctx context.Context, h *history.History, ref string) error {
	now, err := h.Version(ctx, c.Doc, ref)
	if err != nil {
		return err
	}
	old, ok, err := h.Before(ctx, now)
	if err != nil {
		return err
	}
	if !ok {
		c.Notes = append(c.Notes, now.Label()+" is the first version: it is compared with nothing")
		return c.load(ctx, h, nil, now)
	}
	return c.load(ctx, h, &old, now)
}

// load reads both contents.
func (c *Comparison) load(ctx context.Context, h *history.History, old *history.Version, now history.Version) error {
	if old != nil {
		was, err := h.Content(ctx, *old)
		if err != nil {
			return err
		}
		c.Old, c.Was = old.Label(), diff.Read(was.Bytes)
		c.note(*old)
	}
	is, err := h.Content(ctx, now)
	if err != nil {
		return err
	}
	c.New, c.Now = now.Label(), diff.Read(is.Bytes)
	c.note(now)
	return nil
}

func (c *Comparison) note(v history.Version) {
	if v.Note != "" {
		c.Notes = append(c.Notes, v.Note)
	}
}
