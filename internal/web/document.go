package web

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/history"
)

// documentPage is one document: what it is, and all that happened to it.
type documentPage struct {
	Row                      documentRow
	ID, Account, Description pieces
	Creator, Project         pieces
	CreatedAt, UpdatedAt     time.Time
	FirstSeen, LastChecked   time.Time
	Watches                  []pieces
	Life                     life
	Lacking                  []lacking // versions whose content was never had
	LackingMore              int       // of which so many are not named
	Rows                     []event
	NewestURL, Later         string // where the timeline begins and goes on; "" where that is here
	From                     pieces // the version that another is to be chosen for; nil: none was
	NoneURL                  string // the page without that choice
}

// event is a change in a document's timeline, and the version it led to.
type event struct {
	changeRow
	Version           link
	MadeAt, SeenAt    time.Time
	CompareURL        string // chooses the version, or compares it with the one that was chosen
	Chosen, Withdrawn bool
	Absent            bool // its content was removed
}

// lacking is a version whose content is not here.
type lacking struct {
	Version link
	Why     pieces
}

// maxLacking is how many of them are named.
const maxLacking = 20

// documentPages are the addresses of documents and their versions.
func (s *Site) documentPages(mux *http.ServeMux, p *pages) {
	p.get(mux, "/documents/{ref}", "document", s.reference)
	p.get(mux, "/documents/{account}/{id}", "document", s.document)
	p.get(mux, "/documents/{account}/{id}/{version}", "version", s.version)
	p.get(mux, "/documents/{account}/{id}/{version}/outline", "outline", s.outline)
	p.get(mux, "/documents/{account}/{id}/{version}/blame", "blame", s.blame)
	mux.HandleFunc("GET /documents/{account}/{id}/{version}/raw", s.raw)
}

// reference leads to the page of the document that a reference names.
func (s *Site) reference(ctx context.Context, q *question) (*view, error) {
	doc, err := q.Document(ctx, q.PathValue("ref"))
	if err != nil {
		return nil, err
	}
	return nil, moved(documentURL(doc))
}

func (s *Site) document(ctx context.Context, q *question) (*view, error) {
	doc, err := q.document(ctx)
	if err != nil {
		return nil, err
	}
	d, err := q.DB.Details(ctx, doc.Key)
	if err != nil {
		return nil, err
	}
	b := &documentPage{
		Row: newDocumentRow(d), ID: visible(d.DocumentID, ""), Account: visible(d.Account, ""),
		Description: visible(coc.Said(d.Meta.Description), "\n"), Creator: visible(coc.Said(d.Meta.Creator), ""),
		Project: visible(coc.Said(d.Meta.ProjectID), ""), CreatedAt: d.Meta.CreatedAt, UpdatedAt: d.Meta.UpdatedAt,
		FirstSeen: d.FirstSeenAt, LastChecked: d.LastCheckedAt,
	}
	for _, load := range []func(context.Context, *question, db.Document) error{b.watched, b.timeline, b.chart} {
		if err := load(ctx, q, doc); err != nil {
			return nil, err
		}
	}
	return &view{Title: b.Row.Name, Here: "documents", Feed: documentURL(doc) + "/feed.atom", Live: q.get("behind") == "" && b.From == nil, Body: b}, nil
}

func (b *documentPage) watched(ctx context.Context, q *question, doc db.Document) error {
	names, err := q.DB.Followers(ctx, doc.Key)
	for _, n := range names {
		b.Watches = append(b.Watches, visible(n, ""))
	}
	return err
}

// timeline lists what happened, newest first.
func (b *documentPage) timeline(ctx context.Context, q *question, doc db.Document) error {
	behind, err := place(q.get("behind"))
	if err != nil {
		return err
	}
	list, err := q.DB.Changes(ctx, db.Filter{Document: doc.Key, Limit: perPage + 1, Behind: behind})
	if err != nil {
		return err
	}
	if q.get("behind") != "" {
		b.NewestURL = q.with("behind", "")
	}
	if len(list) > perPage {
		last := list[perPage-1]
		b.Later = q.with("behind", fmt.Sprintf("%d-%d", last.At.UnixMilli(), last.ID))
		list = list[:perPage]
	}
	all, err := q.Versions(ctx, doc)
	if err != nil {
		return err
	}
	c := chooser{q: q, doc: doc, all: all, places: map[string]int{}, from: -1}
	for i, r := range all {
		c.places[r.Name()] = i
		if r.Name() == q.get("from") && absent(r) == nil {
			c.from = i
			b.From, b.NoneURL = visible(r.Name(), ""), q.with("from", "")
		}
	}
	for _, x := range list {
		b.Rows = append(b.Rows, c.event(x))
	}
	b.lacks(doc, all)
	return nil
}

// lacks tells of versions whose content is not here, newest first.
func (b *documentPage) lacks(doc db.Document, all []db.Revision) {
	for _, r := range slices.Backward(all) {
		switch {
		case r.Number > 0:
		case len(b.Lacking) == maxLacking:
			b.LackingMore++
		default:
			b.Lacking = append(b.Lacking, lacking{link{visible(r.Name(), ""), versionURL(doc, r.Name())}, absent(r)})
		}
	}
}

// chooser makes a timeline in which two versions can be chosen.
type chooser struct {
	q      *question
	doc    db.Document
	all    []db.Revision  // in their order
	places map[string]int // in it, by name
	from   int            // place of the chosen one; -1 for none
}

func (c *chooser) event(x coc.Change) event {
	e := event{changeRow: newChangeRow(x), MadeAt: x.MadeAt, SeenAt: x.SeenAt}
	at, ok := c.places[x.Version]
	if !ok {
		return e
	}
	r := c.all[at]
	e.Version = link{visible(r.Name(), ""), versionURL(c.doc, r.Name())}
	if x.Kind == coc.KindWithdrawn {
		e.MadeAt = time.Time{} // which is the version's
		return e
	}
	e.Withdrawn, e.Absent = !r.WithdrawnAt.IsZero(), absent(r) != nil
	switch {
	case e.Absent:
	case c.from < 0:
		e.CompareURL = c.q.with("from", r.Name())
	case c.from == at:
		e.Chosen = true
	default: // the older one is the old one, whichever was chosen first
		e.CompareURL = compareURL(c.doc, c.all[min(at, c.from)], c.all[max(at, c.from)])
	}
	return e
}

func (b *documentPage) chart(ctx context.Context, q *question, doc db.Document) error {
	times, err := q.DB.Times(ctx, doc.Key, time.Time{})
	b.Life = newLife(times, q.Now(), q.Local)
	return err
}

// raw answers with the bytes of a version.
func (s *Site) raw(w http.ResponseWriter, r *http.Request) {
	q := &question{r, s.asker(new([]string)), r.URL.Query()}
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
	name := history.FileName(v.Document.Name+"@"+v.Label()) + ".yaml"
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": name}))
	send(w, http.StatusOK, "text/plain; charset=utf-8", c.Bytes)
}
