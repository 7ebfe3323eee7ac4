package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"strings"
	"time"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
)

// changePage is one change: what became of the document, who was told, and its proof.
type changePage struct {
	Change                    changeRow
	DocumentURL, ChangesURL   string
	OldURL, NewURL            string // of the versions; "" where there is none
	Old, New                  text
	MadeAt, SeenAt, Unchecked time.Time // Unchecked: since when a rewritten content was not looked at
	Risk                      string
	Note                      text
	Request                   text // the answer of COC that brought it
	Answered                  time.Time
	Metadata                  []group       // of a change without contents
	Diff                      template.HTML // "" without one
	How                       diffChoice
	Erased                    bool
	PatchURL, ProofURL        string
	Told                      []told
	Before, After             string // its neighbours' addresses
}

// told is how a change was told to one notifier.
type told struct {
	Notifier          text
	What              string // kind of the message
	State             string
	At                time.Time // when it was sent, or falls due
	Place, Err, Quote text
}

// changePages are the addresses of a change and of comparisons.
func (s *Site) changePages(mux *http.ServeMux, p *pages) {
	p.get(mux, "/changes/{id}", "change", s.change)
	mux.HandleFunc("GET /changes/{id}/patch", s.patch)
	p.get(mux, "/documents/{account}/{id}/compare", "compare", s.compareVersions)
	p.get(mux, "/compare", "compare", s.compare)
	mux.HandleFunc("GET /compare/patch", s.comparePatch)
}

func (s *Site) change(ctx context.Context, q *question) (*view, error) {
	c, err := q.change(ctx)
	if err != nil {
		return nil, err
	}
	doc, err := q.DB.ByKey(ctx, c.Document)
	if err != nil {
		return nil, err
	}
	b := changePage{
		Change: newChangeRow(c), DocumentURL: documentURL(doc), MadeAt: c.MadeAt, SeenAt: c.SeenAt,
		Old: visible(c.Previous, ""), New: visible(c.Version, ""), Risk: c.RiskLevel, Note: visible(c.Note, ""),
		PatchURL: changeURL(c.ID) + "/patch", ProofURL: fmt.Sprintf("%s/changes/%d/proof", apiRoot, c.ID),
	}
	b.ChangesURL = "/changes?" + query1("document", doc.Account+"/"+doc.DocumentID)
	if c.Previous != "" {
		b.OldURL = versionURL(doc, c.Previous)
	}
	if c.Version != "" {
		b.NewURL = versionURL(doc, c.Version)
	}
	for _, load := range []func(context.Context, *question, coc.Change, db.Document) error{b.evidence, b.contents, b.telling, b.beside} {
		if err := load(ctx, q, c, doc); err != nil {
			return nil, err
		}
	}
	return &view{Title: visible(strings.TrimSpace(c.Name+" "+between(c)), ""), Here: "changes", Body: &b}, nil
}

// change finds the change that the address names.
func (q *question) change(ctx context.Context) (coc.Change, error) {
	id, err := answer.ChangeID(q.PathValue("id"))
	if err != nil {
		return coc.Change{}, err
	}
	return answer.OneChange(ctx, q.History, id)
}

// evidence finds what of COC's answer brought the version, and of a rewritten one how
// long nobody had looked.
func (b *changePage) evidence(ctx context.Context, q *question, c coc.Change, doc db.Document) error {
	if c.Version == "" {
		return nil
	}
	all, err := q.Versions(ctx, doc)
	for _, r := range all {
		if r.Number > 0 && r.Name() == c.Version {
			b.Request, b.Answered, b.Unchecked = visible(r.Evidence.RequestID, ""), r.Evidence.Date, r.PreviousCheckedAt
		}
	}
	return err
}

// contents compares the contents, or tells the fields that changed.
func (b *changePage) contents(ctx context.Context, q *question, c coc.Change, _ db.Document) (err error) {
	old, now, err := answer.Texts(ctx, q.History, c)
	if errors.Is(err, coc.ErrErased) {
		b.Erased = true
		return nil
	}
	if err != nil {
		return err
	}
	if now == nil {
		b.Metadata = groups(items(c.Items), anchors{})
		return nil
	}
	if b.How, err = q.diffChoice(); err != nil {
		return err
	}
	b.Diff, err = b.How.section(Diff{Old: old, New: now, OldLabel: c.Previous, NewLabel: c.Version})
	return err
}

