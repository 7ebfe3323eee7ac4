package web

import (
	"context"
	"slices"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

// changesPage lists changes, newest first.
type changesPage struct {
	query.Log // the query
	Boxes     []kindBox
	Risks     []string
	Rows      []coc.Change
	Next      string // address of the next page; "" for the last page
	Narrowed  bool   // by more than kinds
}

// kindBox is the checkbox of a kind of change.
type kindBox struct {
	Kind    coc.Kind
	Checked bool
}

func (s *Site) changes(ctx context.Context, q *request) (*view, error) {
	b := changesPage{Risks: query.RiskLevels(), Log: q.log(perPage + 1)}
	for _, k := range coc.Kinds() {
		b.Boxes = append(b.Boxes, kindBox{k, slices.Contains(b.Kinds, string(k))})
	}
	b.Narrowed = b.Document+b.Since+b.Until+b.By+b.Risk+b.Task+b.Path+b.Text != ""
	var err error
	if b.After, err = q.after(); err != nil {
		return nil, err
	}
	list, err := query.Collect(q.Log(ctx, b.Log))
	if err != nil {
		return nil, err
	}
	b.Rows, b.Next = q.cut(list)
	if len(list) == 0 {
		q.note(b.Advice())
	}
	return &view{Title: "Changes", Here: "changes", Feed: "/feed.atom", Live: q.get("after") == "", Body: &b}, nil
}
