package web

import (
	"context"
	"strconv"

	"cocsync/internal/query"
)

// perPage is the number of documents or changes on one page.
const perPage = 100

// documentsPage lists documents, now or as of a time.
type documentsPage struct {
	query.Page
	Accounts, States []string
	All              int // number of matching documents
	Rows             []query.Details
	Before           int    // documents of this page that had no version at the time
	Earlier, Later   string // addresses of the previous and the next page; "" for none
}

func (s *Site) documents(ctx context.Context, q *request) (*view, error) {
	skip, err := q.number("skip")
	if err != nil {
		return nil, err
	}
	b := documentsPage{
		Page:   query.Page{Text: q.get("q"), State: q.get("state"), Account: q.get("account"), At: q.get("at"), Skip: skip, Limit: perPage},
		States: query.States(),
	}
	if b.Accounts, err = q.Accounts(ctx); err != nil {
		return nil, err
	}
	if b.Rows, b.All, b.Before, err = q.Archive.Page(ctx, b.Page); err != nil {
		return nil, err
	}
	v := &view{Title: "Documents", Here: "documents", Body: &b}
	if b.At != "" {
		v.Title = "Documents as they were at " + b.At
	}
	switch {
	case skip > perPage:
		b.Earlier = q.with("skip", strconv.Itoa(skip-perPage))
	case skip > 0:
		b.Earlier = q.with("skip", "")
	}
	if skip+perPage < b.All {
		b.Later = q.with("skip", strconv.Itoa(skip+perPage))
	}
	return v, nil
}
