package web

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"cocsync/internal/query"
)

// perPage is the number of documents or changes on one page.
const perPage = 100

// documentsPage lists documents, now or as of a time.
type documentsPage struct {
	Text, State, Account, At string // the query
	Accounts                 []string
	States                   []string
	All                      int // number of matching documents
	Rows                     []documentRow
	Before                   int // number of matching documents that had no version at the time
	More                     more
}

// more links to the previous and the next page of a list.
type more struct{ Earlier, Later string } // addresses; "" for none

func (s *Site) documents(ctx context.Context, q *pageRequest) (*view, error) {
	b := documentsPage{Text: q.get("q"), State: q.get("state"), Account: q.get("account"), At: q.get("at"), States: query.States()}
	var err error
	if b.Accounts, err = q.Accounts(ctx); err != nil {
		return nil, err
	}
	skip, err := q.number("skip")
	if err != nil {
		return nil, err
	}
	var docs []query.Details
	docs, b.All, b.Before, err = q.Page(ctx, query.Page{Text: b.Text, State: b.State, Account: b.Account, At: b.At, Skip: skip, Limit: perPage})
	if err != nil {
		return nil, err
	}
	b.Rows = documentRows(docs)
	v := &view{Title: visible("Documents", ""), Here: "documents", Body: &b}
	if b.At != "" {
		v.Title = visible("Documents as they were at "+b.At, "")
		for i, d := range docs { // link to the versions of that time
			if b.Rows[i].NewestURL != "" {
				b.Rows[i].NewestURL = documentURL(d.Document) + "/" + url.PathEscape(b.At)
			}
		}
	}
	b.More = q.more(skip, b.All)
	return v, nil
}

// number returns a number of the query string, 0 if it is absent.
func (q *pageRequest) number(name string) (int, error) {
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

// with returns the address of the page with one query parameter replaced.
func (q *pageRequest) with(name, value string) string {
	values := url.Values{}
	for k, v := range q.values {
		values[k] = v
	}
	values.Set(name, value)
	if value == "" {
		values.Del(name)
	}
	if len(values) == 0 {
		return q.URL.EscapedPath()
	}
	return q.URL.EscapedPath() + "?" + values.Encode()
}

// more returns links to the pages before and after the page that starts at skip.
func (q *pageRequest) more(skip, all int) (m more) {
	if skip > 0 {
		m.Earlier = q.with("skip", "")
		if skip > perPage {
			m.Earlier = q.with("skip", strconv.Itoa(skip-perPage))
		}
	}
	if skip+perPage < all {
		m.Later = q.with("skip", strconv.Itoa(skip+perPage))
	}
	return m
}
