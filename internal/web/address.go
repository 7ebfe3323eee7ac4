package web

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

// segment writes an account, an id or a label as a part of an address. Browsers take
// the parts "." and ".." for steps through the address, however they are escaped, an
// empty part is no part, and some words are pages of a document: these get a tilde in
// front, and so does what would be read as one of them with a tilde.
func segment(s string) string {
	if taken(s) {
		s = "~" + s
	}
	return url.PathEscape(s)
}

// unsegment reads what segment wrote.
func unsegment(s string) string {
	if rest, ok := strings.CutPrefix(s, "~"); ok && taken(rest) {
		return rest
	}
	return s
}

func taken(s string) bool {
	switch strings.TrimLeft(s, "~") {
	case "", ".", "..", "compare", "feed.atom":
		return true
	}
	return false
}

// document returns the document that {account} and {id} in the address name. If they are
// another name than that of its page, the page has moved.
func (q *pageRequest) document(ctx context.Context) (query.Document, error) {
	account, id := unsegment(q.PathValue("account")), unsegment(q.PathValue("id"))
	doc, err := q.DocumentByID(ctx, account, id)
	if !errors.Is(err, coc.ErrNotFound) {
		return doc, err
	}
	if doc, err = q.Document(ctx, account+"/"+id); err != nil { // whose hint has similar names
		return doc, err
	}
	return doc, q.instead(documentURL(doc), 3)
}

// version returns the version that the address names. If that is a reference, the page has
// moved to the label.
func (q *pageRequest) version(ctx context.Context) (v query.Version, err error) {
	doc, err := q.document(ctx)
	if err != nil {
		return v, err
	}
	ref := unsegment(q.PathValue("version"))
	if v, err = q.Version(ctx, doc, ref); err != nil {
		v.Document = doc
		return v, err
	}
	if v.Version != ref {
		return v, q.instead(versionURL(doc, v.Version), 4)
	}
	return v, nil
}

// instead is the requested address with its first parts replaced.
func (q *pageRequest) instead(to string, parts int) moved {
	if rest := strings.SplitN(q.URL.EscapedPath(), "/", parts+2); len(rest) == parts+2 {
		to += "/" + rest[parts+1]
	}
	if q.URL.RawQuery != "" {
		to += "?" + q.URL.RawQuery
	}
	return moved(to)
}
