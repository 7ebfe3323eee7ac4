package db

import (
	"context"
	"iter"
	"math"
	"time"

	"cocsync/internal/coc"
)

// Record returns the changes of a filter, which has no condition on items or the author, in the
// order of recording: those of one account by number, merged across accounts by SeenAt. New
// changes do not affect the order of earlier ones. Other queries may run at the same time.
func (a *Archive) Record(ctx context.Context, f Filter) iter.Seq2[coc.Change, error] {
	f.OldestFirst, f.Limit = true, changesPage
	return inOrder(a.reading(ctx, "recorded changes"), f)
}

// Recorded returns the newest changes of a document in the order of recording, newest first;
// for the zero Key those of all documents without backfill.
func (a *Archive) Recorded(ctx context.Context, document coc.Key, limit int) (list []coc.Change, err error) {
	f := Filter{Document: document, Limit: limit}
	if document.IsZero() {
		f.Backfill = NoBackfill
	}
	for c, err := range inOrder(a.reading(ctx, "newest changes"), f) {
		if err != nil {
			return nil, err
		}
		list = append(list, c)
		if len(list) == limit {
			break
		}
	}
	return list, nil
}

// inOrder returns the changes of a filter in the order of recording. Its limit is the size of
// a page.
func inOrder(r reader, f Filter) iter.Seq2[coc.Change, error] {
	type queue struct {
		last coc.Key // the last one that was returned
		rows []coc.Change
		done bool
	}
	after, order, start, before := `<`, ` ORDER BY c.id DESC`, int64(math.MaxInt64), time.Time.After
	if f.OldestFirst {
		after, order, start, before = `>`, ` ORDER BY c.id`, 0, time.Time.Before
	}
	where, args := f.where()
	from := `FROM changes c WHERE c.account_id = ? AND c.id ` + after + ` ? AND ` + where + order + ` LIMIT ?`
	return func(yield func(coc.Change, error) bool) {
		accounts, err := collect[int64](r, `SELECT id FROM accounts ORDER BY id`)
		var queues []*queue
		for _, account := range accounts {
			queues = append(queues, &queue{last: coc.Key{Account: account, ID: start}})
		}
		for err == nil {
			var next *queue
			for _, q := range queues {
				if err == nil && len(q.rows) == 0 && !q.done {
					q.rows, err = changesIn(r, f, from, order, append(append([]any{q.last}, args...), f.Limit)...)
					q.done = len(q.rows) < f.Limit
				}
				if len(q.rows) > 0 && (next == nil || before(q.rows[0].SeenAt, next.rows[0].SeenAt)) {
					next = q
				}
			}
			if err != nil || next == nil {
				break
			}
			c := next.rows[0]
			next.last, next.rows = c.Key, next.rows[1:]
			if !yield(c, nil) {
				return
			}
		}
		if err != nil {
			yield(coc.Change{}, err)
		}
	}
}
