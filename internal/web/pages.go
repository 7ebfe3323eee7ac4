package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// pages renders the HTML pages.
type pages struct {
	site   *Site
	bodies map[string][]byte             // of assets, by name
	layout map[string]*template.Template // by page
	atom   *template.Template
}

// pageNames returns the names of all pages. Each has a template of the same name.
func pageNames() []string {
	return []string{"overview", "documents", "changes", "document", "version", "outline", "blame", "change", "compare",
		"search", "health", "missing", "error"}
}

func newPages(s *Site) (*pages, error) {
	p := &pages{site: s, bodies: map[string][]byte{}, layout: map[string]*template.Template{}}
	for name, files := range map[string][]string{
		"style.css": {"colors.css", "style.css", "document.css", "change.css", "diff.css"}, "page.js": {"page.js"}, "icon.svg": {"icon.svg"},
	} {
		for _, file := range files {
			body, err := assets.ReadFile("assets/" + file)
			if err != nil {
				return nil, fmt.Errorf("read the page's %s: %w", file, err)
			}
			p.bodies[name] = append(p.bodies[name], body...)
		}
	}
	base, err := template.New("").Funcs(p.funcs()).ParseFS(assets, "assets/layout.html", "assets/parts.html", "assets/diff.html")
	if err != nil {
		return nil, fmt.Errorf("read the pages' templates: %w", err)
	}
	if p.atom, err = template.New("feed.xml").Funcs(p.funcs()).Funcs(feedFuncs()).ParseFS(assets, "assets/feed.xml"); err != nil {
		return nil, fmt.Errorf("read the template of feeds: %w", err)
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

// view is a page to render. Texts are untrusted: templates show them with text, lines or
// value.
type view struct {
	Title  string // the heading and the title element
	Here   string // the current entry of the navigation
	Search string // the text in the search box
	Notes  []string
	Body   any
	Status int    // of the response; 0 means 200
	Feed   string // the address of the page's feed; "" for none
	Live   bool   // the page reloads its content
}

// builder runs the queries of a page.
type builder func(ctx context.Context, q *request) (*view, error)

// get registers a page at an address.
func (p *pages) get(mux *http.ServeMux, address, name string, build builder) {
	mux.HandleFunc("GET "+address, func(w http.ResponseWriter, r *http.Request) {
		q := p.site.request(r)
		v, err := build(r.Context(), q)
		var there moved
		switch {
		case errors.As(err, &there):
			http.Redirect(w, r, string(there), http.StatusSeeOther)
		case err != nil:
			p.write(w, r, "error", p.site.errorPage(r, err))
		default:
			v.Notes = append(q.notes, v.Notes...)
			p.write(w, r, name, v)
		}
	})
}

// moved is an error that redirects to another address.
type moved string

func (m moved) Error() string { return "see " + string(m) }

// badRequest is an error in the request.
type badRequest struct{ error }

func (b badRequest) Unwrap() error { return b.error }

// errorPage returns the page that shows an error.
func (s *Site) errorPage(r *http.Request, err error) *view {
	status, what, fix := s.judge(r, err)
	title := map[int]string{
		http.StatusNotFound: "Not found", http.StatusBadRequest: "Invalid request", http.StatusServiceUnavailable: "Timeout",
	}[status]
	return &view{Title: cmp.Or(title, "Error"), Status: status, Body: fault{what, fix}}
}

// fault explains an error on a page.
type fault struct{ Why, Fix string }

func (s *Site) missing(_ context.Context, q *request) (*view, error) {
	return &view{Title: "Not found", Status: http.StatusNotFound, Body: q.URL.Path}, nil
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

		// Untrusted text: in one line, in lines, as a value, and in an attribute.
		"text":  func(v any) template.HTML { return shown(plain(v), "") },
		"lines": func(v any) template.HTML { return shown(plain(v), "\n") },
		"value": func(v any) template.HTML { return shown(plain(v), "\t\n") },
		"plain": func(v any) string { return text.Visible(plain(v)) },

		"documentURL": documentURL,
		"versionURL":  func(d query.Document, label any) string { return versionURL(d, plain(label)) },
		"changeURL":   changeURL,

		"minute":  func(t time.Time) string { return p.local(t).Format("2006-01-02 15:04") },
		"second":  func(t time.Time) string { return p.local(t).Format("2006-01-02 15:04:05 -0700") },
		"machine": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":     func(t time.Time) string { return text.Ago(t, p.site.Archive.Now()) },

		"arrow":   query.Arrow,
		"args":    func(list ...any) []any { return list },
		"level":   level,
		"place":   func(i int) int { return i + 1 },
		"plural":  text.Plural,
		"span":    func(s coc.Span) string { return lineRange(s.From, s.To) },
		"orEmpty": coc.OrEmpty,
		"size":    func(n *int) string { return text.Size(int64(*n)) },
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
