package web

import (
	"context"
	"time"

	"cocsync/internal/query"
)

// blamePage shows each line with the version that added it.
type blamePage struct {
	*versionHead
	Lines []blamed
	More  int // number of lines not shown
}

// blamed is a line and the version that added it. Only the first line of a run with the
// same version names it.
type blamed struct {
	sourceLine
	First   bool
	Version link
	By      pieces
	At      time.Time
}

func (s *Site) blame(ctx context.Context, q *pageRequest) (*view, error) {
	head, err := q.head(ctx, "blame")
	if err != nil {
		return nil, err
	}
	content, err := head.content(ctx, q)
	if err != nil {
		return nil, err
	}
	lines, note, err := q.Blame(ctx, query.Version{Document: head.doc, Revision: head.revision}, nil)
	if err != nil {
		return nil, err
	}
	b := &blamePage{versionHead: head}
	shown, more := source(content.Lines)
	b.More = more
	last := ""
	for i, l := range shown {
		x, from := blamed{sourceLine: l}, lines[i]
		if x.First = from.Version != last; x.First {
			x.Version = link{visible(from.Version, ""), versionURL(head.doc, from.Version)}
			x.By, x.At = visible(string(from.By), ""), from.MadeAt.Time
		}
		last = from.Version
		b.Lines = append(b.Lines, x)
	}
	if note != "" {
		return head.view(b, note), nil
	}
	return head.view(b), nil
}
