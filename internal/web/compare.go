package web

import (
	"cmp"
	"context"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"cocsync/internal/diff"
	"cocsync/internal/query"
)

// comparePage compares two versions of one or two documents.
type comparePage struct {
	Old, New compared
	Across   bool // they are of two documents
	Same     bool // their bytes are equal
	Diff     template.HTML
	How      diffChoice
	SwapURL  string
	Why, Fix pieces // why the comparison failed
	Erased   []erased

	// The values of the form: options for versions of one document, or two references.
	Action           string
	OldRefs, NewRefs []option
	OldRef, NewRef   string
}

// compared is one of two versions that are compared.
type compared struct {
	Doc, Label  pieces
	DocURL, URL string
}

// option is a version to select.
type option struct {
	Ref  string
	Name pieces
	Now  bool
}

// compareVersions compares two versions of the document in the address. The default for
// new is the newest version; the default for old is the version before new.
func (s *Site) compareVersions(ctx context.Context, q *pageRequest) (*view, error) {
	doc, err := q.document(ctx)
	if err != nil {
		return nil, err
	}
	all, err := q.Versions(ctx, doc)
	if err != nil {
		return nil, err
	}
	old := q.get("old")
	if old != "" {
		old = exactly(doc, old)
	}
	v, c, err := s.comparison(ctx, q, old, exactly(doc, cmp.Or(q.get("new"), "latest")))
	if err != nil {
		return nil, err
	}
	b := v.Body.(*comparePage)
	b.Action = q.URL.EscapedPath()
	oldNow, newNow := q.get("old"), q.get("new")
	if c != nil {
		oldNow, newNow = c.Old, c.New
	} else {
		v.Title = visible("Compare versions of "+doc.Name, "")
		b.Erased = erasedOf(all, oldNow, newNow)
	}
	b.OldRefs, b.NewRefs = q.options(all, oldNow), q.options(all, newNow)
	return v, nil
}

// compare compares versions of any two documents, each named as DOC@REF.
func (s *Site) compare(ctx context.Context, q *pageRequest) (*view, error) {
	b := &comparePage{Action: "/compare", OldRef: q.get("old"), NewRef: q.get("new")}
	if b.OldRef == "" && b.NewRef == "" {
		return &view{Title: visible("Compare", ""), Here: "documents", Body: b}, nil
	}
	v, _, err := s.comparison(ctx, q, b.OldRef, b.NewRef)
	if err != nil {
		return nil, err
	}
	done := v.Body.(*comparePage)
	done.Action, done.OldRef, done.NewRef = b.Action, b.OldRef, b.NewRef
	return v, nil
}

// comparison compares the versions that two references name. If a reference is invalid or
// not found, the page explains the error and the comparison is nil.
func (s *Site) comparison(ctx context.Context, q *pageRequest, old, now string) (*view, *query.Comparison, error) {
	b := &comparePage{}
	v := &view{Title: visible("Compare", ""), Here: "documents", Body: b}
	c, err := q.Between(ctx, old, now)
	if err != nil {
		status, what, fix := s.judge(q.Request, err)
		if status != http.StatusBadRequest && status != http.StatusNotFound {
			return nil, nil, err
		}
		v.Status, b.Why, b.Fix = status, visible(what, "\n"), visible(fix, "\n")
		return v, nil, nil
	}
	from := c.OldDocument()
	b.Old = compared{visible(from.Name, ""), visible(c.Old, ""), documentURL(from), versionURL(from, c.Old)}
	b.New = compared{visible(c.Document.Name, ""), visible(c.New, ""), documentURL(c.Document), versionURL(c.Document, c.New)}
	b.Across = c.From != nil
	b.Same = c.Equal()
	exact := url.Values{"new": {exactly(c.Document, c.New)}}
	if c.Was != nil {
		exact.Set("old", exactly(from, c.Old))
		b.SwapURL = q.swapped(c)
	}
	if b.How, err = q.diffChoice(c.Was == nil, "/compare/patch?"+exact.Encode()); err != nil {
		return nil, nil, err
	}
	if !b.Same {
		b.Diff, err = b.How.section(Diff{Old: c.Was, New: c.Now, OldLabel: c.Old, NewLabel: c.New, Compared: c.Result()})
	}
	v.Title, v.Notes = visible(c.Title(), ""), c.Notes
	return v, c, err
}

// swapped returns the address of the reversed comparison with the same options.
func (q *pageRequest) swapped(c *query.Comparison) string {
	values := url.Values{}
	for k, v := range q.values {
		values[k] = v
	}
	old, now := q.get("old"), q.get("new")
	if old == "" || now == "" {
		old, now = exactly(c.OldDocument(), c.Old), exactly(c.Document, c.New)
		if q.PathValue("id") != "" {
			old, now = c.Old, c.New
		}
	}
	values.Set("old", now)
	values.Set("new", old)
	return q.URL.EscapedPath() + "?" + values.Encode()
}

// options returns the versions to select from, newest first. They include versions without
// content; the page explains why the content is unavailable.
func (q *pageRequest) options(all []query.Revision, now string) []option {
	var list []option
	for _, r := range slices.Backward(all) {
		name := r.Version
		if !r.MadeAt.IsZero() {
			name += " · " + r.MadeAt.In(q.Local).Format("2006-01-02 15:04")
		}
		if !r.Readable() {
			name += " · unavailable"
		}
		list = append(list, option{r.Version, visible(name, ""), r.Version == now})
	}
	return list
}

// exactly returns an unambiguous reference to a version.
func exactly(doc query.Document, label string) string {
	return doc.Account + "/" + doc.DocumentID + "@" + label
}

// comparePatch serves the exact patch of a comparison.
func (s *Site) comparePatch(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	c, err := s.archive(new([]string)).Between(r.Context(), values.Get("old"), values.Get("new"))
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	names := []string{c.Document.Name, c.Old, c.New}
	if c.From != nil {
		names = []string{c.From.Name, c.Old, c.Document.Name, c.New}
	}
	sendFile(w, patchName(names...), "text/x-diff", c.Patch(diff.Options{Context: query.PatchContext}))
}

// oneParameter returns a query string with one parameter.
func oneParameter(name, value string) string { return url.Values{name: {value}}.Encode() }
