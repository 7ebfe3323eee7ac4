package web

import (
	"context"
	"mime"
	"net/http"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

// documentPage is one document and its changes.
type documentPage struct {
	query.Meta
	Watches      []string
	HistoryChart chart
	Missing      []query.Revision // versions whose content was never archived, newest first
	MissingMore  int              // missing versions that are not in Missing
	Rows         []event
	// The first and the next page of the timeline; "" on the first and the last page.
	NewestURL, Next string
	From            string // the version selected for a comparison; "" for none
	NoneURL         string // the page without that selection
}

// event is a change in a document's timeline.
type event struct {
	coc.Change
	Revision   *query.Revision // of its version; nil for none
	CompareURL string          // selects the version, or compares it with the selected one
	Chosen     bool
}

// ContentErased reports whether the content of the event's version was erased, and Withdrawn
// whether COC no longer lists the version. Both are false for the withdrawal itself.
func (e event) ContentErased() bool { return e.adds() && !e.Revision.Readable() }
func (e event) Withdrawn() bool     { return e.adds() && !e.Revision.WithdrawnAt.IsZero() }
func (e event) adds() bool          { return e.Revision != nil && e.Kind != coc.KindWithdrawn }

// maxMissing is the maximum number of missing versions that a page lists.
const maxMissing = 20

// documentPages registers the addresses of documents and their versions.
func (s *Site) documentPages(mux *http.ServeMux, p *pages) {
	p.get(mux, "/documents/{doc}", "document", s.reference)
	p.get(mux, "/documents/{account}/{id}", "document", s.document)
	p.get(mux, "/documents/{account}/{id}/{version}", "version", s.version)
	p.get(mux, "/documents/{account}/{id}/{version}/outline", "outline", s.outline)
	p.get(mux, "/documents/{account}/{id}/{version}/blame", "blame", s.blame)
	s.file(mux, "/documents/{account}/{id}/{version}/raw", s.raw)
}

// reference redirects to the page of the document that a reference names.
func (s *Site) reference(ctx context.Context, q *request) (*view, error) {
	doc, err := q.document(ctx)
	if err != nil {
		return nil, err
	}
	return nil, moved(documentURL(doc))
}

func (s *Site) document(ctx context.Context, q *request) (*view, error) {
	doc, err := q.document(ctx)
	if err != nil {
		return nil, err
	}
	b := &documentPage{}
	if b.Meta, err = q.Meta(ctx, doc, ""); err != nil {
		return nil, err
	}
	if b.Watches, err = q.Followers(ctx, doc); err != nil {
		return nil, err
	}
	if err := b.timeline(ctx, q); err != nil {
		return nil, err
	}
	for _, r := range slices.Backward(b.History) {
		switch {
		case r.Archived:
		case len(b.Missing) == maxMissing:
			b.MissingMore++
		default:
			b.Missing = append(b.Missing, r)
		}
	}
	times, err := query.Collect(q.ChangeTimes(ctx, doc, time.Time{}))
	if err != nil {
		return nil, err
	}
	b.HistoryChart, err = newHistoryChart(times, q.Now(), q.Local)
	live := q.get("after") == "" && b.From == ""
	return &view{Title: doc.Name, Here: "documents", Feed: documentURL(doc) + "/feed.atom", Live: live, Body: b}, err
}

// timeline lists the changes, newest first.
func (b *documentPage) timeline(ctx context.Context, q *request) error {
	after, err := q.after()
	if err != nil {
		return err
	}
	list, err := query.Collect(q.ChangesOf(ctx, b.Document, after, perPage+1))
	if err != nil {
		return err
	}
	if q.get("after") != "" {
		b.NewestURL = q.with("after", "")
	}
	list, b.Next = q.cut(list)
	positions, from := map[string]int{}, -1
	for i, r := range b.History {
		positions[r.Version] = i
		if r.Version == q.get("from") && r.Readable() {
			from = i
			b.From, b.NoneURL = r.Version, q.with("from", "")
		}
	}
	for _, c := range list {
		e := event{Change: c}
		if at, ok := positions[c.Version]; ok {
			e.Revision = &b.History[at]
			b.choose(q, &e, at, from)
		}
		b.Rows = append(b.Rows, e)
	}
	return nil
}

// choose sets the link of an event to compare the version at a position in the history with
// the one selected at from; -1 for none.
func (b *documentPage) choose(q *request, e *event, at, from int) {
	switch {
	case e.Kind == coc.KindWithdrawn:
		e.MadeAt = time.Time{} // the version was made then, not the change
	case e.ContentErased():
	case from < 0:
		e.CompareURL = q.with("from", e.Version)
	case from == at:
		e.Chosen = true
	default: // the older version is always the old side
		e.CompareURL = compareURL(b.Document, b.History[min(at, from)], b.History[max(at, from)])
	}
}

// raw serves the bytes of a version.
func (s *Site) raw(w http.ResponseWriter, q *request) error {
	v, err := q.version(q.Request.Context())
	if err != nil {
		return err
	}
	c, err := q.Content(q.Request.Context(), v)
	if err != nil {
		return err
	}
	name := query.FileName(v.Document.Name+"@"+v.Version) + ".yaml"
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": name}))
	send(w, http.StatusOK, "text/plain; charset=utf-8", c.Bytes)
	return nil
}

// file registers a file at an address. Errors are sent as plain text. A file that moved is
// a redirection.
func (s *Site) file(mux *http.ServeMux, address string, serve func(http.ResponseWriter, *request) error) {
	mux.HandleFunc("GET "+address, func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, s.request(r)); err != nil {
			s.sendErrorText(w, r, err)
		}
	})
}
