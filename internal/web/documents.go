package web

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// perPage is how many documents or changes one page lists.
const perPage = 100

// documentsPage lists documents, as they are or as they stood at a time.
type documentsPage struct {
	Text, State, Account, At string // what is asked for
	Accounts                 []string
	States                   []string
	All                      int // that there are of such
	Rows                     []documentRow
	Before                   int // that had no version yet at the time
	More                     more
}

// more is where a list goes on.
type more struct{ Earlier, Later string } // addresses; "" for the list's end

func (s *Site) documents(ctx context.Context, q *question) (*view, error) {
	b := documentsPage{Text: q.get("q"), State: q.get("state"), Account: q.get("account"), At: q.get("at"), States: answer.States()}
	if err := (answer.List{State: b.State}).Check(); err != nil {
		return nil, err
	}
	if err := answer.KnownAccount(ctx, q.DB, b.Account); err != nil {
		return nil, err
	}
	accounts, err := q.DB.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		b.Accounts = append(b.Accounts, a.Name)
	}
	skip, err := q.number("skip")
	if err != nil {
		return nil, err
	}
	docs, all, err := q.DB.Part(ctx, db.Part{Text: b.Text, State: coc.DocState(b.State), Account: b.Account, Skip: skip, Limit: perPage})
	if err != nil {
		return nil, err
	}
	b.All = all
	v := &view{Title: visible("Documents", ""), Here: "documents", Body: &b}
	if b.At != "" {
		if err := answer.AsOf(q.History, b.At); err != nil {
			return nil, err
		}
		then, note, err := q.Stood(ctx, docs, q.History.At)
		if err != nil {
			return nil, err
		}
		if note != "" {
			v.Notes = append(v.Notes, note)
		}
		b.Before = len(docs) - len(then)
		docs = then
		v.Title = visible("Documents as they stood at "+b.At, "")
	}
	if b.At == "" {
		b.Rows, err = documentRows(ctx, q.DB, docs)
	} else {
		b.Rows = rowsThen(docs, b.At)
	}
	if err != nil {
		return nil, err
	}
	b.More = q.more(skip, all)
	return v, nil
}

// rowsThen are documents as they stood at a time, with what was newest then.
func rowsThen(docs []db.Details, at string) (rows []documentRow) {
	for _, d := range docs {
		row := newDocumentRow(d)
		if row.NewestURL != "" {
			row.NewestURL = documentURL(d.Document) + "/" + url.PathEscape(at)
		}
		rows = append(rows, row)
	}
	return rows
}

// number is a number in the address's query; none is 0.
func (q *question) number(name string) (int, error) {
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
func (q *question) with(name, value string) string {
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
func (q *question) more(skip, all int) (m more) {
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
