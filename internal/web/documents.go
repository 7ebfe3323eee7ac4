package web

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"cocsync/internal/query"
)

// perPage is how many documents or changes one page lists.
const perPage = 100

// documentsPage lists documents, as they are or as they were at a time.
type documentsPage struct {
	Text, State, Account, At string // what is asked for
	Accounts                 []string
	States                   []string
	All                      int // that there are of such
	Rows                     []documentRow
	Before                   int // that had no version yet at the time
	More                     more
}

// more is where a list continues.
type more struct{ Earlier, Later string } // addresses; "" for the list's end

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
		for i, d := range docs { // their versions of then
			if b.Rows[i].NewestURL != "" {
				b.Rows[i].NewestURL = documentURL(d.Document) + "/" + url.PathEscape(b.At)
			}
		}
	}
	b.More = q.more(skip, b.All)
	return v, nil
}

// number is a number in the address's query; none is 0.
func (q *pageRequest) number(name string) (int, error) {
	text := q.get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, asked{fmt.Errorf("%s is %q, and can only be a number", name, text)}
	}
	return n, nil
}

// with is the address of the page with one value of its query changed.
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

// more leads to the pages before and behind one that skips so many of all.
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