// items are stored differences as package diff has them; their lines are not stored.
func items(list []coc.Item) []diff.Item {
	out := make([]diff.Item, len(list))
	for i, it := range list {
		out[i] = diff.Item{Op: it.Op, Path: it.Path, Step: it.Step, Task: it.Task, Old: it.Old, New: it.New}
	}
	return out
}

func (b *changePage) telling(ctx context.Context, q *question, c coc.Change, _ db.Document) error {
	list, err := q.DB.Told(ctx, c.ID)
	for _, x := range list {
		t := told{Notifier: visible(x.Notifier, ""), State: x.State, At: x.DueAt}
		if m := x.Message; m != nil {
			t.What, t.Err, t.Quote = string(m.Kind), visible(m.Err, ""), visible(m.Text, "")
			if !m.SentAt.IsZero() {
				t.At = m.SentAt
			}
			if m.TS != "" {
				t.Place = visible(m.Channel+" "+m.TS, "")
			}
		}
		b.Told = append(b.Told, t)
	}
	return err
}

// beside finds the changes of the document before and after.
func (b *changePage) beside(ctx context.Context, q *question, c coc.Change, _ db.Document) error {
	before, after, err := q.DB.Neighbours(ctx, c.Document, coc.Place{At: c.At, ID: c.ID})
	if before > 0 {
		b.Before = changeURL(before)
	}
	if after > 0 {
		b.After = changeURL(after)
	}
	return err
}

// diffChoice is how a diff is to be shown, and where it is shown otherwise.
type diffChoice struct {
	Context     int
	IgnoreSpace bool
	Unified     bool
	Choices     []choice
}

// choice is one way to show something.
type choice struct {
	Name, URL string
	Now       bool
}

// wholeFile is a context that no content reaches.
const wholeFile = 1 << 30

func (q *question) diffChoice() (diffChoice, error) {
	d := diffChoice{Context: answer.PatchContext, IgnoreSpace: q.get("space") == "ignore", Unified: q.get("view") == "unified"}
	if q.get("context") == "all" {
		d.Context = wholeFile
	} else if n, err := q.number("context"); err != nil {
		return d, err
	} else if n > 0 {
		d.Context = n
	}
	d.Choices = []choice{
		{"side by side", q.with("view", ""), !d.Unified}, {"one below the other", q.with("view", "unified"), d.Unified},
		{"what changed", q.with("context", ""), d.Context != wholeFile}, {"whole file", q.with("context", "all"), d.Context == wholeFile},
	}
	if d.IgnoreSpace {
		d.Choices = append(d.Choices, choice{"with changes of spaces", q.with("space", ""), false})
	} else {
		d.Choices = append(d.Choices, choice{"without changes of spaces", q.with("space", "ignore"), false})
	}
	return d, nil
}

// section lays a diff out as it was chosen. What DiffSection writes is markup of ours.
func (d diffChoice) section(x Diff) (template.HTML, error) {
	x.Context, x.IgnoreSpace = d.Context, d.IgnoreSpace
	var b bytes.Buffer
	err := DiffSection(&b, x)
	return template.HTML(b.String()), err
}

// patch answers with the exact patch of a change.
func (s *Site) patch(w http.ResponseWriter, r *http.Request) {
	q := &question{r, s.asker(new([]string)), r.URL.Query()}
	c, err := q.change(r.Context())
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	old, now, err := answer.Texts(r.Context(), q.History, c)
	if err == nil && now == nil {
		err = noSuch("a change of this kind has no patch")
	}
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	sendPatch(w, fmt.Sprintf("change-%d.patch", c.ID), answer.Patch(c.Name, c.DocumentID, old, now, diff.Options{Context: answer.PatchContext}))
}

func sendPatch(w http.ResponseWriter, name string, patch []byte) {
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	send(w, http.StatusOK, "text/x-diff; charset=utf-8", patch)
}

// plainly answers with an error as text, where a file was asked for, or says where that
// is.
func (s *Site) plainly(w http.ResponseWriter, r *http.Request, err error) {
	if there := moved(""); errors.As(err, &there) {
		http.Redirect(w, r, string(there), http.StatusSeeOther)
		return
	}
	if status, what, mend := s.judge(r, err); status != 0 {
		http.Error(w, strings.TrimSpace(what+"\n"+mend), status)
	}
}
