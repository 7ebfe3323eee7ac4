package web

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"cocsync/internal/query"
)

// Site is the archive in a browser: pages for people, /api/v1/ for programs, a feed
// and metrics. All of it is read only.
type Site struct {
	Archive *query.Archive
	Log     *slog.Logger
	Version string // of the program, as its pages show it
	Guard   Guard
	Live    *Live // what the daemon in this process reports; nil: none runs here
	// Probes is the archive for /-/ready and /metrics, with a handle of its own, so that they
	// do not wait for searches that use all connections of Archive; nil: Archive.
	Probes *query.Archive

	census *census
	checks *checks
}

// The most that one answer may take.
const (
	maxTime    = 20 * time.Second // a question with a wide pattern reads every line there is
	maxAtATime = 16               // answers that are made at once; others wait for their turn
	maxProbes  = 4                // of probes, which do not wait for those
)

//go:embed assets
var assets embed.FS

// Handler returns what answers every request.
func (s *Site) Handler() (http.Handler, error) {
	s.census, s.checks = new(census), new(checks)
	p, err := newPages(s)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	p.assets(mux)
	s.pages(mux, p)
	s.api(mux)
	s.feeds(mux)
	first, err := s.first()
	if err != nil {
		return nil, err
	}
	first.Handle("/", limited(mux, maxAtATime))
	return s.Guard.wrap(healthy(first), s.Log), nil
}

// first returns the addresses of programs that must not wait for what people ask: they
// have turns and a database handle of their own.
func (s *Site) first() (*http.ServeMux, error) {
	own := *s
	if s.Probes != nil {
		own.Archive = s.Probes
	}
	probes, first := http.NewServeMux(), http.NewServeMux()
	own.probes(probes)
	if err := own.metrics(probes); err != nil {
		return nil, err
	}
	turns := limited(probes, maxProbes)
	first.Handle("GET "+readyPath, turns)
	first.Handle("GET /metrics", turns)
	return first, nil
}

// pages are the addresses for people.
func (s *Site) pages(mux *http.ServeMux, p *pages) {
	p.get(mux, "/{$}", "overview", s.overview)
	p.get(mux, "/documents", "documents", s.documents)
	p.get(mux, "/changes", "changes", s.changes)
	p.get(mux, "/search", "search", s.search)
	p.get(mux, "/health", "health", s.health)
	s.documentPages(mux, p)
	s.changePages(mux, p)
	p.get(mux, "/", "missing", s.missing)
}

// limited limits each request to maxTime and concurrency to atATime.
func limited(next http.Handler, atATime int) http.Handler {
	turns := make(chan struct{}, atATime)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), maxTime)
		defer cancel()
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
			next.ServeHTTP(w, r.WithContext(ctx))
		case <-ctx.Done():
			w.Header().Set("Retry-After", "10")
			http.Error(w, "too many questions at once: ask again in a moment", http.StatusServiceUnavailable)
		}
	})
}

// archive returns the archive for one request, which collects the notes.
func (s *Site) archive(notes *[]string) *query.Archive {
	a := *s.Archive
	a.Note = func(note string) { *notes = append(*notes, note) }
	return &a
}

// The addresses of pages are permanent: they consist of ids of COC's, labels and numbers of
// changes.

// documentURL is the page of a document.
func documentURL(d query.Document) string {
	return "/documents/" + segment(d.Account) + "/" + segment(d.DocumentID)
}

// versionURL is the page of a version, named as v3 or v3#2.
func versionURL(d query.Document, label string) string {
	return documentURL(d) + "/" + segment(label)
}

// changeURL is the page of a change.
func changeURL(ref string) string {
	i := strings.LastIndex(ref, "/") // the account's name may have slashes
	if i < 0 {
		return "/changes/" + ref
	}
	return "/changes/" + segment(ref[:i]) + "/" + ref[i+1:]
}

// assets serves the style and the script under names that change with what is in
// them, so that a browser may keep them permanently.
func (p *pages) assets(mux *http.ServeMux) {
	for name, typ := range map[string]string{"style.css": "text/css; charset=utf-8", "moves.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		body := p.bodies[name]
		mux.HandleFunc("GET "+p.asset(name), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", typ)
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			w.Write(body)
		})
	}
}

// asset is the address of a style or a script.
func (p *pages) asset(name string) string {
	sum := sha256.Sum256(p.bodies[name])
	return "/assets/" + hex.EncodeToString(sum[:6]) + "/" + name
}
