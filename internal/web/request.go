package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

// request is a request with its own view of the archive.
type request struct {
	*http.Request
	*query.Archive
	values url.Values // the query string
	notes  []string   // what the reader of the response should know
}

// request returns a request whose archive adds its notes to the request.
func (s *Site) request(r *http.Request) *request {
	a := *s.Archive
	q := &request{Request: r, Archive: &a, values: r.URL.Query()}
	a.Note = func(note string) { q.note(note) }
	return q
}

// note adds notes, except empty ones.
func (q *request) note(notes ...string) {
	for _, n := range notes {
		if n != "" {
			q.notes = append(q.notes, n)
		}
	}
}

// get returns a parameter of the query string.
func (q *request) get(name string) string { return q.values.Get(name) }

// number returns a number of the query string, 0 if it is absent.
func (q *request) number(name string) (int, error) {
	text := q.get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, badRequest{fmt.Errorf("%s %q is not a number", name, text)}
	}
	return n, nil
}

// with returns the requested address with parameters replaced: alternating names and
// values, "" to remove one.
func (q *request) with(pairs ...string) string {
	values := maps.Clone(q.values)
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			values.Del(pairs[i])
		}
	}
	if len(values) == 0 {
		return q.URL.EscapedPath()
	}
	return q.URL.EscapedPath() + "?" + values.Encode()
}

// log returns the filter of changes in the query string.
func (q *request) log(limit int) query.Log {
	return query.Log{
		Document: q.get("document"), Since: q.get("since"), Until: q.get("until"), By: q.get("by"), Risk: q.get("risk"),
		Task: q.get("task"), Path: q.get("path"), Text: q.get("text"), Kinds: q.values["kind"], Limit: limit,
	}
}

// after returns the position after which a list of changes starts, as cut writes it.
func (q *request) after() (p coc.Place, err error) {
	text := q.get("after")
	if text == "" {
		return p, nil
	}
	var numbers [3]int64
	parts := strings.Split(text, "-")
	for i, part := range parts {
		if i < len(numbers) {
			numbers[i], err = strconv.ParseInt(part, 10, 64)
		}
		if err != nil || len(parts) != len(numbers) {
			return p, badRequest{fmt.Errorf("after %q is not a valid position in the list", text)}
		}
	}
	return coc.Place{At: time.UnixMilli(numbers[0]), Key: coc.Key{Account: numbers[1], ID: numbers[2]}}, nil
}

// cut returns the changes of one page and the address of the next page, "" for the last.
func (q *request) cut(list []coc.Change) (page []coc.Change, next string) {
	if len(list) <= perPage {
		return list, ""
	}
	last := list[perPage-1].Place()
	return list[:perPage], q.with("after", fmt.Sprintf("%d-%d-%d", last.At.UnixMilli(), last.Key.Account, last.Key.ID))
}

// document returns the document that {account} and {id} name, or else {doc}. It returns a
// moved error if {account} and {id} are not the canonical name of the page.
func (q *request) document(ctx context.Context) (query.Document, error) {
	if ref := q.PathValue("doc"); ref != "" {
		return q.Document(ctx, ref)
	}
	account, id := unsegment(q.PathValue("account")), unsegment(q.PathValue("id"))
	doc, err := q.DocumentByID(ctx, account, id)
	if !errors.Is(err, coc.ErrNotFound) {
		return doc, err
	}
	if doc, err = q.Document(ctx, account+"/"+id); err != nil { // its hint suggests similar names
		return doc, err
	}
	return doc, q.redirect(documentURL(doc), 3)
}

// version returns the version that the address names. For a reference such as "latest" it
// returns a moved error with the address of the version.
func (q *request) version(ctx context.Context) (v query.Version, err error) {
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
		return v, q.redirect(versionURL(doc, v.Version), 4)
	}
	return v, nil
}

// change returns the change that the address names.
func (q *request) change(ctx context.Context) (coc.Change, error) {
	return q.Change(ctx, q.changeRef())
}

// changeRef returns the reference of the change in the address: 41, or prod/41.
func (q *request) changeRef() string {
	if account := q.PathValue("account"); account != "" {
		return unsegment(account) + "/" + q.PathValue("id")
	}
	return q.PathValue("id")
}

// redirect returns the requested address with its first segments replaced.
func (q *request) redirect(to string, parts int) moved {
	if rest := strings.SplitN(q.URL.EscapedPath(), "/", parts+2); len(rest) == parts+2 {
		to += "/" + rest[parts+1]
	}
	if q.URL.RawQuery != "" {
		to += "?" + q.URL.RawQuery
	}
	return moved(to)
}

// Addresses of pages are permanent: they consist of COC's ids, version labels and change
// numbers.

// documentURL returns the address of a document's page.
func documentURL(d query.Document) string {
	return "/documents/" + segment(d.Account) + "/" + segment(d.DocumentID)
}

// versionURL returns the address of a version's page. label is v3 or v3#2.
func versionURL(d query.Document, label string) string {
	return documentURL(d) + "/" + segment(label)
}

// changeURL returns the address of a change's page.
func changeURL(ref string) string {
	i := strings.LastIndex(ref, "/") // the account's name may have slashes
	if i < 0 {
		return "/changes/" + ref
	}
	return "/changes/" + segment(ref[:i]) + "/" + ref[i+1:]
}

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
	return slices.Contains([]string{"", ".", "..", "compare", "feed.atom"}, strings.TrimLeft(s, "~"))
}
