package web

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
)

// changesPage lists changes, newest first.
type changesPage struct {
	answer.Log // what is asked for
	Kinds      []kindBox
	Risks      []string
	Rows       []changeRow
	Later      string // where the list goes on; "" at its end
	Narrowed   bool   // by other than kinds
}

// kindBox is a kind of change that may be asked for.
type kindBox struct {
	Kind    coc.Kind
	Checked bool
}

func (s *Site) changes(ctx context.Context, q *question) (*view, error) {
	b := changesPage{Risks: answer.RiskLevels(), Log: answer.Log{
		Document: q.get("document"), Since: q.get("since"), Until: q.get("until"), By: q.get("by"), Risk: q.get("risk"),
		Task: q.get("task"), Path: q.get("path"), Text: q.get("text"), Kinds: q.values["kind"], Limit: perPage + 1,
	}}
	for _, k := range coc.Kinds {
		b.Kinds = append(b.Kinds, kindBox{k, slices.Contains(b.Log.Kinds, string(k))})
	}
	l := b.Log
	b.Narrowed = l.Since+l.Until+l.By+l.Risk+l.Task+l.Path+l.Text != ""
	f, err := b.Filter(ctx, q.History)
	if err != nil {
		return nil, err
	}
	if f.Behind, err = place(q.get("behind")); err != nil {
		return nil, err
	}
	list, err := b.Changes(ctx, q.History, f)
	if err != nil {
		return nil, err
	}
	advice, err := answer.Searched(ctx, q.History, f, len(list))
	if err != nil {
		return nil, err
	}
	if len(list) > perPage {
		last := list[perPage-1]
		b.Later = q.with("behind", fmt.Sprintf("%d-%d", last.At.UnixMilli(), last.ID))
		list = list[:perPage]
	}
	b.Rows = changeRows(list)
	v := &view{Title: visible("Changes", ""), Here: "changes", Feed: "/feed.atom", Live: q.get("behind") == "", Body: &b}
	if advice != "" {
		v.Notes = []string{advice}
	}
	return v, nil
}

// place reads the place of a change, as changes wrote it.
func place(text string) (p coc.Place, err error) {
	if text == "" {
		return p, nil
	}
	at, id, ok := strings.Cut(text, "-")
	ms, wrong := strconv.ParseInt(at, 10, 64)
	if p.ID, err = strconv.ParseInt(id, 10, 64); err != nil || wrong != nil || !ok {
		return p, asked{fmt.Errorf("behind is %q, which is no place in the list", text)}
	}
	p.At = time.UnixMilli(ms)
	return p, nil
}
