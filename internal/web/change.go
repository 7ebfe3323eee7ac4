package web

import (
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
	"cocsync/internal/text"
)

// changePage is one change: what became of the document, who was told, and its proof.
type changePage struct {
	Change                  changeRow
	DocumentURL, ChangesURL string
	Ref                     pieces // how the command line names the document
	Sense                   string
	OldURL, NewURL          string // of the versions; "" where there is none
	Old, New                pieces
	LastURL                 string // of the version that was seen last, where the change names none
	Last                    pieces
	MadeAt, SeenAt          time.Time
	Made, Seen              string // what is to be said beside these times
	HasAuthor               bool   // somebody made what came
	Risk                    string
	Note                    pieces
	Basis                   db.Basis
	Within                  string // how long a content was not looked at before it was found rewritten
	Request, Watch          pieces
	Fields                  []item        // that changed, of a change without contents
	Diff                    template.HTML // "" without one
	How                     diffChoice
	Erased                  []erased
	Told                    []told
	NotTold                 string // why there is nobody
	ProofURL                string
	Before, After           string // its neighbours' addresses
}

// erased is one of the two contents that is gone for good.
type erased struct {
	Label, Why pieces
	At         time.Time
	Hash, Size string
}

// changePages are the addresses of a change and of comparisons.
func (s *Site) changePages(mux *http.ServeMux, p *pages) {
	p.get(mux, "/changes/{id}", "change", s.change)
	mux.HandleFunc("GET /changes/{id}/patch", s.patch)
	mux.HandleFunc("GET /changes/{id}/proof", s.proof)
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
	ref := doc.Account + "/" + doc.DocumentID
	b := changePage{
		Change: newChangeRow(c), DocumentURL: documentURL(doc), ChangesURL: "/changes?" + query1("document", ref), Ref: visible(ref, ""),
		Sense: sense(c.Kind), Old: visible(c.Previous, ""), New: visible(c.Version, ""), MadeAt: c.MadeAt, SeenAt: c.SeenAt,
		Risk: c.RiskLevel, Note: visible(c.Note(), ""), ProofURL: changeURL(c.ID) + "/proof",
	}
	b.Made, b.Seen = beside(c)
	b.HasAuthor = c.Version != "" && c.Kind != coc.KindWithdrawn
	switch {
	case c.Version != "":
		b.NewURL = versionURL(doc, c.Version)
	case doc.Version != "":
		b.Last, b.LastURL = visible(doc.Version, ""), versionURL(doc, doc.Version)
	}
	if c.Previous != "" {
		b.OldURL = versionURL(doc, c.Previous)
	}
	for _, load := range []func(context.Context, *question, coc.Change) error{b.basis, b.contents, b.telling, b.neighbours} {
		if err := load(ctx, q, c); err != nil {
			return nil, err
		}
	}
	title := []string{c.Name}
	if c.Version != "" {
		title = append(title, answer.Arrow(c.Previous, c.Version))
	}
	if !b.HasAuthor {
		title = append(title, string(c.Kind))
	}
	return &view{Title: visible(strings.Join(title, " "), ""), Here: "changes", Feed: documentURL(doc) + "/feed.atom", Body: &b}, nil
}

// change finds the change that the address names.
func (q *question) change(ctx context.Context) (coc.Change, error) {
	id, err := answer.ChangeID(q.PathValue("id"))
	if err != nil {
		return coc.Change{}, err
	}
	return answer.OneChange(ctx, q.History, id)
}

// sense says what a kind of change means, where its summary tells only what came of it.
func sense(k coc.Kind) string {
	switch k {
	case coc.KindRewritten:
		return "COC now has another content under a version that was there before. No new version says so."
	case coc.KindRestored:
		return "COC has the document again, after it was deleted."
	}
	return ""
}

// beside says what is to be known beside the times of a change.
func beside(c coc.Change) (made, seen string) {
	switch c.Kind {
	case coc.KindRewritten:
		made = "the version; it was rewritten later"
	case coc.KindWithdrawn:
		made = "the version"
	}
	switch {
	case c.Backfill:
		seen = "it was there before cocsync first looked"
	case c.Late:
		seen = "late: it could not be had when its successor came"
	}
	return made, seen
}

