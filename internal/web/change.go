package web

import (
	"context"
	"errors"
	"html/template"
	"mime"
	"net/http"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// changePage is one change: the difference, its deliveries, and its proof.
type changePage struct {
	Change                  changeRow
	DocumentURL, ChangesURL string
	Ref                     pieces // the document's reference on the command line
	Sense                   string
	OldURL, NewURL          string // of the versions; "" for none
	Old, New                pieces
	LastURL                 string // of the newest version, if the change has no version
	Last                    pieces
	MadeAt, SeenAt          time.Time
	Made, Seen              string // notes on these times
	HasAuthor               bool   // the change adds or replaces a version
	Risk                    string
	Note                    pieces
	Basis                   query.Basis
	Within                  string // for a rewrite, the time since the last check of the old content
	Request, Watch          pieces
	Fields                  []item        // changed fields, if the change has no contents
	Diff                    template.HTML // "" without one
	How                     diffChoice
	Erased                  []erased
	Deliveries              []delivery
	NoDelivery              string // why there are no deliveries
	ProofURL, ProofName     string
	Before, After           string // addresses of the previous and the next change
}

// erased is one of the two contents that was erased.
type erased struct {
	Label, Reason pieces
	At            time.Time
	Hash, Size    string
}

// changePages registers the addresses of changes and comparisons.
func (s *Site) changePages(mux *http.ServeMux, p *pages) {
	for _, path := range []string{"/changes/{id}", "/changes/{account}/{id}"} {
		p.get(mux, path, "change", s.change)
		mux.HandleFunc("GET "+path+"/patch", s.patch)
		mux.HandleFunc("GET "+path+"/proof", s.proof)
	}
	p.get(mux, "/documents/{account}/{id}/compare", "compare", s.compareVersions)
	p.get(mux, "/compare", "compare", s.compare)
	mux.HandleFunc("GET /compare/patch", s.comparePatch)
}

func (s *Site) change(ctx context.Context, q *pageRequest) (*view, error) {
	c, err := q.change(ctx)
	if err != nil {
		return nil, err
	}
	doc, err := q.DocumentOf(ctx, c)
	if err != nil {
		return nil, err
	}
	ref := doc.Account + "/" + doc.DocumentID
	b := changePage{
		Change: newChangeRow(c), DocumentURL: documentURL(doc), ChangesURL: "/changes?" + oneParameter("document", ref), Ref: visible(ref, ""),
		Sense: sense(c.Kind), Old: visible(c.Previous, ""), New: visible(c.Version, ""), MadeAt: c.MadeAt, SeenAt: c.SeenAt,
		Risk: c.RiskLevel, Note: visible(c.Note(), ""), ProofURL: changeURL(c.Ref) + "/proof", ProofName: proofName(c.Ref),
	}
	b.Made, b.Seen = timeNotes(c)
	b.HasAuthor = c.Version != "" && c.Kind != coc.KindWithdrawn
	switch {
	case c.Version != "":
		b.NewURL = versionURL(doc, c.Version)
	case doc.Version != "":
		b.Last, b.LastURL = visible(string(doc.Version), ""), versionURL(doc, string(doc.Version))
	}
	if c.Previous != "" {
		b.OldURL = versionURL(doc, c.Previous)
	}
	for _, load := range []func(context.Context, *pageRequest, coc.Change) error{b.basis, b.contents, b.deliveries, b.neighbours} {
		if err := load(ctx, q, c); err != nil {
			return nil, err
		}
	}
	title := []string{c.Name}
	if c.Version != "" {
		title = append(title, query.Arrow(c.Previous, c.Version))
	}
	if !b.HasAuthor {
		title = append(title, string(c.Kind))
	}
	return &view{Title: visible(strings.Join(title, " "), ""), Here: "changes", Feed: documentURL(doc) + "/feed.atom", Body: &b}, nil
}

// change returns the change that the address names.
func (q *pageRequest) change(ctx context.Context) (coc.Change, error) {
	return q.Change(ctx, changeRef(q.Request))
}

// changeRef returns the reference of the change in an address: 41, or prod/41.
func changeRef(r *http.Request) string {
	if account := r.PathValue("account"); account != "" {
		return unsegment(account) + "/" + r.PathValue("id")
	}
	return r.PathValue("id")
}

// sense explains a kind of change whose summary does not.
func sense(k coc.Kind) string {
	switch k {
	case coc.KindRewritten:
		return "COC now has another content under a version that existed before, without a new version."
	case coc.KindRestored:
		return "COC has the document again, after it was deleted."
	}
	return ""
}

// timeNotes returns notes on the times of a change.
func timeNotes(c coc.Change) (made, seen string) {
	switch c.Kind {
	case coc.KindRewritten:
		made = "the version, before it was rewritten"
	case coc.KindWithdrawn:
		made = "the version"
	}
	switch {
	case c.Backfill:
		seen = "it existed before the initial sync"
	case c.Late:
		seen = "late: it was unavailable when its successor was archived"
	}
	return made, seen
}

// basis loads the evidence of the change.
func (b *changePage) basis(ctx context.Context, q *pageRequest, c coc.Change) (err error) {
	b.Basis, err = q.Basis(ctx, c)
	b.Request, b.Watch = visible(b.Basis.Evidence.RequestID, ""), visible(b.Basis.Watch, "")
	if !b.Basis.OldCheckedAt.IsZero() {
		b.Within = text.Age(c.SeenAt.Sub(b.Basis.OldCheckedAt))
	}
	return err
}

// contents compares the contents, or lists the changed fields.
func (b *changePage) contents(ctx context.Context, q *pageRequest, c coc.Change) error {
	old, now, err := q.Texts(ctx, c)
	switch {
	case errors.Is(err, coc.ErrErased):
		return b.erased(ctx, q, c)
	case err != nil:
		return err
	case now == nil:
		b.Fields = fields(c.Items)
		return nil
	}
	if b.How, err = q.diffChoice(old == nil, changeURL(c.Ref)+"/patch"); err != nil {
		return err
	}
	b.Note = visible(c.SkippedNote(), "") // the diff shows the other notes
	b.Diff, err = b.How.section(Diff{Old: old, New: now, OldLabel: c.Previous, NewLabel: c.Version, Compared: &c.Difference})
	return err
}

// erased lists which of the two contents was erased.
func (b *changePage) erased(ctx context.Context, q *pageRequest, c coc.Change) error {
	doc, err := q.DocumentOf(ctx, c)
	if err != nil {
		return err
	}
	all, err := q.Versions(ctx, doc)
	b.Erased = erasedOf(all, c.Previous, c.Version)
	return err
}

// erasedOf returns those of the named versions whose content was erased.
func erasedOf(all []query.Revision, names ...string) (list []erased) {
	for _, name := range names {
		for _, r := range all {
			if r.Version == name && r.Erased {
				list = append(list, erased{visible(name, ""), visible(string(r.ErasedReason), ""), r.ErasedAt.Time, string(r.SHA256), text.Size(int64(*r.Size))})
			}
		}
	}
	return list
}

// fields returns the changed fields of a document.
func fields(list []coc.Item) []item {
	out := make([]item, len(list))
	for i, f := range list {
		out[i] = item{Op: f.Op, Name: visible(f.Path, "")}
		out[i].values(f.Old, f.New)
	}
	return out
}

// neighbours loads the previous and the next change of the document.
func (b *changePage) neighbours(ctx context.Context, q *pageRequest, c coc.Change) error {
	before, after, err := q.Neighbours(ctx, c)
	if before != "" {
		b.Before = changeURL(before)
	}
	if after != "" {
		b.After = changeURL(after)
	}
	return err
}

// patch serves the exact patch of a change.
func (s *Site) patch(w http.ResponseWriter, r *http.Request) {
	q := &pageRequest{r, s.archive(new([]string)), r.URL.Query()}
	c, err := q.change(r.Context())
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	old, now, err := q.Texts(r.Context(), c)
	switch {
	case errors.Is(err, coc.ErrErased):
		err = coc.NotFound("no patch: one of the two contents was erased from the archive")
	case err == nil && now == nil:
		err = coc.NotFound("a change of this kind has no patch")
	}
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	sendFile(w, patchName(c.Name, c.Previous, c.Version), "text/x-diff", query.Patch(c.Name, c.DocumentID, old, now, diff.Options{Context: query.PatchContext}))
}

// proof serves the proof that the log contains a change.
func (s *Site) proof(w http.ResponseWriter, r *http.Request) {
	ref := changeRef(r)
	p, err := s.archive(new([]string)).Prove(r.Context(), ref)
	if err != nil {
		s.plainly(w, r, err)
		return
	}
	sendFile(w, proofName(ref), "text/plain", p.Encode())
}

// proofName returns the file name of a change's proof.
func proofName(ref string) string { return "change-" + strings.ReplaceAll(ref, "/", "-") + ".proof" }

// sendFile sends a file to download.
func sendFile(w http.ResponseWriter, name, typ string, body []byte) {
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	send(w, http.StatusOK, typ+"; charset=utf-8", body)
}

// plainly sends an error as plain text, for requests of files. It redirects if the file
// moved.
func (s *Site) plainly(w http.ResponseWriter, r *http.Request, err error) {
	if there := moved(""); errors.As(err, &there) {
		http.Redirect(w, r, string(there), http.StatusSeeOther)
		return
	}
	if status, what, fix := s.judge(r, err); status != 0 {
		http.Error(w, strings.TrimSpace(what+"\n"+fix), status)
	}
}
