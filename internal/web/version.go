package web

import (
	"context"
	"net/url"
	"time"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/history"
)

// maxLines is how many lines of a content a page shows.
const maxLines = 20000

// versionHead is what all pages of a version begin with.
type versionHead struct {
	DocumentURL, URL      string
	Document, Label       text
	Here                  string // which of its pages this is
	Before, After         string // pages of the versions beside it
	By                    text
	MadeAt, SeenAt        time.Time
	CheckedAt, Withdrawn  time.Time
	Size                  string
	SHA256                string
	UUID, Request         text
	Answered              time.Time
	CompareURL, LatestURL string // with the version before, and with the newest; "" where that is this
	Token                 bool   // the bytes are no text but what COC sent
}

// versionPage is a version's content.
type versionPage struct {
	versionHead
	Lines []sourceLine
	More  int // lines that are not shown
}

// version finds the version that the address names. Where that is a reference, the page
// has moved to where the label is.
func (q *question) version(ctx context.Context) (v history.Version, err error) {
	doc, err := q.document(ctx)
	if err != nil {
		return v, err
	}
	ref := q.PathValue("version")
	if v, err = q.Version(ctx, doc, ref); err != nil {
		return v, err
	}
	if v.Label() != ref {
		return v, moved(versionURL(doc, v.Label()))
	}
	return v, nil
}

// head is the beginning of one of the version's pages.
func (q *question) head(ctx context.Context, here string) (v history.Version, h versionHead, err error) {
	if v, err = q.version(ctx); err != nil {
		return v, h, err
	}
	doc := v.Document
	h = versionHead{
		DocumentURL: documentURL(doc), URL: versionURL(doc, v.Label()), Document: visible(doc.Name, ""), Label: visible(v.Label(), ""), Here: here,
		By: visible(v.Author, ""), MadeAt: v.MadeAt, SeenAt: v.SeenAt, CheckedAt: v.CheckedAt, Withdrawn: v.WithdrawnAt,
		Size: answer.Size(int64(v.Size)), SHA256: v.Hash.String(), UUID: visible(v.UUID, ""), Request: visible(v.Evidence.RequestID, ""),
		Answered: v.Evidence.Date, Token: v.Form == coc.FormToken,
	}
	all, err := q.Versions(ctx, doc)
	if err != nil {
		return v, h, err
	}
	h.beside(doc, v, all)
	return v, h, nil
}

// beside leads to the versions before and after, and to comparisons with them.
func (h *versionHead) beside(doc db.Document, v history.Version, all []db.Revision) {
	var before, newest string
	seen := false
	for _, r := range all {
		switch {
		case r.Number == 0 || r.Erased:
			continue
		case r.Name() == v.Label():
			seen = true
		case !seen:
			before = r.Name()
		case h.After == "":
			h.After = h.page(doc, r.Name())
		}
		newest = r.Name()
	}
	compare := func(old, now string) string {
		return documentURL(doc) + "/compare?" + url.Values{"old": {old}, "new": {now}}.Encode()
	}
	if before != "" {
		h.Before, h.CompareURL = h.page(doc, before), compare(before, v.Label())
	}
	if newest != v.Label() && newest != "" {
		h.LatestURL = compare(v.Label(), newest)
	}
}

// page is the same page of another version.
func (h *versionHead) page(doc db.Document, label string) string {
	if h.Here == "content" {
		return versionURL(doc, label)
	}
	return versionURL(doc, label) + "/" + h.Here
}

func (h *versionHead) view(v history.Version, body any) *view {
	view := &view{Title: visible(v.Document.Name+" "+v.Label(), ""), Here: "documents", Body: body}
	if v.Note != "" {
		view.Notes = []string{v.Note}
	}
	if h.Token {
		view.Notes = append(view.Notes, answer.TokenNote)
	}
	return view
}

// Version is the page of a version's content.
func (s *Site) version(ctx context.Context, q *question) (*view, error) {
	v, head, err := q.head(ctx, "content")
	if err != nil {
		return nil, err
	}
	c, err := q.Content(ctx, v)
	if err != nil {
		return nil, err
	}
	b := &versionPage{versionHead: head}
	b.Lines, b.More = source(c.Bytes)
	return head.view(v, b), nil
}

// outlinePage is a version's structure.
type outlinePage struct {
	versionHead
	Parts []part
	Why   text // there is none
	All   bool
}

// part is a part of a job in an outline.
type part struct {
	Name, Task, Description, Value text
	Step                           bool
	Href, Lines                    string
	Fields                         []field
	Parts                          []part
}

// field is a field of a part.
type field struct {
	Name, Value text
	Href        string
}

func (s *Site) outline(ctx context.Context, q *question) (*view, error) {
	v, head, err := q.head(ctx, "outline")
	if err != nil {
		return nil, err
	}
	c, err := q.Content(ctx, v)
	if err != nil {
		return nil, err
	}
	parts, all, why := diff.Read(c.Bytes).Parts()
	b := &outlinePage{versionHead: head, Why: visible(why, ""), All: all}
	b.Parts = head.parts(parts)
	return head.view(v, b), nil
}

func (h *versionHead) parts(list []diff.Part) (out []part) {
	for _, p := range list {
		x := part{
			Name: visible(p.Name, ""), Task: visible(p.Task, ""), Description: visible(p.Description, ""), Value: visible(p.Value, ""),
			Step: p.Step, Href: h.line(p.Lines.From), Lines: lineRange(p.Lines.From, p.Lines.To), Parts: h.parts(p.Parts),
		}
		for _, f := range p.Fields {
			x.Fields = append(x.Fields, field{visible(f.Name, ""), visible(f.Value, ""), h.line(f.Lines.From)})
		}
		out = append(out, x)
	}
	return out
}

// blamePage says of each line which version brought it in.
type blamePage struct {
	versionHead
	Lines []blamed
	More  int
}

// blamed is a line and who brought it in; of a run of lines of one version only the
// first says so.
type blamed struct {
	Number     int
	Text       []token
	First      bool
	Label, By  text
	VersionURL string
	At         time.Time
}

func (s *Site) blame(ctx context.Context, q *question) (*view, error) {
	v, head, err := q.head(ctx, "blame")
	if err != nil {
		return nil, err
	}
	lines, _, note, err := q.Blame(ctx, v)
	if err != nil {
		return nil, err
	}
	b := &blamePage{versionHead: head}
	var p painter
	var last int64
	for i, l := range lines {
		if i == maxLines {
			b.More = len(lines) - i
			break
		}
		x := blamed{Number: l.Line, Text: p.line(l.Text), First: l.Key != last}
		if last = l.Key; x.First {
			x.Label, x.By, x.At, x.VersionURL = visible(l.Name(), ""), visible(l.Author, ""), l.MadeAt, versionURL(v.Document, l.Name())
		}
		b.Lines = append(b.Lines, x)
	}
	view := head.view(v, b)
	if note != "" {
		view.Notes = append(view.Notes, note)
	}
	return view, nil
}
