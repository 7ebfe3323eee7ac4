package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"time"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/history"
	"cocsync/internal/text"
)

// feedEntries is how many changes a feed holds. A reader that asks less often than so
// many come finds the others by the API.
const feedEntries = 100

// feeds serves what feed readers ask: Atom, RFC 4287.
func (s *Site) feeds(mux *http.ServeMux) {
	mux.HandleFunc("GET /feed.atom", s.feed(func(context.Context, *history.History, *http.Request) (db.Document, error) {
		return db.Document{}, nil
	}))
	mux.HandleFunc("GET /documents/{account}/{id}/feed.atom", s.feed(func(ctx context.Context, h *history.History, r *http.Request) (db.Document, error) {
		return (&question{r, h, r.URL.Query()}).document(ctx)
	}))
	mux.HandleFunc("GET /documents/{doc}/feed.atom", s.feed(func(ctx context.Context, h *history.History, r *http.Request) (db.Document, error) {
		return h.Document(ctx, r.PathValue("doc"))
	}))
}

// feed answers with the feed of the document that find finds; without a key, of all.
func (s *Site) feed(find func(context.Context, *history.History, *http.Request) (db.Document, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var notes []string // a feed has no place for them
		h := s.asker(&notes)
		doc, err := find(r.Context(), h, r)
		var feed atomFeed
		var updated time.Time
		if err == nil {
			feed, updated, err = s.newFeed(r.Context(), h, doc, base(r))
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

// newFeed makes the feed of a document, or of all where it has no key, for a page at
// that address.
func (s *Site) newFeed(ctx context.Context, h *history.History, doc db.Document, at string) (f atomFeed, updated time.Time, err error) {
	origin, err := h.DB.Origin(ctx)
	if err != nil {
		return f, updated, err
	}
	list, err := h.DB.Recorded(ctx, doc.Key, feedEntries)
	if err != nil {
		return f, updated, err
	}
	title, page := "cocsync: what changed", "/"
	if doc.Key != 0 {
		title, page = "cocsync: "+doc.Name, documentURL(doc)
	}
	f = atomFeed{
		ID: atomID("feed", origin, doc.Account, doc.DocumentID), Title: text.Visible(title), Author: atomPerson{"cocsync"},
		Links: []atomLink{
			{"self", "application/atom+xml", at + feedURL(doc)},
			{"alternate", "text/html", at + page},
		},
		Generator: atomGenerator{s.Version, "cocsync"},
	}
	for _, c := range list {
		if at := recordedAt(c); at.After(updated) {
			updated = at
		}
		f.Entries = append(f.Entries, newEntry(c, origin, at))
	}
	if len(list) == 0 {
		updated, err = since(ctx, h, doc)
	}
	f.Updated = atomMoment(updated)
	return f, updated, err
}

// feedURL is the feed of a document; without a key, of all.
func feedURL(doc db.Document) string {
	if doc.Key == 0 {
		return "/feed.atom"
	}
	return documentURL(doc) + "/feed.atom"
}

// since is when an empty feed was last different, for a feed must say so: when the
// watching began.
func since(ctx context.Context, h *history.History, doc db.Document) (at time.Time, err error) {
	if doc.Key == 0 {
		at, err = h.DB.FirstCycle(ctx)
	} else {
		var d db.Details
		d, err = h.DB.Details(ctx, doc.Key)
		at = d.FirstSeenAt
	}
	if at.IsZero() {
		at = time.Unix(0, 0)
	}
	return at, err
}

// recordedAt is when a change was recorded. Changes of one step have one time, and the
// entries of a feed need different ones: the number of the change is added in nanoseconds.
func recordedAt(c coc.Change) time.Time { return c.SeenAt.Add(time.Duration(c.ID % 1e6)) }

func newEntry(c coc.Change, origin, at string) atomEntry {
	title := string(c.Kind) + ": " + c.Name
	if c.Version != "" {
		title += " " + answer.Arrow(c.Previous, c.Version)
	}
	author := "unknown"
	if c.By != "" {
		author = c.By
	}
	return atomEntry{
		// Of nothing that can change: a name may, and v3 is v3#1 once it is rewritten.
		ID:    atomID("change", origin, c.Account, c.DocumentID, c.ID, c.SeenAt.UnixMilli()),
		Title: text.Visible(title), Updated: atomMoment(recordedAt(c)), Published: atomTime(c.At), Author: atomPerson{text.Visible(author)},
		Links:    []atomLink{{"alternate", "text/html", at + changeURL(c.ID)}},
		Category: atomCategory{string(c.Kind)},
		Content:  atomContent{"text", feedContent(c)},
	}
}
