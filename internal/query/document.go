package query

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Ref identifies a document.
type Ref struct {
	Account    string `json:"account"`
	DocumentID string `json:"document_id"`
	Name       string `json:"name"`
}

// Document is a document and its state.
type Document struct {
	Ref
	State   coc.DocState `json:"state"`
	Version Text         `json:"version"` // the newest; "" while none is archived

	key coc.Key
}

func newDocument(d db.Document) Document {
	return Document{Ref{d.Account, d.DocumentID, d.Name}, d.State, Text(d.Version), d.Key}
}

func byName(a, b Document) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.DocumentID, b.DocumentID), cmp.Compare(a.Account, b.Account))
}

// Documents returns every document, by name.
func (a *Archive) Documents(ctx context.Context) iter.Seq2[Document, error] {
	return Convert(a.db.Documents(ctx), func(d db.Document) (Document, error) { return newDocument(d), nil })
}

// DocumentByID returns the document of an id; coc.ErrNotFound if there is none.
func (a *Archive) DocumentByID(ctx context.Context, account, id string) (Document, error) {
	d, err := a.db.ByID(ctx, account, id)
	return newDocument(d), err
}

// DocumentOf returns the document of a change.
func (a *Archive) DocumentOf(ctx context.Context, c coc.Change) (Document, error) {
	d, err := a.db.ByKey(ctx, c.Document)
	return newDocument(d), err
}

// Followers returns the watches that follow a document now, by name.
func (a *Archive) Followers(ctx context.Context, doc Document) ([]string, error) {
	return a.db.Followers(ctx, doc.key)
}

// Document returns the one document that a reference names: an id, else a name, else a
// unique prefix of an id, or any of these after "account/"; else a former name. The error
// is coc.ErrNotFound if there is none; its hint has similar names.
func (a *Archive) Document(ctx context.Context, ref string) (Document, error) {
	doc, ok, err := a.find(ctx, ref)
	if err == nil && !ok {
		doc, ok, err = a.findFormer(ctx, ref)
	}
	if err != nil || ok {
		return doc, err
	}
	near := hint.DidYouMeanIn(ref, func(yield func(string) bool) {
		for name, failed := range a.db.Names(ctx) {
			if err = failed; err != nil || !yield(name) {
				return
			}
		}
	})
	if err != nil {
		return Document{}, err
	}
	advice := strings.TrimSpace(near + " `cocsync list` shows all documents")
	if totals, err := a.db.Totals(ctx); err == nil && totals.Documents == 0 {
		advice = "the archive is empty: run `cocsync sync` first"
	}
	return Document{}, hint.Wrap(coc.NotFound("no document %q in the archive", ref), advice)
}

// find is Document without former names and hints, which need all names.
func (a *Archive) find(ctx context.Context, ref string) (_ Document, ok bool, err error) {
	whole, err := a.db.Named(ctx, ref)
	if err != nil {
		return Document{}, false, err
	}
	inAccounts, err := a.findInAccounts(ctx, ref)
	if err != nil {
		return Document{}, false, err
	}
	for _, match := range []func(d db.Document, s string) bool{
		func(d db.Document, s string) bool { return d.DocumentID == s },
		func(d db.Document, s string) bool { return d.Name == s },
		func(d db.Document, s string) bool { return strings.HasPrefix(d.DocumentID, s) },
	} {
		found := slices.DeleteFunc(slices.Clone(whole), func(d db.Document) bool { return !match(d, ref) })
		if len(found) == 0 {
			found = slices.DeleteFunc(slices.Clone(inAccounts), func(d db.Document) bool {
				return !match(d, strings.TrimPrefix(ref, d.Account+"/"))
			})
		}
		if len(found) > 0 {
			return oneOf(found, "%q names %d documents", ref)
		}
	}
	return Document{}, false, nil
}

// findInAccounts returns the documents that "account/..." may name.
func (a *Archive) findInAccounts(ctx context.Context, ref string) (found []db.Document, err error) {
	if !strings.Contains(ref, "/") {
		return nil, nil
	}
	accounts, err := a.Accounts(ctx)
	for _, account := range accounts {
		rest, ok := strings.CutPrefix(ref, account+"/")
		if !ok {
			continue
		}
		docs, err := a.db.Named(ctx, rest)
		if err != nil {
			return nil, err
		}
		found = append(found, slices.DeleteFunc(docs, func(d db.Document) bool { return d.Account != account })...)
	}
	return found, err
}

// oneOf returns the only document that was found. Several are an error in the given format.
func oneOf(docs []db.Document, format, ref string) (Document, bool, error) {
	if len(docs) > 1 {
		return Document{}, false, hint.Wrap(ambiguous(format, ref, len(docs)), "say which: "+candidates(docs))
	}
	return newDocument(docs[0]), true, nil
}

// findFormer finds the one document that had a name earlier, and notes its current name.
func (a *Archive) findFormer(ctx context.Context, name string) (_ Document, ok bool, err error) {
	docs, err := a.db.FormerlyNamed(ctx, name)
	if err != nil || len(docs) == 0 {
		return Document{}, false, err
	}
	doc, ok, err := oneOf(docs, "%q was the name of %d documents", name)
	if ok {
		a.note("%s is called %s now", text.Visible(name), text.Visible(doc.Name))
	}
	return doc, ok, err
}

// candidates lists up to ten documents to choose from.
func candidates(docs []db.Document) string {
	var names []string
	for i, d := range docs {
		if i == 10 {
			names = append(names, fmt.Sprintf("… and %d more", len(docs)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s/%s (%s)", text.Visible(d.Account), text.Visible(d.DocumentID), text.Visible(d.Name)))
	}
	return strings.Join(names, ", ")
}

// Split splits DOC@REF into the document and the reference, "" if there is none. Names of
// documents and labels of versions may contain @: the longest text before an @ that names a
// document counts, the whole text first.
func (a *Archive) Split(ctx context.Context, spec string) (doc Document, ref string, err error) {
	last := strings.LastIndex(spec, "@")
	if last < 0 {
		doc, err = a.Document(ctx, spec)
		return doc, "", err
	}
	for _, find := range []func(context.Context, string) (Document, bool, error){a.find, a.findFormer} {
		for i := len(spec); i >= 0; i = strings.LastIndex(spec[:i], "@") {
			if doc, ok, err := find(ctx, spec[:i]); ok || err != nil {
				return doc, strings.TrimPrefix(spec[i:], "@"), err
			}
		}
	}
	doc, err = a.Document(ctx, spec[:last])
	return doc, spec[last+1:], err
}
