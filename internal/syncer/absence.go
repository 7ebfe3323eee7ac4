package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cocsync/internal/coc"
)

// If most documents of a watch are missing at once, a wrong key, project or filter is more
// likely than a clean-up. Then some are requested, the operators are notified, and nothing
// is marked as deleted until a later cycle confirms the same documents.
const (
	massAtLeast  = 4 // documents followed
	massProbes   = 5
	massConfirms = time.Hour
)

// doubted says in the cycle's error what is not done, and what a person can do.
const doubted = "nothing is marked as deleted before a cycle an hour later confirms it; if they were deleted on purpose, " +
	"run `cocsync sync --accept-deletions`; if not, check the key pair, the project and the watch's filters"

// named reports whether the document is requested by its id and is in no list.
func (r *run) named(id string) bool {
	row, planned := r.rows[id]
	return r.Only != nil || planned && row.Fingerprint == (coc.Hash{})
}

// judgeAbsences decides whether documents were deleted that are not in the list, or that
// COC says it does not have.
func (r *run) judgeAbsences(ctx context.Context, p *plan) error {
	if ctx.Err() != nil || !p.judge && len(r.notFound) == 0 {
		return nil
	}
	absent := slices.Clone(r.notFound)
	if p.judge {
		absent = append(absent, p.absent...)
	}
	absent = slices.DeleteFunc(absent, r.stillDeleted)
	if p.judge {
		if err := r.reappeared(ctx, absent); err != nil {
			return err
		}
	}
	if !r.AcceptDeletions {
		var err error
		if absent, err = r.doubt(ctx, absent); err != nil {
			return err
		}
	}
	r.each(ctx, "absent", absent, r.absent)
	return nil
}

// stillDeleted reports whether a document was deleted before, and records that it was
// requested again.
func (r *run) stillDeleted(id string) bool {
	if r.followed[id].State != coc.DocDeleted {
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
		if f.Member && f.State != coc.DocDeleted {
			total++
		}
	}
	return total >= massAtLeast && 2*n > total
}

// reappeared resets the documents that were missing and exist again. One whose request
// failed stays missing.
func (r *run) reappeared(ctx context.Context, absent []string) error {
	var back []string
	for id, f := range r.followed {
		failed := slices.ContainsFunc(r.cycle.Failures, func(f coc.Failure) bool { return f.DocumentID == id })
		if !f.MissingAt.IsZero() && !failed && !slices.Contains(absent, id) {
			back = append(back, id)
		}
	}
	if len(back) == 0 {
		return nil
	}
	return r.Store.Missing(ctx, r.account.Name, r.watch.Name, back, time.Time{})
}

// doubt returns the missing documents that may be judged now, and records the others: if
// most are missing, and until an hour later.
func (r *run) doubt(ctx context.Context, absent []string) (confirmed []string, err error) {
	mass := r.most(len(absent))
	var fresh []string
	for _, id := range absent {
		missing := r.followed[id].MissingAt
		if missing.After(r.Now()) { // set by a wrong clock
			missing = time.Time{}
		}
		switch {
		case missing.IsZero() && mass:
			fresh = append(fresh, id)
		case missing.IsZero(), r.Now().Sub(missing) >= massConfirms:
			confirmed = append(confirmed, id)
		}
	}
	if r.doubting = len(confirmed) < len(absent); r.doubting {
		// Not every watch has operators: the cycle itself says it as well.
		r.fail(fmt.Errorf("%d documents are missing at once, and %s", len(absent)-len(confirmed), doubted))
	}
	if !r.doubting || len(fresh) == 0 && !r.state.FailureAt.IsZero() {
		return confirmed, nil
	}
	r.missing = []string{
		fmt.Sprintf("%d documents are missing at once.", len(absent)-len(confirmed)),
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
		r.missing[0] += fmt.Sprintf(" Of %d that were requested, COC says that %d do not exist.", len(probes), denied)
	}
	return confirmed, r.Store.Missing(ctx, r.account.Name, r.watch.Name, fresh, r.Now())
}

// absent requests one document that is not in the list. It is deleted only if COC says that
// it does not exist; if it exists, it left the selection.
func (r *run) absent(ctx context.Context, id string) error {
	return r.visit(ctx, id, func(v *visit) error {
		_, err := r.account.get(ctx, id, "", v.Type)
		switch {
		case errors.Is(err, coc.ErrNotFound):
			v.deleted()
			return v.save(ctx)
		case err != nil:
			return fmt.Errorf("not in the list: %w", err)
		case r.named(id):
			return nil // it exists again
		}
		r.Log.Info("document left the selection", "watch", r.watch.Name, "document", id)
		if err := r.Store.Leave(ctx, r.account.Name, r.watch.Name, []string{id}, r.Now()); err != nil {
			return &storeError{err}
		}
		return nil
	})
}
