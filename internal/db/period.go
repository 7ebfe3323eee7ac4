package db

import (
	"context"
	"iter"
	"math"
	"slices"
	"time"

	"cocsync/internal/coc"
)

// Within selects changes that were made or seen in [Since, Until), without backfill.
type Within struct {
	Since, Until time.Time
	Account      string // "" for all
	Document     coc.Key
	Kinds        []coc.Kind
}

// rareKinds are the kinds in the index changes_rare.
var rareKinds = []coc.Kind{coc.KindRewritten, coc.KindWithdrawn, coc.KindDeleted, coc.KindRestored}

func (q Within) where() (string, []any) {
	where := `(c.at >= ? AND c.at < ? OR c.seen_at >= ? AND c.seen_at < ?)`
	from, to := q.Since.UnixMilli(), q.Until.UnixMilli()
	filter, args := Filter{Account: q.Account, Document: q.Document, Kinds: q.Kinds}.where()
	if len(q.Kinds) > 0 && !slices.ContainsFunc(q.Kinds, func(k coc.Kind) bool { return !slices.Contains(rareKinds, k) }) {
		filter += ` AND c.kind IN ('rewritten', 'withdrawn', 'deleted', 'restored')` // the condition of changes_rare
	}
	return where + ` AND ` + filter, append([]any{from, to, from, to}, args...)
}

// ChangesWithin returns changes of a period, oldest first and without their items. It reads
// them in pages, so other queries may run meanwhile.
func (a *Archive) ChangesWithin(ctx context.Context, q Within) iter.Seq2[coc.Change, error] {
	where, args := q.where()
	query := changeRows + `
		WHERE (c.id, c.account_id) IN (SELECT c.id, c.account_id FROM changes c
			WHERE c.backfill = 0 AND (c.at, c.account_id, c.id) > (?, ?, ?) AND ` + where + ` ORDER BY c.at, c.account_id, c.id LIMIT ?)
		ORDER BY c.at, c.account_id, c.id`
	return func(yield func(coc.Change, error) bool) {
		at, last := int64(math.MinInt64), coc.Key{}
		for {
			page, err := collect(ctx, a.read, scanChange, query, append(append([]any{at, last.Account, last.ID}, args...), changesPage)...)
			if err != nil {
				wrap(&err, "changes of a period")
				yield(coc.Change{}, err)
				return
			}
			for _, c := range page {
				if at, last = c.At.UnixMilli(), c.Key; !yield(c, nil) {
					return
				}
			}
			if len(page) < changesPage {
				return
			}
		}
	}
}

// CountWithin counts the changes of a period.
func (a *Archive) CountWithin(ctx context.Context, q Within) (n int, err error) {
	defer wrap(&err, "count changes of a period")
	where, args := q.where()
	err = a.read.row(ctx, `SELECT count(*) FROM changes c WHERE c.backfill = 0 AND `+where, args...).Scan(&n)
	return n, explain(err)
}

// BackfillWithin counts the backfill of a period, and its documents.
func (a *Archive) BackfillWithin(ctx context.Context, q Within) (changes, documents int, err error) {
	defer wrap(&err, "count backfill of a period")
	where, args := q.where()
	err = a.read.row(ctx, `
		SELECT coalesce(sum(g.n), 0), count(*) FROM (SELECT count(*) AS n FROM changes c WHERE c.backfill = 1 AND `+where+`
			GROUP BY c.account_id, c.document_id) g`, args...).Scan(&changes, &documents)
	return changes, documents, explain(err)
}

// Replaced holds the contents of a rewrite.
type Replaced struct {
	Old, New coc.Hash
	// OldCheckedAt is when the old bytes were last compared with COC's; zero for never.
	OldCheckedAt time.Time
}

// Replaced returns the contents of a rewrite.
func (a *Archive) Replaced(ctx context.Context, change coc.Key) (r Replaced, err error) {
	defer wrap(&err, "rewrite %d", change.ID)
	err = a.read.row(ctx, `
		SELECT o.sha256, n.sha256, rt.previous_checked_at FROM changes c
		LEFT JOIN revisions rt ON rt.account_id = c.account_id AND rt.id = c.to_revision
		LEFT JOIN contents n ON n.account_id = rt.account_id AND n.id = rt.content_id
		LEFT JOIN revisions rf ON rf.account_id = c.account_id AND rf.id = c.from_revision
		LEFT JOIN contents o ON o.account_id = rf.account_id AND o.id = rf.content_id
		WHERE c.account_id = ? AND c.id = ?`, change.Account, change.ID).
		Scan((*hashColumn)(&r.Old), (*hashColumn)(&r.New), at(&r.OldCheckedAt))
	return r, explain(err)
}
