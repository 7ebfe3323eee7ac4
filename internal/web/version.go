package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"cocsync/internal/diff"
	"cocsync/internal/query"
)

// versionPage is a page of a version: its content, its outline, or who added its lines.
type versionPage struct {
	Document query.Document
	query.Revision
	Here          string          // the current page: content, outline or blame
	Before, After *query.Revision // the previous and the next version; nil for none
	ChangeRef     string          // of the change that added it; "" for none
	NewestURL     string          // the comparison with the newest version; "" if this is the newest
	Newest        string

	Lines    []sourceLine
	More     int         // number of lines not shown
	Parts    []diff.Part // of the outline
	Unparsed string      // why the structure cannot be parsed
	All      bool        // no part is omitted
}

// page returns the page of the version that the address names. The content may be missing.
func (q *request) page(ctx context.Context, here string) (*versionPage, error) {
	v, err := q.version(ctx)
	if err != nil && !errors.Is(err, query.ErrUnavailable) {
		return nil, err
	}
	all, failed := q.Versions(ctx, v.Document)
	if failed != nil {
		return nil, failed
	}
	label := unsegment(q.PathValue("version"))
	at := slices.IndexFunc(all, func(r query.Revision) bool {
		return r.Version == label && (r.Same(v.Revision) || v.Version == "" && !r.Archived)
	})
	if at < 0 {
		return nil, err // a reference to a missing version
	}
	b := &versionPage{Document: v.Document, Revision: all[at], Here: here}
	q.note(v.Notes()...)
	b.neighbours(all, at)
	b.ChangeRef, err = q.ChangeTo(ctx, v)
	return b, err
}

// neighbours sets the links to the previous and the next version and to a comparison with
// the newest.
func (b *versionPage) neighbours(all []query.Revision, at int) {
	if at > 0 {
		b.Before = &all[at-1]
	}
	if at+1 < len(all) {
		b.After = &all[at+1]
	}
	for i, r := range slices.Backward(all) {
		if r.Label == string(b.Document.Version) && r.Readable() {
			if i != at && b.Readable() {
				b.NewestURL, b.Newest = compareURL(b.Document, all[min(i, at)], all[max(i, at)]), r.Version
			}
			return
		}
	}
}

// URL returns the address of the content.
func (b *versionPage) URL() string { return versionURL(b.Document, b.Version) }

// SamePage returns the address of the same page of another version.
func (b *versionPage) SamePage(r *query.Revision) string {
	address := versionURL(b.Document, r.Version)
	if b.Here != "content" && r.Readable() {
		address += "/" + b.Here
	}
	return address
}

// compareURL returns the address of a comparison of two versions of a document.
func compareURL(doc query.Document, old, now query.Revision) string {
	return documentURL(doc) + "/compare?" + url.Values{"old": {old.Version}, "new": {now.Version}}.Encode()
}

func (b *versionPage) view() *view {
	v := &view{Title: b.Document.Name + " " + b.Version, Here: "documents", Body: b}
	switch {
	case !b.Archived:
		v.Status = http.StatusNotFound
	case b.Erased:
		v.Status = http.StatusGone
	}
	return v
}

// content returns the version's content. If it is missing, it is empty on the content page;
// other pages redirect to that page.
func (b *versionPage) content(ctx context.Context, q *request) (*diff.Text, error) {
	if !b.Readable() {
		if b.Here == "content" {
			return diff.Read(nil), nil
		}
		return nil, moved(b.URL())
	}
	c, err := q.Content(ctx, query.Version{Document: b.Document, Revision: b.Revision})
	return diff.Read(c.Bytes), err
}

// read returns the page of a version and its content.
func (q *request) read(ctx context.Context, here string) (*versionPage, *diff.Text, error) {
	b, err := q.page(ctx, here)
	if err != nil {
		return nil, nil, err
	}
	c, err := b.content(ctx, q)
	return b, c, err
}

func (s *Site) version(ctx context.Context, q *request) (*view, error) {
	b, c, err := q.read(ctx, "content")
	if err != nil {
		return nil, err
	}
	b.Lines, b.More = source(c.Lines)
	return b.view(), nil
}

func (s *Site) outline(ctx context.Context, q *request) (*view, error) {
	b, c, err := q.read(ctx, "outline")
	if err != nil {
		return nil, err
	}
	b.Parts, b.All, b.Unparsed = c.Parts()
	return b.view(), nil
}

// blame shows each line with the version that added it. Only the first line of a run with
// the same version names it.
func (s *Site) blame(ctx context.Context, q *request) (*view, error) {
	b, c, err := q.read(ctx, "blame")
	if err != nil {
		return nil, err
	}
	blamed, note, err := q.Blame(ctx, query.Version{Document: b.Document, Revision: b.Revision}, nil)
	if err != nil {
		return nil, err
	}
	q.note(note)
	b.Lines, b.More = source(c.Lines)
	for i := range b.Lines {
		if i == 0 || blamed[i].Version != blamed[i-1].Version {
			b.Lines[i].AddedBy = &blamed[i]
		}
	}
	return b.view(), nil
}
