package db

import (
	"context"
	"errors"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// rebuildBatch is the number of differences that one transaction rebuilds: other transactions
// wait for it.
const rebuildBatch = 20

// outdated is a difference that an older algorithm made.
type outdated struct {
	Change         coc.Key
	Added, Removed int
	Skipped        []string
}

// RebuildDifferences recomputes the differences of older algorithms, and returns their number.
// Other transactions run between its own. After an interruption it continues with the remaining
// ones.
func (a *Archive) RebuildDifferences(ctx context.Context) (n int, err error) {
	const what = "rebuild differences"
	r := a.reading(ctx, what)
	if algorithm, err := diffAlgorithm(r); err != nil || algorithm == diff.Algorithm {
		return 0, err
	}
	var last coc.Key
	for {
		batch, err := collect[outdated](r, `
			SELECT account_id, change_id, added, removed, skipped FROM diffs
			WHERE (change_id, account_id) > (?, ?) AND algorithm > 0 AND algorithm < ? ORDER BY change_id, account_id LIMIT ?`,
			last.ID, last.Account, diff.Algorithm, rebuildBatch)
		if err != nil {
			return n, err
		}
		err = a.update(ctx, what, func(t *tx) {
			for i := range batch {
				t.rebuild(&batch[i])
			}
			if len(batch) == 0 {
				t.exec(`UPDATE archive SET diff_algorithm = ?`, diff.Algorithm)
			}
		})
		if err != nil || len(batch) == 0 {
			return n, err
		}
		n += len(batch)
		last = batch[len(batch)-1].Change
	}
}

// rebuild recomputes a difference. Of an erased content only the numbers of lines remain.
func (t *tx) rebuild(old *outdated) {
	before, now, err := t.contents(old.Change)
	var d coc.Difference
	switch {
	case errors.Is(err, coc.ErrErased):
		d = coc.ErasedDifference(diff.Algorithm, old.Skipped)
		d.Added, d.Removed = old.Added, old.Removed
	case err != nil:
		t.fail(err)
		return
	default:
		d = diff.Compare(before, now)
		d.Skipped = old.Skipped
	}
	words := list[int64](t, `
		SELECT path FROM items WHERE account_id = ?1 AND change_id = ?2 UNION SELECT task FROM items WHERE account_id = ?1 AND change_id = ?2
		UNION SELECT old_path FROM items WHERE account_id = ?1 AND change_id = ?2 AND old_path IS NOT NULL
		UNION SELECT old_task FROM items WHERE account_id = ?1 AND change_id = ?2 AND old_task IS NOT NULL`, old.Change)
	t.exec(`DELETE FROM items WHERE account_id = ? AND change_id = ?`, old.Change)
	t.exec(`DELETE FROM diffs WHERE account_id = ? AND change_id = ?`, old.Change)
	t.insertDifference(old.Change, &d)
	for _, id := range words {
		if t.exec(`DELETE FROM words AS x WHERE account_id = ? AND id = ? AND `+unused, old.Change.Account, id) > 0 {
			clear(t.words) // it may have this one
		}
	}
}

// unused is the condition that no item has the word x.
const unused = `NOT EXISTS (SELECT 1 FROM items i WHERE i.path = x.id AND i.account_id = x.account_id)
	AND NOT EXISTS (SELECT 1 FROM items i WHERE i.task = x.id AND i.account_id = x.account_id)
	AND NOT EXISTS (SELECT 1 FROM items i WHERE i.old_path = x.id AND i.account_id = x.account_id)
	AND NOT EXISTS (SELECT 1 FROM items i WHERE i.old_task = x.id AND i.account_id = x.account_id)`

// contents returns the two contents that a change compares; old is nil for a first version.
func (t *tx) contents(change coc.Key) (old, now *diff.Text, err error) {
	c, err := comparedBy(t.reader, change)
	u := &Unpacker{s: t.s}
	text := func(hash coc.Hash) *diff.Text {
		if err != nil || hash == (coc.Hash{}) {
			return nil
		}
		var content coc.Content
		if content, err = u.content(t.reader, change.Account, hash); err != nil {
			return nil
		}
		return diff.Read(content.Bytes)
	}
	old, now = text(c.Old), text(c.New)
	return old, now, err
}

// DiffAlgorithm returns the version of the algorithm that made all differences, or an older one
// while they are rebuilt.
func (a *Archive) DiffAlgorithm(ctx context.Context) (int, error) {
	return diffAlgorithm(a.reading(ctx, "algorithm of the differences"))
}

func diffAlgorithm(r reader) (int, error) {
	return first[int](r, `SELECT coalesce(max(diff_algorithm), 0) FROM archive`)
}
