package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// feedEntries is how many changes a feed holds. A reader that asks less often than so
// many come finds the others by the API.
const feedEntries = 100

// feeds serves what feed readers ask: Atom, RFC 4287.
func (s *Site) feeds(mux *http.ServeMux) {
	mux.HandleFunc("GET /feed.atom", s.feed(nil))
	mux.HandleFunc("GET /documents/{account}/{id}/feed.atom", s.feed(func(ctx context.Context, q *pageRequest) (query.Document, error) {
		return q.document(ctx)
	}))
	mux.HandleFunc("GET /documents/{doc}/feed.atom", s.feed(func(ctx context.Context, q *pageRequest) (query.Document, error) {
		return q.Document(ctx, q.PathValue("doc"))
	}))
}

// feed serves the feed of the document that find returns; of all documents for nil.
func (s *Site) feed(find func(context.Context, *pageRequest) (query.Document, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := &pageRequest{r, s.archive(new([]string)), r.URL.Query()} // a feed has no notes
		var doc *query.Document
		var err error
		if find != nil {
			var found query.Document
			found, err = find(r.Context(), q)
			doc = &found
		}
		var feed atomFeed
		var updated time.Time
		if err == nil {
			feed, updated, err = s.newFeed(r.Context(), q, doc, base(r))
		}
		if err != nil {
			s.plainly(w, r, err)
			return
		}
		s.sendFeed(w, r, feed, updated)
	}
}

// sendFeed writes a feed, or that the reader has it already.
func (s *Site) sendFeed(w http.ResponseWriter, r *http.Request, feed atomFeed, updated time.Time) {
	var body bytes.Buffer
	body.WriteString(xml.Header)
	e := xml.NewEncoder(&body)
	e.Indent("", " ")
	if err := e.Encode(feed); err != nil {
		s.Log.Error("feed not written", "path", r.URL.Path, "err", err)
		http.Error(w, "this feed cannot be written; cocsync's log says why", http.StatusInternalServerError)
		return
	}
	body.WriteByte('\n')
	sum := sha256.Sum256(body.Bytes())
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	// Last-Modified is for people. What is recorded within one second, or seen first and
	// recorded later, does not move it: only the ETag says whether a reader has it all.
	r = r.Clone(r.Context())
	r.Header.Del("If-Modified-Since")
	http.ServeContent(w, r, "", updated, bytes.NewReader(body.Bytes()))
}

// base is where this page is, as the reader reached it. Entries have their links from
// it, and not their ids.
func base(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// newFeed makes the feed of a document, or of all for nil, for a page at that address.
func (s *Site) newFeed(ctx context.Context, q *pageRequest, doc *query.Document, at string) (f atomFeed, updated time.Time, err error) {
	found, err := q.Feed(ctx, doc, feedEntries)
	if err != nil {
		return f, updated, err
	}
	title, page, feed, ref := "cocsync: what changed", "/", "/feed.atom", query.Ref{}
	if doc != nil {
		title, page, ref = "cocsync: "+doc.Name, documentURL(*doc), doc.Ref
		feed = page + feed
	}
	f = atomFeed{
		ID: atomID("feed", found.Origin, ref.Account, ref.DocumentID), Title: text.Visible(title), Author: atomPerson{"cocsync"},
		Links: []atomLink{
			{"self", "application/atom+xml", at + feed},
			{"alternate", "text/html", at + page},
		},
		Generator: atomGenerator{s.Version, "cocsync"},
	}
	for _, c := range found.Changes {
		if at := recordedAt(c); at.After(updated) {
			updated = at
		}
		f.Entries = append(f.Entries, newEntry(c, found.Origin, at))
	}
	if len(found.Changes) == 0 { // a feed must say when it last changed
		if updated = found.Since; updated.IsZero() {
			updated = time.Unix(0, 0)
		}
	}
	f.Updated = atomMoment(updated)
	return f, updated, nil
}

// recordedAt is when a change was recorded. Changes of one step have one time, and the
// entries of a feed need different ones: the number of the change is added in nanoseconds.
func recordedAt(c coc.Change) time.Time { return c.SeenAt.Add(time.Duration(c.Key.ID % 1e6)) }

func newEntry(c coc.Change, origin, at string) atomEntry {
	title := string(c.Kind) + ": " + c.Name
	if c.Version != "" {
		title += " " + query.Arrow(c.Previous, c.Version)
	}
	author := "unknown"
	if c.By != "" {
		author = c.By
	}
	return atomEntry{
		// Of nothing that can change: a name may, and v3 is v3#1 once it is rewritten.
		ID:    atomID("change", origin, c.Account, c.DocumentID, c.Key.ID, c.SeenAt.UnixMilli()),
		Title: text.Visible(title), Updated: atomMoment(recordedAt(c)), Published: atomTime(c.At), Author: atomPerson{text.Visible(author)},
		Links:    []atomLink{{"alternate", "text/html", at + changeURL(c.Ref)}},
		Category: atomCategory{string(c.Kind)},
		Content:  atomContent{"text", feedContent(c)},
	}
}
