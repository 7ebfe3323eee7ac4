package web

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"log/slog"
	"net/http"
	"time"

	"cocsync/internal/query"
)

// Site is the read-only website of an archive: pages, the API under /api/v1/, feeds,
// metrics and probes.
type Site struct {
	Archive *query.Archive
	Log     *slog.Logger
	Version string // of the program, shown on the pages
	Guard   Guard
	Live    *Live // metrics of the daemon in this process; nil if none runs here
	// Probes is the archive for /-/ready and /metrics; nil: Archive. A separate handle keeps
	// them responsive while searches use all connections of Archive.
	Probes *query.Archive

	status *cached[*query.Status]
	checks *cached[map[string]time.Time]
}

// Limits of requests.
const (
	maxTime        = 20 * time.Second // a search for a general pattern reads all lines
	maxConcurrency = 16               // concurrent requests; others are queued
	maxProbes      = 4                // concurrent requests of probes, queued separately
)

//go:embed assets
var assets embed.FS

// Handler returns the handler of all requests.
func (s *Site) Handler() (http.Handler, error) {
	s.status, s.checks = new(cached[*query.Status]), new(cached[map[string]time.Time])
	p, err := newPages(s)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	p.assets(mux)
	s.pages(mux, p)
	s.api(mux)
	s.feeds(mux, p)
	root, err := s.probesHandler()
	if err != nil {
		return nil, err
	}
	root.Handle("/", limited(mux, maxConcurrency))
	return s.Guard.wrap(healthy(root), s.Log), nil
}

// probesHandler returns the handler of probes and metrics. They have their own concurrency limit
// and database handle, so that page requests do not delay them.
func (s *Site) probesHandler() (*http.ServeMux, error) {
	own := *s
	if s.Probes != nil {
		own.Archive = s.Probes
	}
	probes, root := http.NewServeMux(), http.NewServeMux()
	own.probes(probes)
	if err := own.metrics(probes); err != nil {
		return nil, err
	}
	limit := limited(probes, maxProbes)
	root.Handle("GET "+readyPath, limit)
	root.Handle("GET /metrics", limit)
	return root, nil
}

// pages registers the HTML pages.
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

// limited limits each request to maxTime and concurrency to the given number.
func limited(next http.Handler, concurrency int) http.Handler {
	slots := make(chan struct{}, concurrency)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), maxTime)
		defer cancel()
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r.WithContext(ctx))
		case <-ctx.Done():
			w.Header().Set("Retry-After", "10")
			http.Error(w, "too many concurrent requests: try again later", http.StatusServiceUnavailable)
		}
	})
}

// assets serves styles, script and icon under addresses with a hash of their content, so
// that browsers may cache them permanently.
func (p *pages) assets(mux *http.ServeMux) {
	for name, typ := range map[string]string{"style.css": "text/css; charset=utf-8",
		"page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		body := p.bodies[name]
		mux.HandleFunc("GET "+p.asset(name), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", typ)
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			w.Write(body)
		})
	}
}

// asset returns the address of an asset.
func (p *pages) asset(name string) string {
	sum := sha256.Sum256(p.bodies[name])
	return "/assets/" + hex.EncodeToString(sum[:6]) + "/" + name
}
