package web

import (
	"context"
	"time"

	"cocsync/internal/history"
)

// blamePage says of each line which version brought it in.
type blamePage struct {
	*versionHead
	Lines []blamed
	More  int // lines that are not shown
}

// blamed is a line and who brought it in; of a run of lines of one version only the
// first says so.
type blamed struct {
	sourceLine
	First   bool
	Version link
	By      pieces
	At      time.Time
}

func (s *Site) blame(ctx context.Context, q *question) (*view, error) {
	head, err := q.head(ctx, "blame")
	if err != nil {
		return nil, err
	}
	if _, err := head.content(ctx, q); err != nil {
		return nil, err
	}
	lines, content, note, err := q.Blame(ctx, history.Version{Document: head.doc, Revision: head.revision})
	if err != nil {
		return nil, err
	}
	b := &blamePage{versionHead: head}
	shown, more := source(content.Lines)
	b.More = more
	var last int64
	for i, l := range shown {
		x, from := blamed{sourceLine: l}, lines[i]
		if x.First = from.Key != last; x.First {
			x.Version = link{visible(from.Name(), ""), versionURL(head.doc, from.Name())}
			x.By, x.At = visible(from.Author, ""), from.MadeAt
		}
		last = from.Key
		b.Lines = append(b.Lines, x)
	}
	if note != "" {
		return head.view(b, note), nil
	}
	return head.view(b), nil
}
