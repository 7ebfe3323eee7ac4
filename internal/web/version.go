package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"cocsync/internal/diff"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// versionHead is what all pages of a version begin with.
type versionHead struct {
	Document, Label             pieces
	DocumentURL, URL            string
	Here                        string // which of its pages this is
	Before, After               link   // the same pages of the versions beside it
	ChangeURL                   string // of the change that brought it; "" for none
	ChooseURL                   string // where another is chosen to compare it with
	Newest                      link   // its comparison with the newest; "" where that is this
	By                          pieces
	MadeAt, SeenAt, CheckedAt   time.Time
	WithdrawnAt, UncheckedSince time.Time
	ErasedAt                    time.Time
	Size, SHA256                string // "" without a content
	UUID, Request               pieces
	Answered                    time.Time
	Absent                      pieces // why its content is not here; nil: it is

	doc      query.Document
	revision query.Revision
	notes    []string
}

// link is a name that leads somewhere.
type link struct {
	Name pieces
	URL  string // "" leads nowhere
}

// newLink links to a version.
func newLink(doc query.Document, r query.Revision) link {
	return link{visible(r.Version, ""), versionURL(doc, r.Version)}
}

// head returns the version that the address names without its content, which may be missing.
func (q *pageRequest) head(ctx context.Context, here string) (*versionHead, error) {
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
	r := all[at]
	h := &versionHead{
		DocumentURL: documentURL(v.Document), URL: versionURL(v.Document, label), Document: visible(v.Document.Name, ""), Label: visible(label, ""),
		Here: here, By: visible(string(r.By), ""), MadeAt: r.MadeAt.Time, SeenAt: r.SeenAt.Time, CheckedAt: r.CheckedAt.Time, WithdrawnAt: r.WithdrawnAt.Time,
		UncheckedSince: r.PreviousCheckedAt.Time, ErasedAt: r.ErasedAt.Time, UUID: visible(string(r.UUID), ""), Request: visible(string(r.RequestID), ""), Answered: r.AnsweredAt.Time,
		Absent: absent(r), doc: v.Document, revision: r,
	}
	if r.Archived {
		h.Size, h.SHA256 = text.Size(int64(*r.Size)), string(r.SHA256)
	}
	h.notes = v.Notes()
	h.beside(all, at)
	ref, err := q.ChangeTo(ctx, v)
	if ref != "" {
		h.ChangeURL = changeURL(ref)
	}
	return h, err
}

// absent says why the content of a version is not in the archive; nil if it is.
func absent(r query.Revision) pieces {
	switch {
	case !r.Archived:
		return visible(r.Reason(), "")
	case r.Erased:
		return visible("it was erased permanently: "+string(r.ErasedReason), "")
	}
	return nil
}

// beside links to the previous and the next version, and to comparisons.
func (h *versionHead) beside(all []query.Revision, at int) {
	page := func(r query.Revision) link {
		l := newLink(h.doc, r)
		if h.Here != "content" && r.Readable() {
			l.URL += "/" + h.Here
		}
		return l
	}
	if at > 0 {
		h.Before = page(all[at-1])
	}
	if at+1 < len(all) {
		h.After = page(all[at+1])
	}
	if h.Absent != nil {
		return
	}
	h.ChooseURL = h.DocumentURL + "?" + oneParameter("from", all[at].Version)
	for i, r := range slices.Backward(all) {
		if r.Label == string(h.doc.Version) && r.Readable() {
			if i != at {
				h.Newest = link{visible(r.Version, ""), compareURL(h.doc, all[min(i, at)], all[max(i, at)])}
			}
			return
		}
	}
}

// compareURL is the comparison of two versions of a document.
func compareURL(doc query.Document, old, now query.Revision) string {
	return documentURL(doc) + "/compare?" + url.Values{"old": {old.Version}, "new": {now.Version}}.Encode()
}

// view is one of the version's pages.
func (h *versionHead) view(body any, notes ...string) *view {
	v := &view{Title: visible(h.doc.Name+" "+h.revision.Version, ""), Here: "documents", Notes: append(h.notes, notes...), Body: body}
	switch {
	case !h.revision.Archived:
		v.Status = http.StatusNotFound
	case h.Absent != nil:
		v.Status = http.StatusGone
	}
	return v
}

// content is the version's content. Its other pages redirect to that of the content if it
// is missing.
func (h *versionHead) content(ctx context.Context, q *pageRequest) (*diff.Text, error) {
	if h.Absent != nil {
		if h.Here == "content" {
			return diff.Read(nil), nil
		}
		return nil, moved(h.URL)
	}
	c, err := q.Content(ctx, query.Version{Document: h.doc, Revision: h.revision})
	return diff.Read(c.Bytes), err
}

// versionPage is a version's content.
type versionPage struct {
	*versionHead
	Lines []sourceLine
	More  int // lines that are not shown
}

func (s *Site) version(ctx context.Context, q *pageRequest) (*view, error) {
	head, err := q.head(ctx, "content")
	if err != nil {
		return nil, err
	}
	c, err := head.content(ctx, q)
	if err != nil {
		return nil, err
	}
	b := &versionPage{versionHead: head}
	b.Lines, b.More = source(c.Lines)
	return head.view(b), nil
}
