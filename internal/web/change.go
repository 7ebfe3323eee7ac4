package web

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// changePage is one change: the difference, its deliveries, and its proof.
type changePage struct {
	coc.Change
	Doc        query.Document
	Basis      query.Basis
	Diff       *diffView // nil without one
	How        diffChoice
	Fields     []item // changed fields, if the change has no contents
	Erased     []query.Revision
	Deliveries []delivery
	Before     string // reference of the previous change; "" for none
	After      string // reference of the next change; "" for none
	ProofName  string
}

// changePages registers the addresses of changes and comparisons.
func (s *Site) changePages(mux *http.ServeMux, p *pages) {
	for _, path := range []string{"/changes/{id}", "/changes/{account}/{id}"} {
		p.get(mux, path, "change", s.change)
		s.file(mux, path+"/patch", s.patch)
		s.file(mux, path+"/proof", s.proof)
	}
	p.get(mux, "/documents/{account}/{id}/compare", "compare", s.compareVersions)
	p.get(mux, "/compare", "compare", s.compare)
	s.file(mux, "/compare/patch", s.comparePatch)
}

func (s *Site) change(ctx context.Context, q *request) (*view, error) {
	c, err := q.change(ctx)
	if err != nil {
		return nil, err
	}
	b := &changePage{Change: c, ProofName: proofName(c.Ref)}
	if b.Doc, err = q.DocumentOf(ctx, c); err != nil {
		return nil, err
	}
	if b.Basis, err = q.Basis(ctx, c); err != nil {
		return nil, err
	}
	if err := b.contents(ctx, q); err != nil {
		return nil, err
	}
	sent, err := q.Deliveries(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, d := range sent {
		b.Deliveries = append(b.Deliveries, newDelivery(d))
	}
	if b.Before, b.After, err = q.Neighbours(ctx, c); err != nil {
		return nil, err
	}
	title := c.Name
	if c.Version != "" {
		title += " " + query.Arrow(c.Previous, c.Version)
	}
	if !b.HasAuthor() {
		title += " " + string(c.Kind)
	}
	return &view{Title: title, Here: "changes", Feed: documentURL(b.Doc) + "/feed.atom", Body: b}, nil
}

// HasAuthor reports whether the change adds or replaces a version.
func (b *changePage) HasAuthor() bool { return b.Version != "" && b.Kind != coc.KindWithdrawn }

// DocRef returns the document's reference on the command line.
func (b *changePage) DocRef() string { return b.Doc.Account + "/" + b.Doc.DocumentID }

// RewrittenWithin returns how long before SeenAt the old content was last checked; "" unless
// the change is a rewrite.
func (b *changePage) RewrittenWithin() string {
	if b.Basis.OldCheckedAt.IsZero() {
		return ""
	}
	return text.Age(b.SeenAt.Sub(b.Basis.OldCheckedAt))
}

// ShownNote returns the notes on the change that the diff does not show.
func (b *changePage) ShownNote() string {
	if b.Diff != nil {
		return b.SkippedNote()
	}
	return b.Note()
}

// contents compares the contents, or lists the changed fields or the erased contents.
func (b *changePage) contents(ctx context.Context, q *request) error {
	old, now, err := q.Texts(ctx, b.Change)
	switch {
	case errors.Is(err, coc.ErrErased):
		all, err := q.Versions(ctx, b.Doc)
		b.Erased = erasedOf(all, b.Previous, b.Version)
		return err
	case err != nil:
		return err
	case now == nil:
		for _, f := range b.Items {
			b.Fields = append(b.Fields, newItem(coc.Item{Op: f.Op}, f.Path, f.Old, f.New))
		}
		return nil
	}
	if b.How, err = q.diffChoice(old == nil, changeURL(b.Ref)+"/patch"); err != nil {
		return err
	}
	b.Diff = b.How.view(Diff{Old: old, New: now, OldLabel: b.Previous, NewLabel: b.Version, Compared: &b.Difference})
	return nil
}

// erasedOf returns those of the named versions whose content was erased.
func erasedOf(all []query.Revision, names ...string) (list []query.Revision) {
	for _, name := range names {
		for _, r := range all {
			if r.Version == name && r.Erased {
				list = append(list, r)
			}
		}
	}
	return list
}

// patch serves the exact patch of a change.
func (s *Site) patch(w http.ResponseWriter, q *request) error {
	ctx := q.Request.Context()
	c, err := q.change(ctx)
	if err != nil {
		return err
	}
	old, now, err := q.Texts(ctx, c)
	switch {
	case errors.Is(err, coc.ErrErased):
		return coc.NotFound("no patch: one of the two contents was erased from the archive")
	case err != nil:
		return err
	case now == nil:
		return coc.NotFound("a change of this kind has no patch")
	}
	patch := query.Patch(c.Name, c.DocumentID, old, now, diff.Options{Context: query.PatchContext})
	sendFile(w, patchName(c.Name, c.Previous, c.Version), "text/x-diff", patch)
	return nil
}

// proof serves the proof that the log contains a change.
func (s *Site) proof(w http.ResponseWriter, q *request) error {
	p, err := q.Prove(q.Request.Context(), q.changeRef())
	if err == nil {
		sendFile(w, proofName(q.changeRef()), "text/plain", p.Encode())
	}
	return err
}

// proofName returns the file name of a change's proof.
func proofName(ref string) string { return "change-" + strings.ReplaceAll(ref, "/", "-") + ".proof" }

// sendFile sends a file to download.
func sendFile(w http.ResponseWriter, name, typ string, body []byte) {
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	send(w, http.StatusOK, typ+"; charset=utf-8", body)
}

// sendErrorText sends an error as plain text, for requests of files. It redirects if the file
// moved.
func (s *Site) sendErrorText(w http.ResponseWriter, r *http.Request, err error) {
	if there := moved(""); errors.As(err, &there) {
		http.Redirect(w, r, string(there), http.StatusSeeOther)
		return
	}
	if status, what, fix := s.judge(r, err); status != 0 {
		http.Error(w, strings.TrimSpace(what+"\n"+fix), status)
	}
}
