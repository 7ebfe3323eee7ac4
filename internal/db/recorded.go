package db

import (
	"context"
	"iter"
	"slices"
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

func (r *Recorded) columns() []any {
	return []any{&r.Key, &r.Kind, &r.Document, &r.Account, &r.DocumentID, &r.Revision, &r.From, &r.Label, &r.Number,
		&r.Hash, &r.Author, &r.Evidence, &r.MadeAt, &r.SeenAt, &r.At}
}

// Record returns all changes in the order of recording: changes of one account by number,
// merged across accounts by SeenAt. New changes do not affect the order of earlier ones.
// Record reads pages, so other queries may run at the same time.
func (a *Archive) Record(ctx context.Context) iter.Seq2[Recorded, error] {
	return merged(ctx, a, 0, func(account int64) iter.Seq2[Recorded, error] {
		return pages("recorded changes", changesPage, func(last Recorded) ([]Recorded, error) {
			return collect(ctx, a.read, scanRecorded, `
				SELECT c.account_id, c.id, c.kind, c.account_id, coalesce(d.id, 0), coalesce(a.name, ''), coalesce(d.document_id, ''),
					coalesce(rt.account_id, 0), coalesce(rt.id, 0), coalesce(rf.account_id, 0), coalesce(c.from_revision, 0),
					coalesce(vt.label, v.label, ''), coalesce(rt.number, 0), tt.sha256, coalesce(rt.author, ''),
					coalesce(rt.request_id, ''), rt.answered_at, coalesce(rt.made_at, vt.made_at, v.made_at), c.seen_at, c.at
				FROM changes c LEFT JOIN documents d ON d.account_id = c.account_id AND d.id = c.document_id
				LEFT JOIN accounts a ON a.id = d.account_id `+compared+`
				WHERE c.account_id = ? AND c.id > ? ORDER BY c.id LIMIT ?`, account, last.Key.ID, changesPage)
		})
	}, func(r, other Recorded) bool { return r.SeenAt.Before(other.SeenAt) })
}

func scanRecorded(row scanner) (Recorded, error) {
	r, err := scan[Recorded](row)
	if err == nil && r.Document.ID == 0 {
		err = damaged("change %d names a document that is missing", r.Key.ID)
	}
	return r, err
}

// Recorded returns the newest changes of a document in the order of recording, newest first.
// For the zero Key it returns those of all documents without backfill, merged across accounts
// by SeenAt.
func (a *Archive) Recorded(ctx context.Context, document coc.Key, limit int) (list []coc.Change, err error) {
	defer wrap(&err, "newest changes")
	filter := Filter{Document: document}
	if document.IsZero() {
		filter.Backfill = NoBackfill
	}
	where, args := filter.where()
	// The time of a place is SeenAt here.
	for p, err := range merged(ctx, a, document.Account, func(account int64) iter.Seq2[coc.Place, error] {
		return pages("newest changes", limit, func(last coc.Place) ([]coc.Place, error) {
			return collect(ctx, a.read, func(row scanner) (p coc.Place, err error) {
				err = row.Scan(&p.At, &p.Key)
				return p, err
			}, `SELECT c.seen_at, c.account_id, c.id FROM changes c WHERE `+where+` AND c.account_id = ? AND (? = 0 OR c.id < ?)
				ORDER BY c.id DESC LIMIT ?`, append(slices.Clone(args), account, last.Key.ID, last.Key.ID, limit)...)
		})
	}, func(p, other coc.Place) bool { return p.At.After(other.At) }) {
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

// merged merges rows of an account, or of all accounts for 0. rows returns the rows of an
// account. The next row is the first one, by before, of the next rows of all accounts.
func merged[T any](ctx context.Context, a *Archive, account int64, rows func(account int64) iter.Seq2[T, error], before func(a, b T) bool) iter.Seq2[T, error] {
	type queue struct {
		head T
		next func() (T, error, bool)
	}
	return func(yield func(T, error) bool) {
		accounts, err := collect(ctx, a.read, scan[int64], `SELECT id FROM accounts WHERE ?1 = 0 OR id = ?1 ORDER BY id`, account)
		var queues []*queue
		for i := 0; err == nil && i < len(accounts); i++ {
			next, stop := iter.Pull2(rows(accounts[i]))
			defer stop()
			q, more := &queue{next: next}, false
			if q.head, err, more = next(); more {
				queues = append(queues, q)
			}
		}
		for err == nil && len(queues) > 0 {
			first := 0
			for i, q := range queues {
				if before(q.head, queues[first].head) {
					first = i
				}
			}
			q, more := queues[first], false
			if !yield(q.head, nil) {
				return
			}
			if q.head, err, more = q.next(); !more {
				queues = slices.Delete(queues, first, first+1)
			}
		}
		if err != nil {
			yield(*new(T), err)
		}
	}
}
