package query

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Comparison is two contents, of one document or two.
type Comparison struct {
	Document Document
	From     *Document  // of the old content; nil for Document
	Old, New string     // versions; Old is "" for nothing
	Was, Now *diff.Text // Was is nil for nothing
	Notes    []string   // what a caller should know

	result *coc.Difference
}

// Equal reports whether both contents are the same bytes.
func (c *Comparison) Equal() bool { return c.Was != nil && bytes.Equal(c.Was.Content, c.Now.Content) }

// Result is the difference. It is computed at the first call: a line diff
// does not need it.
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
		return c.From.Name + "  " + c.Old + " → " + c.Document.Name + "  " + c.New
	}
	return c.Document.Name + "  " + Arrow(c.Old, c.New)
}

// OldDocument is the document of the old content.
func (c *Comparison) OldDocument() Document {
	if c.From != nil {
		return *c.From
	}
	return c.Document
}

// Compare compares the versions that one or two arguments name: DOC, DOC@REF, DOC@A..B, DOC
// REF, DOC@A REF, A@REF B@REF. A single version is compared with the previous one.
func (a *Archive) Compare(ctx context.Context, args []string) (*Comparison, error) {
	if len(args) == 2 && args[1] == "" {
		return nil, badQuery(hint.Wrap(errors.New("the second version is empty"), "is a shell variable not set? The newest is called latest"))
	}
	doc, ref, err := a.Split(ctx, args[0])
	if err != nil {
		return nil, err
	}
	other, second, err := a.otherDocument(ctx, doc, ref, args)
	if err != nil {
		return nil, err
	}
	if other != nil {
		return a.compareAcross(ctx, doc, ref, *other, second)
	}
	if len(args) == 2 && ref == "" && strings.Contains(args[1], "..") {
		ref, args = args[1], args[:1] // DOC v3..v5 means DOC@v3..v5
	}
	from, to, ranged := strings.Cut(ref, "..")
	switch {
	case from != "" && strings.HasPrefix(to, "."):
		return nil, badQuery(hint.Wrap(fmt.Errorf("%q has too many dots", ref),
			fmt.Sprintf("did you mean %s..%s?", from, strings.TrimLeft(to, "."))))
	case ranged && (len(args) == 2 || from == ""), len(args) == 2 && strings.Contains(args[1], ".."):
		return nil, badQuery(hint.Wrap(fmt.Errorf("%q does not name two versions", strings.Join(args, " ")),
			"write DOC@v3..v5, DOC@v3 v5, or DOC@v3.. for up to the newest"))
	case len(args) == 2 && ref == "":
		from, ranged = args[1], true // up to the newest
	case len(args) == 2:
		from, to, ranged = ref, args[1], true
	}
	if !ranged {
		return a.compareWithPrevious(ctx, doc, ref)
	}
	return a.compareAcross(ctx, doc, from, doc, to)
}

// Between compares two versions, each named as DOC@REF, of one document or two. If old is
// "", it is the previous one.
func (a *Archive) Between(ctx context.Context, old, now string) (*Comparison, error) {
	if old == "" {
		return a.Compare(ctx, []string{now})
	}
	doc, ref, err := a.Split(ctx, old)
	if err != nil {
		return nil, err
	}
	other, second, err := a.Split(ctx, now)
	if err != nil {
		return nil, err
	}
	return a.compareAcross(ctx, doc, ref, other, second)
}

// otherDocument returns the document that a second argument names, with its reference; nil
// if it names a version of the first. Naming the first document again is refused.
func (a *Archive) otherDocument(ctx context.Context, doc Document, ref string, args []string) (_ *Document, second string, err error) {
	if len(args) < 2 {
		return nil, "", nil
	}
	// A version has precedence over a document of the same name.
	_, err = a.Version(ctx, doc, args[1])
	if err == nil || !strings.Contains(args[1], "@") && !errors.Is(err, coc.ErrNotFound) {
		return nil, "", nil
	}
	other, second, err := a.Split(ctx, args[1])
	switch {
	case errors.Is(err, coc.ErrNotFound):
		return nil, "", nil // the error of its version says more
	case err != nil:
		return nil, "", err
	case other.key != doc.key:
		return &other, second, nil
	}
	write := cmp.Or(ref, "latest") + ".." + second
	if strings.Contains(second, "..") {
		write = second
	}
	return nil, "", badQuery(hint.Wrap(fmt.Errorf("%q names the document again; give only a version", args[1]),
		"write "+text.Visible(strings.TrimSuffix(args[0], "@"+ref)+"@"+write)))
}

// compareAcross compares a version of each of two documents, or two versions of one.
func (a *Archive) compareAcross(ctx context.Context, doc Document, ref string, other Document, second string) (*Comparison, error) {
	old, err := a.oneVersion(ctx, doc, ref)
	if err != nil {
		return nil, err
	}
	now, err := a.oneVersion(ctx, other, second)
	if err != nil {
		return nil, err
	}
	return a.load(ctx, &old, now)
}

// oneVersion is Version with an explanation for v3..v5.
func (a *Archive) oneVersion(ctx context.Context, doc Document, ref string) (Version, error) {
	v, err := a.Version(ctx, doc, ref)
	if err != nil && strings.Contains(ref, "..") {
		err = badQuery(hint.Wrap(fmt.Errorf("%q names two versions, but only one of each document is compared", ref), "write A@v3 B@v5"))
	}
	return v, err
}

// compareWithPrevious compares a version with the previous one.
func (a *Archive) compareWithPrevious(ctx context.Context, doc Document, ref string) (*Comparison, error) {
	now, err := a.Version(ctx, doc, ref)
	if err != nil {
		return nil, err
	}
	old, err := a.previous(ctx, now)
	if err != nil {
		return nil, err
	}
	return a.load(ctx, old, now)
}

// load reads the contents of both versions; a nil old is nothing.
func (a *Archive) load(ctx context.Context, old *Version, now Version) (*Comparison, error) {
	c := &Comparison{Document: now.Document, New: now.Version}
	read := func(v Version) (*diff.Text, error) {
		if v.Note != "" {
			c.Notes = append(c.Notes, v.Note)
		}
		content, err := a.Content(ctx, v)
		return diff.Read(content.Bytes), err
	}
	var err error
	if old == nil {
		c.Notes = append(c.Notes, now.Version+" is the first version: it is compared with nothing")
	} else {
		if c.Was, err = read(*old); err != nil {
			return nil, err
		}
		c.Old = old.Version
		if old.Document.key != now.Document.key {
			c.From = &old.Document
		}
	}
	if c.Now, err = read(now); err != nil {
		return nil, err
	}
	return c, nil
}