// basis finds what the change rests on.
func (b *changePage) basis(ctx context.Context, q *question, c coc.Change) (err error) {
	b.Basis, err = q.DB.Basis(ctx, c.ID)
	b.Request, b.Watch = visible(b.Basis.Evidence.RequestID, ""), visible(b.Basis.Watch, "")
	if !b.Basis.OldCheckedAt.IsZero() {
		b.Within = text.Age(c.SeenAt.Sub(b.Basis.OldCheckedAt))
	}
	return err
}

// contents compares the contents, or tells the fields that changed.
func (b *changePage) contents(ctx context.Context, q *question, c coc.Change) error {
	old, now, err := answer.Texts(ctx, q.History, c)
	switch {
	case errors.Is(err, coc.ErrErased):
		return b.erased(ctx, q, c)
	case err != nil:
		return err
	case now == nil:
		b.Fields = fields(c.Items)
		return nil
	}
	if b.How, err = q.diffChoice(old == nil, changeURL(c.ID)+"/patch"); err != nil {
		return err
	}
	b.Note = visible(c.SkippedNote(), "") // the diff has the rest
	b.Diff, err = b.How.section(Diff{Old: old, New: now, OldLabel: c.Previous, NewLabel: c.Version, Compared: &c.Difference})
	return err
}

// erased tells which of the two contents is gone.
func (b *changePage) erased(ctx context.Context, q *question, c coc.Change) error {
	all, err := q.DB.Revisions(ctx, c.Document)
	b.Erased = gone(all, c.Previous, c.Version)
	return err
}

// gone are those of the named versions whose content was erased.
func gone(all []db.Revision, names ...string) (list []erased) {
	for _, name := range names {
		for _, r := range all {
			if r.Name() == name && r.Erased {
				list = append(list, erased{visible(name, ""), visible(r.ErasedWhy, ""), r.ErasedAt, r.Hash.String(), text.Size(int64(r.Size))})
			}
		}
	}
	return list
}

// fields are the fields of a document that changed.
func fields(list []coc.Item) []item {
	out := make([]item, len(list))
	for i, f := range list {
		out[i] = item{Op: f.Op, Name: visible(f.Path, "")}
		out[i].values(f.Old, f.New)
	}
	return out
}

// neighbours finds the changes of the document before and after.
func (b *changePage) neighbours(ctx context.Context, q *question, c coc.Change) error {
	before, after, err := q.DB.Neighbours(ctx, c.Document, coc.Place{At: c.At, ID: c.ID})
	if before > 0 {
		b.Before = changeURL(before)
	}
	if after > 0 {
		b.After = changeURL(after)
	}
	return err
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
	switch {
	case errors.Is(err, coc.ErrErased):
		err = coc.NotFound("one of the two contents was removed from the archive for good: there is no patch")
	case err == nil && now == nil:
		err = coc.NotFound("a change of this kind has no patch")
	}
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	sendFile(w, patchName(c.Name, c.Previous, c.Version), "text/x-diff", answer.Patch(c.Name, c.DocumentID, old, now, diff.Options{Context: answer.PatchContext}))
}

// proof answers with the proof that the log holds a change.
func (s *Site) proof(w http.ResponseWriter, r *http.Request) {
	id, err := answer.ChangeID(r.PathValue("id"))
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	p, err := answer.Prove(r.Context(), s.asker(new([]string)), id)
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	sendFile(w, fmt.Sprintf("change-%d.proof", id), "text/plain", p.Encode())
}

// sendFile answers with a file to be kept.
func sendFile(w http.ResponseWriter, name, typ string, body []byte) {
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	send(w, http.StatusOK, typ+"; charset=utf-8", body)
}

// plainly answers with an error as text, where a file was asked for, or says where that
// is.
func (s *Site) plainly(w http.ResponseWriter, r *http.Request, err error) {
	if there := moved(""); errors.As(err, &there) {
		http.Redirect(w, r, string(there), http.StatusSeeOther)
		return
	}
	if status, what, fix := s.judge(r, err); status != 0 {
		http.Error(w, strings.TrimSpace(what+"\n"+fix), status)
	}
}
