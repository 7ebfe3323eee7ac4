package web

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"cocsync/internal/answer"
	"cocsync/internal/db"
	"cocsync/internal/diff"
)

// comparePage compares two versions, of a document or of two.
type comparePage struct {
	OldDoc, NewDoc       text
	OldDocURL, NewDocURL string
	Old, New             text
	OldURL, NewURL       string
	Same                 bool // their bytes are equal
	Diff                 template.HTML
	How                  diffChoice
	SwapURL, PatchURL    string
	Action               string   // of the form that chooses others; "" across documents
	Labels               []string // of the versions to choose from, newest first
	OldNow, NewNow       string
}

// compareVersions compares two versions of the document in the address.
func (s *Site) compareVersions(ctx context.Context, q *question) (*view, error) {
	doc, err := q.document(ctx)
	if err != nil {
		return nil, err
	}
	if q.get("old") == "" || q.get("new") == "" {
		return nil, asked{errors.New("two versions are compared: old and new")}
	}
	c, err := answer.Within(ctx, q.History, doc, q.get("old"), q.get("new"))
	if err != nil {
		return nil, err
	}
	v, err := comparison(q, c)
	if err != nil {
		return nil, err
	}
	b := v.Body.(*comparePage)
	b.Action, b.OldNow, b.NewNow = q.URL.EscapedPath(), c.Old, c.New
	all, err := q.Versions(ctx, doc)
	b.Labels = labels(all)
	return v, err
}

// labels names the versions whose content is here, newest first.
func labels(all []db.Revision) (list []string) {
	for i := len(all) - 1; i >= 0; i-- {
		if r := all[i]; r.Number > 0 && !r.Erased {
			list = append(list, r.Name())
		}
	}
	return list
}

// compare compares versions of any two documents, each named as DOC@REF.
func (s *Site) compare(ctx context.Context, q *question) (*view, error) {
	if q.get("old") == "" || q.get("new") == "" {
		return nil, asked{errors.New("two versions are compared: old and new, each as DOC@REF")}
	}
	c, err := answer.Between(ctx, q.History, q.get("old"), q.get("new"))
	if err != nil {
		return nil, err
	}
	return comparison(q, c)
}

func comparison(q *question, c *answer.Comparison) (_ *view, err error) {
	from := c.OldDoc()
	b := &comparePage{
		OldDoc: visible(from.Name, ""), NewDoc: visible(c.Doc.Name, ""), OldDocURL: documentURL(from), NewDocURL: documentURL(c.Doc),
		Old: visible(c.Old, ""), New: visible(c.New, ""), OldURL: versionURL(from, c.Old), NewURL: versionURL(c.Doc, c.New),
	}
	b.SwapURL = q.URL.EscapedPath() + "?" + url.Values{"old": {q.get("new")}, "new": {q.get("old")}}.Encode()
	b.PatchURL = "/compare/patch?" + url.Values{"old": {exactly(from, c.Old)}, "new": {exactly(c.Doc, c.New)}}.Encode()
	b.Same = len(diff.Hunks(c.Was, c.Now, diff.Options{})) == 0
	if b.How, err = q.diffChoice(); err != nil {
		return nil, err
	}
	if !b.Same {
		b.Diff, err = b.How.section(Diff{Old: c.Was, New: c.Now, OldLabel: c.Old, NewLabel: c.New})
	}
	return &view{Title: visible(c.Title(), ""), Here: "documents", Notes: c.Notes, Body: b}, err
}

// exactly names a version so that no other can be meant.
func exactly(doc db.Document, label string) string {
	return doc.Account + "/" + doc.DocumentID + "@" + label
}

// comparePatch answers with the exact patch of a comparison.
func (s *Site) comparePatch(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	c, err := answer.Between(r.Context(), s.asker(new([]string)), values.Get("old"), values.Get("new"))
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	sendPatch(w, "compare.patch", c.Patch(diff.Options{Context: answer.PatchContext}))
}

// query1 is an address's query of one value.
func query1(name, value string) string { return url.Values{name: {value}}.Encode() }
