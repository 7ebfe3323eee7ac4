package db

import (
	"context"
	"iter"
	"time"

	"cocsync/internal/coc"
)

// Recorded is a change as observed, without derived data. Later observations never alter it,
// except for Erased.
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
	Erased   bool
	Author   string
	Evidence coc.Evidence

	MadeAt time.Time
	SeenAt time.Time
	At     time.Time
}

// Record returns all changes in the order of recording: changes of one account by number,
// merged across accounts by SeenAt. New changes do not affect the order of earlier ones.
// Record reads pages, so other queries may run at the same time.
func (a *Archive) Record(ctx context.Context) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) {
		accounts, err := collect(ctx, a.read, scanID, `SELECT id FROM accounts ORDER BY id`)
		queues := make([]queue, len(accounts))
		for err == nil {
			first := -1
			for i := range queues {
				if err = a.fill(ctx, accounts[i], &queues[i]); err != nil {
					break
				}
				if q := queues[i].page; len(q) > 0 && (first < 0 || q[0].SeenAt.Before(queues[first].page[0].SeenAt)) {
					first = i
				}
			}
			if err != nil || first < 0 {
				break
			}
			q := &queues[first]
			r := q.page[0]
			q.page, q.last = q.page[1:], r.Key.ID
			if !yield(r, nil) {
				return
			}
		}
		if wrap(&err, "recorded changes"); err != nil {
			yield(Recorded{}, err)
		}
	}
}

// queue holds the next changes of an account, after the change with number last.
type queue struct {
	page []Recorded
	last int64
	end  bool // there are no more changes
}

func (a *Archive) fill(ctx context.Context, account int64, q *queue) (err error) {
	if len(q.page) > 0 || q.end {
		return nil
	}
	q.page, err = collect(ctx, a.read, scanRecorded, `
		SELECT c.account_id, c.id, c.kind, coalesce(d.id, 0), coalesce(a.name, ''), coalesce(d.document_id, ''), coalesce(r.id, 0), coalesce(c.from_revision, 0),
			coalesce(v.label, ''), coalesce(r.number, 0), t.sha256, t.erased_at IS NOT NULL, coalesce(r.author, ''),
			coalesce(r.request_id, ''), r.answered_at, coalesce(r.made_at, v.made_at), c.seen_at, c.at
		FROM changes c LEFT JOIN documents d ON d.account_id = c.account_id AND d.id = c.document_id LEFT JOIN accounts a ON a.id = d.account_id
		LEFT JOIN revisions r ON r.account_id = c.account_id AND r.id = c.to_revision
		LEFT JOIN versions v ON v.account_id = c.account_id AND v.id = coalesce(r.version_id, c.version_id)
		LEFT JOIN contents t ON t.account_id = r.account_id AND t.id = r.content_id
		WHERE c.account_id = ? AND c.id > ? ORDER BY c.id LIMIT ?`, account, q.last, changesPage)
	q.end = len(q.page) < changesPage
	return err
}

func scanRecorded(row scanner) (r Recorded, err error) {
	err = row.Scan(&r.Key.Account, &r.Key.ID, &r.Kind, &r.Document.ID, &r.Account, &r.DocumentID, &r.Revision.ID, &r.From.ID,
		&r.Label, &r.Number, (*hashColumn)(&r.Hash), &r.Erased, &r.Author, &r.Evidence.RequestID, at(&r.Evidence.Date), at(&r.MadeAt), at(&r.SeenAt), at(&r.At))
	if err == nil && r.Document.ID == 0 {
		return r, damaged("change %d names a document that is missing", r.Key.ID)
	}
	r.Document.Account = r.Key.Account
	if r.Revision.ID != 0 {
		r.Revision.Account = r.Key.Account
	}
	if r.From.ID != 0 {
		r.From.Account = r.Key.Account
	}
	return r, err
}
