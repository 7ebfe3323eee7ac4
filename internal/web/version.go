package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/history"
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

	doc      db.Document
	revision db.Revision
	notes    []string
}

// link is a name that leads somewhere.
type link struct {
	Name pieces
	URL  string // "" leads nowhere
}

// head finds the version that the address names, and says what is known of it beside
// its content. That may be missing.
func (q *question) head(ctx context.Context, here string) (*versionHead, error) {
	v, err := q.version(ctx)
	if err != nil && !errors.Is(err, history.ErrNotHere) {
		return nil, err
	}
	all, failed := q.Versions(ctx, v.Document)
	if failed != nil {
		return nil, failed
	}
	label := unsegment(q.PathValue("version"))
	at := slices.IndexFunc(all, func(r db.Revision) bool { return r.Name() == label && r.Key == v.Key })
	if at < 0 {
		return nil, err // a reference to what is not here
	}
	r := all[at]
	h := &versionHead{
		DocumentURL: documentURL(v.Document), URL: versionURL(v.Document, label), Document: visible(v.Document.Name, ""), Label: visible(label, ""),
		Here: here, By: visible(r.Author, ""), MadeAt: r.MadeAt, SeenAt: r.SeenAt, CheckedAt: r.CheckedAt, WithdrawnAt: r.WithdrawnAt,
		UncheckedSince: r.PreviousCheckedAt, ErasedAt: r.ErasedAt, UUID: visible(r.UUID, ""), Request: visible(r.Evidence.RequestID, ""), Answered: r.Evidence.Date,
		Absent: absent(r), doc: v.Document, revision: r,
	}
	if r.Number > 0 {
		h.Size, h.SHA256 = text.Size(int64(r.Size)), r.Hash.String()
	}
	if v.Note != "" {
		h.notes = append(h.notes, v.Note)
	}
	if r.Form == coc.FormToken {
		h.notes = append(h.notes, answer.TokenNote)
	}
	h.beside(all, at)
	id, err := q.DB.ChangeTo(ctx, v.Document.Key, r.Key)
	if id > 0 {
		h.ChangeURL = changeURL(id)
	}
	return h, err
}

// absent says why the content of a version is not here; nil where it is.
func absent(r db.Revision) pieces {
	switch {
	case r.Number == 0:
		return visible(history.Reason(r), "")
	case r.Erased:
		return visible("somebody had it removed from the archive for good: "+r.ErasedWhy, "")
	}
	return nil
}

// beside leads to the versions before and after, and to comparisons.
func (h *versionHead) beside(all []db.Revision, at int) {
	page := func(r db.Revision) link {
		l := link{visible(r.Name(), ""), versionURL(h.doc, r.Name())}
		if h.Here != "content" && absent(r) == nil {
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
	h.ChooseURL = h.DocumentURL + "?" + query1("from", all[at].Name())
	for i, r := range slices.Backward(all) {
		if r.Label == h.doc.Version && absent(r) == nil {
			if i != at {
				h.Newest = link{visible(r.Name(), ""), compareURL(h.doc, all[min(i, at)], all[max(i, at)])}
			}
			return
		}
	}
}

// compareURL is the comparison of two versions of a document.
func compareURL(doc db.Document, old, now db.Revision) string {
	return documentURL(doc) + "/compare?" + url.Values{"old": {old.Name()}, "new": {now.Name()}}.Encode()
}

// view is one of the version's pages.
func (h *versionHead) view(body any, notes ...string) *view {
	v := &view{Title: visible(h.doc.Name+" "+h.revision.Name(), ""), Here: "documents", Notes: append(h.notes, notes...), Body: body}
	switch {
	case h.revision.Number == 0:
		v.Status = http.StatusNotFound
	case h.Absent != nil:
		v.Status = http.StatusGone
	}
	return v
}

// content is the version's content. Without one, its other pages are where that is said.
func (h *versionHead) content(ctx context.Context, q *question) (*diff.Text, error) {
	if h.Absent != nil {
		if h.Here == "content" {
			return diff.Read(nil), nil
		}
		return nil, moved(h.URL)
	}
	c, err := q.Content(ctx, history.Version{Document: h.doc, Revision: h.revision})
	return diff.Read(c.Bytes), err
}

// versionPage is a version's content.
type versionPage struct {
	*versionHead
	Lines []sourceLine
	More  int // lines that are not shown
}

func (s *Site) version(ctx context.Context, q *question) (*view, error) {
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
