package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

// feedEntries is the maximum number of changes in a feed. Older changes are available
// through the API.
const feedEntries = 100

// feeds registers the Atom feeds (RFC 4287).
func (s *Site) feeds(mux *http.ServeMux, p *pages) {
	s.file(mux, "/feed.atom", func(w http.ResponseWriter, q *request) error {
		return p.feed(w, q, query.Document{}, feed{Title: "cocsync: changes", Page: "/", Address: "/feed.atom"})
	})
	for _, address := range []string{"/documents/{account}/{id}/feed.atom", "/documents/{doc}/feed.atom"} {
		s.file(mux, address, func(w http.ResponseWriter, q *request) error {
			doc, err := q.document(q.Request.Context())
			if err != nil {
				return err
			}
			page := documentURL(doc)
			return p.feed(w, q, doc, feed{Title: "cocsync: " + doc.Name, Page: page, Address: page + "/feed.atom", ref: doc.Ref})
		})
	}
}

// feed is the data of a feed's template, which escapes all texts. Invisible characters are
// replaced first: XML cannot encode every character.
type feed struct {
	query.Feed
	Title         string
	Page, Address string // of the feed's subject, and of the feed
	Base          string // the scheme and host that the client used; ids do not contain it
	Updated       time.Time
	ref           query.Ref
}

// feed writes the feed of a document, or of all documents for the zero one; or 304 if the
// client has the current one.
func (p *pages) feed(w http.ResponseWriter, q *request, doc query.Document, f feed) (err error) {
	if f.Feed, err = q.Feed(q.Request.Context(), doc, feedEntries); err != nil {
		return err
	}
	f.Base = "http://" + q.Host
	if q.TLS != nil || q.Header.Get("X-Forwarded-Proto") == "https" {
		f.Base = "https://" + q.Host
	}
	f.Updated = f.Since
	if len(f.Changes) > 0 || f.Since.IsZero() { // RFC 4287 requires updated
		f.Updated = time.Unix(0, 0)
	}
	for _, c := range f.Changes {
		if at := recordedAt(c); at.After(f.Updated) {
			f.Updated = at
		}
	}
	body := bytes.NewBufferString(xml.Header)
	if err := p.atom.Execute(body, &f); err != nil {
		return fmt.Errorf("write the feed: %w", err)
	}
	sum := sha256.Sum256(body.Bytes())
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	// Last-Modified is informative only. It misses changes that are recorded within the same
	// second or later than they were seen, so only the ETag is compared.
	r := q.Clone(q.Request.Context())
	r.Header.Del("If-Modified-Since")
	http.ServeContent(w, r, "", f.Updated, bytes.NewReader(body.Bytes()))
	return nil
}

// recordedAt returns when a change was recorded, plus its number in nanoseconds: changes of
// one step have the same time, and entries of a feed need different times.
func recordedAt(c coc.Change) time.Time { return c.SeenAt.Add(time.Duration(c.Key.ID % 1e6)) }

// ID returns the permanent id of the feed.
func (f *feed) ID() string { return atomID("feed", f.Origin, f.ref.Account, f.ref.DocumentID) }

// EntryID returns the permanent id of an entry. Only immutable parts are in it: names
// change, and v3 becomes v3#1 when it is rewritten.
func (f *feed) EntryID(c coc.Change) string {
	return atomID("change", f.Origin, c.Account, c.DocumentID, c.Key.ID, c.SeenAt.UnixMilli())
}

// atomID returns a permanent id for parts, independent of the feed's address: a UUID of
// version 8, computed from a hash (RFC 9562, section 5.8).
func atomID(parts ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
