package web

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

// segment encodes an account, an id or a label as a path segment. It prepends a tilde to
// reserved segments: browsers resolve "." and ".." even if they are escaped, an empty
// segment is dropped, and some words name pages of a document. A reserved segment after
// tildes gets another tilde, so that unsegment is unambiguous.
func segment(s string) string {
	if reserved(s) {
		s = "~" + s
	}
	return url.PathEscape(s)
}

// unsegment decodes the result of segment.
func unsegment(s string) string {
	if rest, ok := strings.CutPrefix(s, "~"); ok && reserved(rest) {
		return rest
	}
	return s
}

func reserved(s string) bool {
	switch strings.TrimLeft(s, "~") {
	case "", ".", "..", "compare", "feed.atom":
		return true
	}
	return false
}

// document returns the document that {account} and {id} name. It returns a moved error if
// they are not the canonical name of the page.
func (q *pageRequest) document(ctx context.Context) (query.Document, error) {
	account, id := unsegment(q.PathValue("account")), unsegment(q.PathValue("id"))
	doc, err := q.DocumentByID(ctx, account, id)
	if !errors.Is(err, coc.ErrNotFound) {
		return doc, err
	}
	if doc, err = q.Document(ctx, account+"/"+id); err != nil { // its hint suggests similar names
		return doc, err
	}
	return doc, q.instead(documentURL(doc), 3)
}

// version returns the version that the address names. For a reference such as "latest" it
// returns a moved error with the address of the version.
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

// instead returns the requested address with its first segments replaced.
func (q *pageRequest) instead(to string, parts int) moved {
	if rest := strings.SplitN(q.URL.EscapedPath(), "/", parts+2); len(rest) == parts+2 {
		to += "/" + rest[parts+1]
	}
	if q.URL.RawQuery != "" {
		to += "?" + q.URL.RawQuery
	}
	return moved(to)
}
