package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cocsync/internal/coc"
)

// When most of what a watch follows is gone at once, a wrong key, project or
// filter is likelier than a clean-up. Then a few are asked for, people are told,
// and nothing is marked until a later cycle confirms the same documents.
const (
	massAtLeast  = 4 // documents followed
	massProbes   = 5
	massConfirms = time.Hour
)

// doubted says in the cycle what is not believed, and what a person can do.
const doubted = "nothing is marked as deleted before a cycle an hour later confirms it; were they deleted on purpose, " +
	"run `cocsync sync --accept-deletions`; if not, check the key pair, the project and the watch's filters"

// named reports whether the document is asked for by its id, so that no list
// speaks of it.
func (r *run) named(id string) bool {
	row, asked := r.rows[id]
	return r.Only != nil || asked && row.Fingerprint == (coc.Hash{})
}

// absences judges what became of documents that are not in the list, or that COC
// says it does not have.
func (r *run) absences(ctx context.Context, p *plan) error {
	if ctx.Err() != nil || !p.judge && len(r.notFound) == 0 {
		return nil
	}
	gone := slices.Clone(r.notFound)
	if p.judge {
		gone = append(gone, p.absent...)
	}
	gone = slices.DeleteFunc(gone, r.askedInVain)
	if p.judge {
		if err := r.reappeared(ctx, gone); err != nil {
			return err
		}
	}
	if !r.AcceptDeletions {
		var err error
		if gone, err = r.doubt(ctx, gone); err != nil {
			return err
		}
	}
	r.each(ctx, "absent", gone, r.absent)
	return nil
}

// askedInVain reports whether a document was known to be deleted, and notes that
// it was asked for once more.
func (r *run) askedInVain(id string) bool {
	if r.followed[id].State != coc.Deleted {
		return false
	}
	step := coc.Step{Account: r.account.Name, DocumentID: id, Type: r.watch.DocumentType, SeenAt: r.Now()}
	if err := r.commits.commit(context.Background(), r.Store, step); err != nil {
		r.Log.Error("document not marked as checked", "document", id, "err", err)
	}
	return true
}

// most reports whether n documents are more than half of what is followed.
func (r *run) most(n int) bool {
	total := 0
	for _, f := range r.followed {
		if f.Member && f.State != coc.Deleted {
			total++
		}
	}
	return total >= massAtLeast && 2*n > total
}

// reappeared forgets that documents were missing which are there again. One that
// could not be asked for is neither.
func (r *run) reappeared(ctx context.Context, gone []string) error {
	var back []string
	for id, f := range r.followed {
		failed := slices.ContainsFunc(r.cycle.Failures, func(f coc.Failure) bool { return f.DocumentID == id })
		if !f.MissingAt.IsZero() && !failed && !slices.Contains(gone, id) {
			back = append(back, id)
		}
	}
	if len(back) == 0 {
		return nil
	}
	return r.Store.Missing(ctx, r.account.Name, r.watch.Name, back, time.Time{})
}

// doubt returns those of the missing documents that may be judged now, and
// remembers the others: when most are missing, and until an hour after.
func (r *run) doubt(ctx context.Context, gone []string) (confirmed []string, err error) {
	mass := r.most(len(gone))
	var fresh []string
	for _, id := range gone {
		missing := r.followed[id].MissingAt
		switch {
		case missing.IsZero() && mass:
			fresh = append(fresh, id)
		case missing.IsZero(), r.Now().Sub(missing) >= massConfirms:
			confirmed = append(confirmed, id)
		}
	}
	if r.doubting = len(confirmed) < len(gone); r.doubting {
		// Not every watch has operators: the cycle itself says it as well.
		r.fail(fmt.Errorf("%d documents are missing at once, and %s", len(gone)-len(confirmed), doubted))
	}
	if !r.doubting || len(fresh) == 0 && !r.state.TroubleAt.IsZero() {
		return confirmed, nil
	}
	r.missing = []string{
		fmt.Sprintf("%d documents are missing at once.", len(gone)-len(confirmed)),
		"Nothing is marked as deleted until a cycle at least an hour from now confirms it.",
		"If they were deleted on purpose: cocsync sync --accept-deletions. If not: check the key pair, the project and the watch's filters.",
	}
	probes, denied := fresh[:min(massProbes, len(fresh))], 0
	for _, id := range probes {
		_, err := r.account.get(ctx, id, "", r.watch.DocumentType)
		if errors.Is(err, coc.ErrUnauthorized) {
			return nil, err
		}
		if errors.Is(err, coc.ErrNotFound) {
			denied++
		}
	}
	if len(probes) > 0 {
		r.missing[0] += fmt.Sprintf(" Asked for %d of them, COC denies having %d.", len(probes), denied)
	}
	return confirmed, r.Store.Missing(ctx, r.account.Name, r.watch.Name, fresh, r.Now())
}

// absent asks for one document that the list lacks: only COC's own word that it
// has none deletes it. One that is there left the selection.
func (r *run) absent(ctx context.Context, id string) error {
	l, unlock, err := r.open(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	_, err = r.account.get(ctx, id, "", l.typ())
	switch {
	case errors.Is(err, coc.ErrNotFound):
		l.gone()
		return l.save(ctx)
	case err != nil:
		return fmt.Errorf("not in the list: %w", err)
	case r.named(id):
		return nil // there again
	}
	r.Log.Info("document left the selection", "watch", r.watch.Name, "document", id)
	if err := r.Store.Leave(ctx, r.account.Name, r.watch.Name, []string{id}, r.Now()); err != nil {
		return &stored{err}
	}
	return nil
}
