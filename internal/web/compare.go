package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"cocsync/internal/diff"
	"cocsync/internal/query"
)

// comparePage compares two versions of one or two documents.
type comparePage struct {
	*query.Comparison           // nil: none, or it failed
	Diff              *diffView // nil: the contents are identical
	How               diffChoice
	SwapURL           string
	Fault             fault // why the comparison failed
	Erased            []query.Revision

	// The values of the form: versions of one document, newest first, or two references.
	// Versions without content are among them: the page explains why it is unavailable.
	Action         string
	Versions       []query.Revision
	OldRef, NewRef string
}

// compareVersions compares two versions of the document in the address. The default for
// new is the newest version; the default for old is the version before new.
func (s *Site) compareVersions(ctx context.Context, q *request) (*view, error) {
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
		old = exactRef(doc, old)
	}
	v, b, err := s.comparison(ctx, q, old, exactRef(doc, cmp.Or(q.get("new"), "latest")))
	if err != nil {
		return nil, err
	}
	if b.Comparison != nil {
		b.OldRef, b.NewRef = b.Old, b.New
	} else {
		b.OldRef, b.NewRef = q.get("old"), q.get("new")
		v.Title = "Compare versions of " + doc.Name
		b.Erased = erasedOf(all, b.OldRef, b.NewRef)
	}
	slices.Reverse(all)
	b.Versions = all
	return v, nil
}

// compare compares versions of any two documents, each named as DOC@REF.
func (s *Site) compare(ctx context.Context, q *request) (*view, error) {
	old, now := q.get("old"), q.get("new")
	if old == "" && now == "" {
		return &view{Title: "Compare", Here: "documents", Body: &comparePage{Action: "/compare"}}, nil
	}
	v, b, err := s.comparison(ctx, q, old, now)
	if err != nil {
		return nil, err
	}
	b.OldRef, b.NewRef = old, now
	return v, nil
}

// comparison compares the versions that two references name. If a reference is invalid or
// not found, the page explains the error.
func (s *Site) comparison(ctx context.Context, q *request, old, now string) (*view, *comparePage, error) {
	b := &comparePage{Action: q.URL.EscapedPath()}
	v := &view{Title: "Compare", Here: "documents", Body: b}
	c, err := q.Between(ctx, old, now)
	if err != nil {
		v.Status, b.Fault.Why, b.Fault.Fix = s.judge(q.Request, err)
		if v.Status != http.StatusBadRequest && v.Status != http.StatusNotFound {
			return nil, nil, err
		}
		return v, b, nil
	}
	b.Comparison = c
	exact := url.Values{"new": {exactRef(c.Document, c.New)}}
	if c.Was != nil {
		exact.Set("old", exactRef(c.OldDocument(), c.Old))
		b.SwapURL = q.swapped(c)
	}
	if b.How, err = q.diffChoice(c.Was == nil, "/compare/patch?"+exact.Encode()); err != nil {
		return nil, nil, err
	}
	if !c.Equal() {
		b.Diff = b.How.view(Diff{Old: c.Was, New: c.Now, OldLabel: c.Old, NewLabel: c.New, Compared: c.Result()})
	}
	v.Title, v.Notes = c.Title(), c.Notes
	return v, b, nil
}

// swapped returns the address of the reversed comparison with the same options.
func (q *request) swapped(c *query.Comparison) string {
	old, now := q.get("old"), q.get("new")
	switch {
	case old != "" && now != "":
	case q.PathValue("id") != "":
		old, now = c.Old, c.New
	default:
		old, now = exactRef(c.OldDocument(), c.Old), exactRef(c.Document, c.New)
	}
	return q.with("old", now, "new", old)
}

// exactRef returns an unambiguous reference to a version.
func exactRef(doc query.Document, label string) string {
	return doc.Account + "/" + doc.DocumentID + "@" + label
}

// comparePatch serves the exact patch of a comparison.
func (s *Site) comparePatch(w http.ResponseWriter, q *request) error {
	c, err := q.Between(q.Request.Context(), q.get("old"), q.get("new"))
	if err != nil {
		return err
	}
	names := []string{c.Document.Name, c.Old, c.New}
	if c.From != nil {
		names = []string{c.From.Name, c.Old, c.Document.Name, c.New}
	}
	sendFile(w, patchName(names...), "text/x-diff", c.Patch(diff.Options{Context: query.PatchContext}))
	return nil
}
