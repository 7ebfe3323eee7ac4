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
	Row                      documentRow
	ID, Account, Description pieces
	Creator, Project         pieces
	CreatedAt, UpdatedAt     time.Time
	FirstSeen, LastChecked   time.Time
	Watches                  []pieces
	Life                     life
	Missing                  []missingContent
	MissingMore              int // missing versions that are not in Missing
	Rows                     []event
	NewestURL, Next          string // the first and the next page of the timeline; "" on the first and the last page
	From                     pieces // the version selected for a comparison; nil for none
	NoneURL                  string // the page without that selection
}

// event is a change in a document's timeline, with its version.
type event struct {
	changeRow
	Version           link
	MadeAt, SeenAt    time.Time
	CompareURL        string // selects the version, or compares it with the selected one
	Chosen, Withdrawn bool
	Absent            bool // its content was removed
}

// missingContent is a version whose content is not archived.
type missingContent struct {
	Version link
	Why     pieces
}

// maxMissing is the maximum number of missing versions that a page lists.
const maxMissing = 20

// documentPages registers the addresses of documents and their versions.
func (s *Site) documentPages(mux *http.ServeMux, p *pages) {
	p.get(mux, "/documents/{ref}", "document", s.reference)
	p.get(mux, "/documents/{account}/{id}", "document", s.document)
	p.get(mux, "/documents/{account}/{id}/{version}", "version", s.version)
	p.get(mux, "/documents/{account}/{id}/{version}/outline", "outline", s.outline)
	p.get(mux, "/documents/{account}/{id}/{version}/blame", "blame", s.blame)
	mux.HandleFunc("GET /documents/{account}/{id}/{version}/raw", s.raw)
}

// reference redirects to the page of the document that a reference names.
func (s *Site) reference(ctx context.Context, q *pageRequest) (*view, error) {
	doc, err := q.Document(ctx, q.PathValue("ref"))
	if err != nil {
		return nil, err
	}
	return nil, moved(documentURL(doc))
}

func (s *Site) document(ctx context.Context, q *pageRequest) (*view, error) {
	doc, err := q.document(ctx)
	if err != nil {
		return nil, err
	}
	m, err := q.Meta(ctx, doc, "")
	if err != nil {
		return nil, err
	}
	b := &documentPage{
		Row: newDocumentRow(m.Details), ID: visible(m.DocumentID, ""), Account: visible(m.Account, ""),
		Description: visible(coc.Said(m.Description), "\n"), Creator: visible(coc.Said(m.Creator), ""),
		Project: visible(coc.Said(m.EnterpriseProjectID), ""), CreatedAt: m.CreatedAt.Time, UpdatedAt: m.UpdatedAt.Time,
		FirstSeen: m.FirstSeenAt.Time, LastChecked: m.LastCheckedAt.Time,
	}
	watches, err := q.Followers(ctx, doc)
	if err != nil {
		return nil, err
	}
	for _, w := range watches {
		b.Watches = append(b.Watches, visible(w, ""))
	}
	if err := b.timeline(ctx, q, doc, m.History); err != nil {
		return nil, err
	}
	if b.Life, err = newLife(q.ChangeTimes(ctx, &doc, time.Time{}), q.Now(), q.Local); err != nil {
		return nil, err
	}
	return &view{Title: b.Row.Name, Here: "documents", Feed: documentURL(doc) + "/feed.atom", Live: q.get("after") == "" && b.From == nil, Body: b}, nil
}

// timeline lists the changes, newest first.
func (b *documentPage) timeline(ctx context.Context, q *pageRequest, doc query.Document, all []query.Revision) error {
	after, err := position(q.get("after"))
	if err != nil {
		return err
	}
	list, err := collect(q.ChangesOf(ctx, doc, after, perPage+1))
	if err != nil {
		return err
	}
	if q.get("after") != "" {
		b.NewestURL = q.with("after", "")
	}
	list, b.Next = q.cut(list)
	c := chooser{q: q, doc: doc, all: all, positions: map[string]int{}, from: -1}
	for i, r := range all {
		c.positions[r.Version] = i
		if r.Version == q.get("from") && r.Readable() {
			c.from = i
			b.From, b.NoneURL = visible(r.Version, ""), q.with("from", "")
		}
	}
	for _, x := range list {
		b.Rows = append(b.Rows, c.event(x))
	}
	b.addMissing(doc, all)
	return nil
}

// addMissing adds the versions whose content was never archived, newest first.
func (b *documentPage) addMissing(doc query.Document, all []query.Revision) {
	for _, r := range slices.Backward(all) {
		switch {
		case r.Archived:
		case len(b.Missing) == maxMissing:
			b.MissingMore++
		default:
			b.Missing = append(b.Missing, missingContent{newLink(doc, r), absent(r)})
		}
	}
}

// chooser builds a timeline in which two versions can be selected.
type chooser struct {
	q         *pageRequest
	doc       query.Document
	all       []query.Revision // in order
	positions map[string]int   // in all, by name
	from      int              // the position of the selected version; -1 for none
}

func (c *chooser) event(x coc.Change) event {
	e := event{changeRow: newChangeRow(x), MadeAt: x.MadeAt, SeenAt: x.SeenAt}
	at, ok := c.positions[x.Version]
	if !ok {
		return e
	}
	r := c.all[at]
	e.Version = newLink(c.doc, r)
	if x.Kind == coc.KindWithdrawn {
		e.MadeAt = time.Time{} // the version was made then, not the change
		return e
	}
	e.Withdrawn, e.Absent = !r.WithdrawnAt.IsZero(), !r.Readable()
	switch {
	case e.Absent:
	case c.from < 0:
		e.CompareURL = c.q.with("from", r.Version)
	case c.from == at:
		e.Chosen = true
	default: // the older version is always the old side
		e.CompareURL = compareURL(c.doc, c.all[min(at, c.from)], c.all[max(at, c.from)])
	}
	return e
}

// raw serves the bytes of a version.
func (s *Site) raw(w http.ResponseWriter, r *http.Request) {
	q := &pageRequest{r, s.archive(new([]string)), r.URL.Query()}
	v, err := q.version(r.Context())
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	c, err := q.Content(r.Context(), v)
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	name := query.FileName(v.Document.Name+"@"+v.Version) + ".yaml"
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": name}))
	send(w, http.StatusOK, "text/plain; charset=utf-8", c.Bytes)
}
