package web

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

// changesPage lists changes, newest first.
type changesPage struct {
	query.Log // the query
	Kinds     []kindBox
	Risks     []string
	Rows      []changeRow
	Next      string // address of the next page; "" for the last page
	Narrowed  bool   // by more than kinds
}

// kindBox is the checkbox of a kind of change.
type kindBox struct {
	Kind    coc.Kind
	Checked bool
}

func (s *Site) changes(ctx context.Context, q *pageRequest) (*view, error) {
	b := changesPage{Risks: query.RiskLevels(), Log: query.Log{
		Document: q.get("document"), Since: q.get("since"), Until: q.get("until"), By: q.get("by"), Risk: q.get("risk"),
		Task: q.get("task"), Path: q.get("path"), Text: q.get("text"), Kinds: q.values["kind"], Limit: perPage + 1,
	}}
	for _, k := range coc.Kinds {
		b.Kinds = append(b.Kinds, kindBox{k, slices.Contains(b.Log.Kinds, string(k))})
	}
	l := b.Log
	b.Narrowed = l.Since+l.Until+l.By+l.Risk+l.Task+l.Path+l.Text != ""
	var err error
	if b.After, err = position(q.get("after")); err != nil {
		return nil, err
	}
	list, err := collect(q.Log(ctx, b.Log))
	if err != nil {
		return nil, err
	}
	list, b.Next = q.cut(list)
	b.Rows = changeRows(list)
	v := &view{Title: visible("Changes", ""), Here: "changes", Feed: "/feed.atom", Live: q.get("after") == "", Body: &b}
	if advice := b.Log.Advice(); advice != "" && len(list) == 0 {
		v.Notes = []string{advice}
	}
	return v, nil
}

// collect returns rows as a slice, for lists of limited length.
func collect[T any](rows iter.Seq2[T, error]) (list []T, err error) {
	for v, err := range rows {
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// rows is the inverse of collect.
func rows[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// cut returns the changes of one page and the address of the next page, "" for the last.
func (q *pageRequest) cut(list []coc.Change) (page []coc.Change, next string) {
	if len(list) <= perPage {
		return list, ""
	}
	last := list[perPage-1].Place()
	return list[:perPage], q.with("after", fmt.Sprintf("%d-%d-%d", last.At.UnixMilli(), last.Key.Account, last.Key.ID))
}

// position parses the position of a change in the list, as cut writes it.
func position(text string) (p coc.Place, err error) {
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
