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

// versionHead is the head of all pages of a version.
type versionHead struct {
	Document, Label             pieces
	DocumentURL, URL            string
	Here                        string // the current page: content, outline or blame
	Before, After               link   // the same page of the previous and the next version
	ChangeURL                   string // of the change that added it; "" for none
	ChooseURL                   string // to select another version for a comparison
	Newest                      link   // the comparison with the newest version; empty if this is the newest
	By                          pieces
	MadeAt, SeenAt, CheckedAt   time.Time
	WithdrawnAt, UncheckedSince time.Time
	ErasedAt                    time.Time
	Size, SHA256                string // "" without a content
	UUID, Request               pieces
	AnsweredAt                  time.Time
	Absent                      pieces // why the content is unavailable; nil if it is available

	doc      query.Document
	revision query.Revision
	notes    []string
}

// link is a name with an address.
type link struct {
	Name pieces
	URL  string // "" for none
}

// newLink returns a link to a version.
func newLink(doc query.Document, r query.Revision) link {
	return link{visible(r.Version, ""), versionURL(doc, r.Version)}
}

// head returns the head of the version that the address names. The content may be missing.
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
		UncheckedSince: r.PreviousCheckedAt.Time, ErasedAt: r.ErasedAt.Time, UUID: visible(string(r.UUID), ""), Request: visible(string(r.RequestID), ""), AnsweredAt: r.AnsweredAt.Time,
		Absent: absent(r), doc: v.Document, revision: r,
	}
	if r.Archived {
		h.Size, h.SHA256 = text.Size(int64(*r.Size)), string(r.SHA256)
	}
	h.notes = v.Notes()
	h.links(all, at)
	ref, err := q.ChangeTo(ctx, v)
	if ref != "" {
		h.ChangeURL = changeURL(ref)
	}
	return h, err
}

// absent returns why the content of a version is not archived; nil if it is.
func absent(r query.Revision) pieces {
	switch {
	case !r.Archived:
		return visible(r.Reason(), "")
	case r.Erased:
		return visible("permanently erased: "+string(r.ErasedReason), "")
	}
	return nil
}

// links sets the links to the previous and the next version and to comparisons.
func (h *versionHead) links(all []query.Revision, at int) {
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

// compareURL returns the address of a comparison of two versions of a document.
func compareURL(doc query.Document, old, now query.Revision) string {
	return documentURL(doc) + "/compare?" + url.Values{"old": {old.Version}, "new": {now.Version}}.Encode()
}

// view returns one of the version's pages.
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

// content returns the version's content. If it is missing, other pages than the content
// page redirect to the content page.
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
	More  int // number of lines not shown
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
