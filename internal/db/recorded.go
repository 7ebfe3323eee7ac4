package db

import (
	"context"
	"iter"
	"math"
	"time"

	"cocsync/internal/coc"
)

// Recorded is a change as observed, without derived data. Later observations never alter it.
type Recorded struct {
	Key        coc.Key
	Kind       coc.Kind
	Document   coc.Key
	Account    string
	DocumentID string

	// The new revision; zero for a change without versions.
	Revision coc.Key
	From     coc.Key // the revision that it was compared with; zero for none
	Label    string
	Number   int
	Hash     coc.Hash
	Author   string
	Evidence coc.Evidence

	MadeAt time.Time
	SeenAt time.Time
	At     time.Time
}

// Record returns all changes in the order of recording. Other queries may run at the same
// time.
func (a *Archive) Record(ctx context.Context) iter.Seq2[Recorded, error] {
	r := a.reading(ctx, "recorded changes")
	return func(yield func(Recorded, error) bool) {
		for p, err := range inOrder(r, Filter{}, false, changesPage) {
			var c Recorded
			if err == nil {
				c, err = first[Recorded](r, `
					SELECT c.account_id, c.id, c.kind, d.account_id, d.id, a.name, d.document_id,
						coalesce(rt.account_id, 0), coalesce(rt.id, 0), coalesce(rf.account_id, 0), coalesce(c.from_revision, 0),
						coalesce(vt.label, v.label, ''), coalesce(rt.number, 0), tt.sha256, coalesce(rt.author, ''),
						coalesce(rt.request_id, ''), rt.answered_at, coalesce(rt.made_at, vt.made_at, v.made_at), c.seen_at, c.at
					FROM changes c JOIN documents d ON d.account_id = c.account_id AND d.id = c.document_id
					JOIN accounts a ON a.id = d.account_id `+compared+`
					WHERE c.account_id = ? AND c.id = ?`, p.Key)
			}
			if err == nil && c.Key.IsZero() {
				err = damaged("change %d names a document that is missing", p.Key.ID)
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// Recorded returns the newest changes of a document in the order of recording, newest first;
// for the zero Key those of all documents without backfill.
func (a *Archive) Recorded(ctx context.Context, document coc.Key, limit int) (list []coc.Change, err error) {
	filter := Filter{Document: document}
	if document.IsZero() {
		filter.Backfill = NoBackfill
	}
	for p, err := range inOrder(a.reading(ctx, "newest changes"), filter, true, limit) {
		var c coc.Change
		if err == nil {
			c, err = a.Change(ctx, p.Key)
		}
		if err != nil {
			return nil, err
		}
		if list = append(list, c); len(list) == limit {
			break
		}
	}
	return list, nil
}

// inOrder returns the changes of a filter in the order of recording, or reversed: those of one
// account by number, merged across accounts by SeenAt, which is the time of the places. New
// changes do not affect the order of earlier ones. It reads pages of a size.
func inOrder(r reader, f Filter, reversed bool, size int) iter.Seq2[coc.Place, error] {
	type queue struct {
		last coc.Key // the last one that was read
		rows []coc.Place
		done bool
	}
	after, order, start, before := `>`, ``, int64(0), time.Time.Before
	if reversed {
		after, order, start, before = `<`, ` DESC`, math.MaxInt64, time.Time.After
	}
	where, args := f.where()
	query := `SELECT c.seen_at, c.account_id, c.id FROM changes c WHERE c.account_id = ? AND c.id ` + after + ` ? AND ` + where + `
		ORDER BY c.id` + order + ` LIMIT ?`
	return func(yield func(coc.Place, error) bool) {
		accounts, err := collect[int64](r, `SELECT id FROM accounts ORDER BY id`)
		queues := make([]queue, len(accounts))
		for err == nil {
			var next *queue
			for i := range queues {
				q := &queues[i]
				if q.last.IsZero() {
					q.last = coc.Key{Account: accounts[i], ID: start}
				}
				if err == nil && len(q.rows) == 0 && !q.done {
					q.rows, err = collect[coc.Place](r, query, append(append([]any{q.last}, args...), size)...)
					q.done = len(q.rows) < size
				}
				if len(q.rows) > 0 && (next == nil || before(q.rows[0].At, next.rows[0].At)) {
					next = q
				}
			}
			if err != nil || next == nil {
				break
			}
			p := next.rows[0]
			if next.last, next.rows = p.Key, next.rows[1:]; !yield(p, nil) {
				return
			}
		}
		if err != nil {
			yield(coc.Place{}, err)
		}
	}
}
