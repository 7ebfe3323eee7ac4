package web

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

// changesPage lists changes, newest first.
type changesPage struct {
	query.Log // what is asked for
	Kinds     []kindBox
	Risks     []string
	Rows      []changeRow
	Next      string // where the list continues; "" at its end
	Narrowed  bool   // by other than kinds
}

// kindBox is a kind of change that may be asked for.
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
	if b.After, err = position(q.get("behind")); err != nil {
		return nil, err
	}
	list, advice, err := q.Log(ctx, b.Log)
	if err != nil {
		return nil, err
	}
	if len(list) > perPage {
		last := list[perPage-1]
		b.Next = q.with("behind", fmt.Sprintf("%d-%d", last.At.UnixMilli(), last.ID))
		list = list[:perPage]
	}
	b.Rows = changeRows(list)
	v := &view{Title: visible("Changes", ""), Here: "changes", Feed: "/feed.atom", Live: q.get("behind") == "", Body: &b}
	if advice != "" {
		v.Notes = []string{advice}
	}
	return v, nil
}

// position parses the position of a change in the list, as changes writes it.
func position(text string) (p coc.Place, err error) {
	if text == "" {
		return p, nil
	}
	at, id, ok := strings.Cut(text, "-")
	ms, wrong := strconv.ParseInt(at, 10, 64)
	if p.ID, err = strconv.ParseInt(id, 10, 64); err != nil || wrong != nil || !ok {
		return p, asked{fmt.Errorf("behind is %q, which is not a valid position in the list", text)}
	}
	p.At = time.UnixMilli(ms)
	return p, nil
}
