package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"

	"cocsync/internal/query"
	"cocsync/internal/text"
)

// pages renders the HTML pages.
type pages struct {
	site   *Site
	bodies map[string][]byte             // of assets, by name
	layout map[string]*template.Template // by page
}

// pageNames returns the names of all pages. Each has a template of the same name.
func pageNames() []string {
	return []string{"overview", "documents", "changes", "document", "version", "outline", "blame", "change", "compare", "search", "health", "missing", "wrong"}
}

func newPages(s *Site) (*pages, error) {
	p := &pages{site: s, bodies: map[string][]byte{}, layout: map[string]*template.Template{}}
	for _, name := range []string{"style.css", "moves.js", "icon.svg"} {
		body, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return nil, fmt.Errorf("read the page's %s: %w", name, err)
		}
		if name == "style.css" {
			for _, more := range []string{"document.css", "change.css"} {
				style, err := assets.ReadFile("assets/" + more)
				if err != nil {
					return nil, fmt.Errorf("read the page's %s: %w", more, err)
				}
				body = append(body, style...)
			}
			body = slices.Concat([]byte(":root {\n"+colors+"}\n"), body, []byte(diffStyle))
		}
		p.bodies[name] = body
	}
	base, err := template.New("diff").Funcs(p.funcs()).Parse(diffTemplate)
	if err != nil {
		return nil, fmt.Errorf("read the template of a diff: %w", err)
	}
	if base, err = base.ParseFS(assets, "assets/layout.html", "assets/parts.html"); err != nil {
		return nil, fmt.Errorf("read the pages' templates: %w", err)
	}
	for _, name := range pageNames() {
		one, err := base.Clone()
		if err == nil {
			one, err = one.ParseFS(assets, "assets/"+name+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("read the template of the page %s: %w", name, err)
		}
		p.layout[name] = one
	}
	return p, nil
}

// pageRequest is a request for a page.
type pageRequest struct {
	*http.Request
	*query.Archive
	values url.Values
}

// get returns a parameter of the query string.
func (q *pageRequest) get(name string) string { return q.values.Get(name) }

// view is a page to render.
type view struct {
	Title  pieces // the heading and the title element
	Here   string // the current entry of the navigation
	Search string // the text in the search box
	Notes  []string
	Body   any
	Status int    // of the response; 0 means 200
	Feed   string // the address of the page's feed; "" for none
	Live   bool   // the page reloads its content
}

// builder runs the queries of a page.
type builder func(ctx context.Context, q *pageRequest) (*view, error)

// get registers a page at an address.
func (p *pages) get(mux *http.ServeMux, address, name string, build builder) {
	mux.HandleFunc("GET "+address, func(w http.ResponseWriter, r *http.Request) {
		var notes []string
		q := &pageRequest{r, p.site.archive(&notes), r.URL.Query()}
		v, err := build(r.Context(), q)
		var there moved
		switch {
		case errors.As(err, &there):
			http.Redirect(w, r, string(there), http.StatusSeeOther)
			return
		case err != nil:
			v, name := p.site.wrong(r, err), "wrong"
			p.write(w, r, name, v)
			return
		}
		v.Notes = append(notes, v.Notes...)
		p.write(w, r, name, v)
	})
}

// moved is an error that redirects to another address.
type moved string

func (m moved) Error() string { return "see " + string(m) }

// badRequest is an error in the request.
type badRequest struct{ error }

func (b badRequest) Unwrap() error { return b.error }

// wrong returns the page that shows an error.
func (s *Site) wrong(r *http.Request, err error) *view {
	status, what, fix := s.judge(r, err)
	title := map[int]string{
		http.StatusNotFound: "Not found", http.StatusBadRequest: "Invalid request", http.StatusServiceUnavailable: "Timeout",
	}[status]
	return &view{
		Title: visible(cmp.Or(title, "Error"), ""), Status: status,
		Body: fault{visible(what, "\n"), visible(fix, "\n")},
	}
}

// fault is the content of an error page.
type fault struct{ What, Fix pieces }

func (s *Site) missing(_ context.Context, q *pageRequest) (*view, error) {
	return &view{Title: visible("Not found", ""), Status: http.StatusNotFound, Body: visible(q.URL.Path, "")}, nil
}

// write renders a page into a buffer, then sends it.
func (p *pages) write(w http.ResponseWriter, r *http.Request, name string, v *view) {
	var out bytes.Buffer
	if err := p.layout[name].ExecuteTemplate(&out, "layout", v); err != nil {
		p.site.Log.Error("page not rendered", "path", r.URL.Path, "err", err)
		http.Error(w, "the page cannot be rendered; see cocsync's log for the error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if v.Status != 0 {
		w.WriteHeader(v.Status)
	}
	w.Write(out.Bytes()) // an error means that the client disconnected
}

// funcs returns the functions of templates.
func (p *pages) funcs() template.FuncMap {
	return template.FuncMap{
		"asset":   p.asset,
		"version": func() string { return p.site.Version },
		"text":    func(s string) pieces { return visible(s, "") },
		"minute":  func(t time.Time) string { return p.local(t).Format("2006-01-02 15:04") },
		"second":  func(t time.Time) string { return p.local(t).Format("2006-01-02 15:04:05 -0700") },
		"machine": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":     func(t time.Time) string { return text.Ago(t, p.site.Archive.Now()) },
		"plural":  text.Plural,
		"level":   level,
	}
}

// level returns a risk level that has a style; "" for others.
func level(risk string) string {
	if slices.Contains(query.RiskLevels(), risk) {
		return risk
	}
	return ""
}

func (p *pages) local(t time.Time) time.Time { return t.In(p.site.Archive.Local) }
