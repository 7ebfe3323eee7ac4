package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// feedEntries is the maximum number of changes in a feed. Older changes are available
// through the API.
const feedEntries = 100

// feeds registers the Atom feeds (RFC 4287).
func (s *Site) feeds(mux *http.ServeMux) {
	s.file(mux, "/feed.atom", func(w http.ResponseWriter, q *request) error { return s.feed(w, q, nil) })
	for _, address := range []string{"/documents/{account}/{id}/feed.atom", "/documents/{doc}/feed.atom"} {
		s.file(mux, address, func(w http.ResponseWriter, q *request) error {
			doc, err := q.document(q.Request.Context())
			if err != nil {
				return err
			}
			return s.feed(w, q, &doc)
		})
	}
}

// feed writes the feed of a document, or of all documents for nil; or 304 if the client has
// the current one.
func (s *Site) feed(w http.ResponseWriter, q *request, doc *query.Document) error {
	feed, updated, err := s.newFeed(q.Request.Context(), q, doc, base(q.Request))
	if err != nil {
		return err
	}
	body := bytes.NewBufferString(xml.Header)
	e := xml.NewEncoder(body)
	e.Indent("", " ")
	if err := e.Encode(feed); err != nil {
		return fmt.Errorf("write the feed: %w", err)
	}
	body.WriteByte('\n')
	sum := sha256.Sum256(body.Bytes())
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	// Last-Modified is informative only. It misses changes that are recorded within the same
	// second or later than they were seen, so only the ETag is compared.
	r := q.Clone(q.Request.Context())
	r.Header.Del("If-Modified-Since")
	http.ServeContent(w, r, "", updated, bytes.NewReader(body.Bytes()))
	return nil
}

// base returns the scheme and host that the client used. Links of entries contain it, ids
// do not.
func base(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// newFeed returns the feed of a document, or of all documents for nil. at is the base of links.
func (s *Site) newFeed(ctx context.Context, q *request, doc *query.Document, at string) (f atomFeed, updated time.Time, err error) {
	found, err := q.Feed(ctx, doc, feedEntries)
	if err != nil {
		return f, updated, err
	}
	title, page, feed, ref := "cocsync: changes", "/", "/feed.atom", query.Ref{}
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
	if len(found.Changes) == 0 { // RFC 4287 requires updated
		if updated = found.Since; updated.IsZero() {
			updated = time.Unix(0, 0)
		}
	}
	f.Updated = atomMoment(updated)
	return f, updated, nil
}

// recordedAt returns when a change was recorded, plus its number in nanoseconds: changes of
// one step have the same time, and entries of a feed need different times.
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
		// Only immutable parts: names change, and v3 becomes v3#1 when it is rewritten.
		ID:    atomID("change", origin, c.Account, c.DocumentID, c.Key.ID, c.SeenAt.UnixMilli()),
		Title: text.Visible(title), Updated: atomMoment(recordedAt(c)), Published: atomTime(c.At), Author: atomPerson{text.Visible(author)},
		Links:    []atomLink{{"alternate", "text/html", at + changeURL(c.Ref)}},
		Category: atomCategory{string(c.Kind)},
		Content:  atomContent{"text", feedContent(c)},
	}
}
