package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// documentPage is one document: what it is, and all that happened to it.
type documentPage struct {
	Row                      documentRow
	ID, Account, Description text
	Creator, Project         text
	CreatedAt, UpdatedAt     time.Time
	FirstSeen, LastChecked   time.Time
	Watches                  []text
	Days                     []day
	ChartWidth               int
	ChartLabel               string
	Rows                     []timelineRow
	Later                    string // where the timeline goes on
	Missing                  []missingRow
	From                     text   // the version that another is to be chosen for; nil: none was
	FromURL                  string // the page without that choice
}

// timelineRow is a change in a document's timeline, and the version it led to.
type timelineRow struct {
	changeRow
	Version             text
	VersionURL          string
	MadeAt, SeenAt      time.Time
	CompareURL          string // chooses the version, or compares it with the one that was chosen
	Chosen, Withdrawn   bool
	Size                string
	Unavailable, Erased bool
}

// missingRow is a version whose content is not here.
type missingRow struct {
	Version, State, Why text
}

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
	b := &documentPage{
		Row: newDocumentRow(doc), ID: visible(doc.DocumentID, ""), Account: visible(doc.Account, ""),
		Description: visible(coc.Said(doc.Meta.Description), "\n"), Creator: visible(coc.Said(doc.Meta.Creator), ""),
		Project: visible(coc.Said(doc.Meta.ProjectID), ""), CreatedAt: doc.Meta.CreatedAt, UpdatedAt: doc.Meta.UpdatedAt,
		FirstSeen: doc.FirstSeenAt, LastChecked: doc.LastCheckedAt,
	}
	for _, load := range []func(context.Context, *question, db.Document) error{b.watched, b.timeline, b.chart} {
		if err := load(ctx, q, doc); err != nil {
			return nil, err
		}
	}
	return &view{Title: b.Row.Name, Here: "documents", Feed: documentURL(doc) + "/feed.atom", Live: b.Later == "" && b.From == nil, Body: b}, nil
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
	if len(list) > perPage {
		last := list[perPage-1]
		b.Later = q.with("behind", fmt.Sprintf("%d-%d", last.At.UnixMilli(), last.ID))
		list = list[:perPage]
	}
	all, err := q.Versions(ctx, doc)
	if err != nil {
		return err
	}
	revisions := map[string]db.Revision{}
	for _, r := range all {
		revisions[r.Name()] = r
		if r.Number == 0 {
			b.Missing = append(b.Missing, missingRow{visible(r.Name(), ""), visible(string(r.State), ""), visible(r.Err, "")})
		}
	}
	slices.Reverse(b.Missing)
	from := q.get("from")
	if _, ok := revisions[from]; ok {
		b.From, b.FromURL = visible(from, ""), q.with("from", "")
	}
	for _, c := range list {
		b.Rows = append(b.Rows, newTimelineRow(q, doc, c, revisions, from))
	}
	return nil
}

func newTimelineRow(q *question, doc db.Document, c coc.Change, revisions map[string]db.Revision, from string) timelineRow {
	row := timelineRow{changeRow: newChangeRow(c), MadeAt: c.MadeAt, SeenAt: c.SeenAt}
	r, ok := revisions[c.Version]
	if c.Version == "" || !ok || c.Kind == coc.KindWithdrawn {
		return row
	}
	row.Version, row.VersionURL = visible(c.Version, ""), versionURL(doc, c.Version)
	row.Size, row.Erased, row.Withdrawn = answer.Size(int64(r.Size)), r.Erased, !r.WithdrawnAt.IsZero()
	_, chosen := revisions[from]
	switch {
	case row.Erased:
	case !chosen:
		row.CompareURL = q.with("from", c.Version)
	case from == c.Version:
		row.Chosen = true
	default:
		// The older one is the old one, whichever was chosen first.
		old, now := revisions[from], r
		if now.MadeAt.Before(old.MadeAt) || now.MadeAt.Equal(old.MadeAt) && now.SeenAt.Before(old.SeenAt) {
			old, now = now, old
		}
		row.CompareURL = documentURL(doc) + "/compare?" + url.Values{"old": {old.Name()}, "new": {now.Name()}}.Encode()
	}
	return row
}

func (b *documentPage) chart(ctx context.Context, q *question, doc db.Document) error {
	first := midnight(q.Now().In(q.Local)).AddDate(0, 0, 1-chartDays)
	times, err := q.DB.Times(ctx, doc.Key, first)
	b.Days, b.ChartWidth, b.ChartLabel = chart(times, first, chartDays)
	return err
}

// raw answers with the bytes of a version.
func (s *Site) raw(w http.ResponseWriter, r *http.Request) {
	q := &question{r, s.asker(new([]string)), r.URL.Query()}
	v, err := q.version(r.Context())
	if to := moved(""); errors.As(err, &to) {
		http.Redirect(w, r, string(to)+"/raw", http.StatusSeeOther)
		return
	}
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	c, err := q.Content(r.Context(), v)
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	send(w, http.StatusOK, "text/plain; charset=utf-8", c.Bytes)
}
