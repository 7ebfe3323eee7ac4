package syncer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// chunk is how many versions are fetched before they are stored. It bounds the memory of a
// document, and is the size of a pack.
const (
	chunk     = 16
	chunkSize = 1 << 20 // bytes, for contents larger than COC's default limit of 64 KB
)

// visit is the work on one document, under its lock: what the archive has of it, and the
// step that changes it. versions.go decides what a response means.
type visit struct {
	*run
	coc.ArchivedDocument
	now         time.Time               // of the newest response
	versions    []*version              // oldest first
	step        coc.Step                // to be stored next
	compare     []*comparison           // parallel to step.Changes; nil if there is nothing to compare
	texts       map[coc.Hash]*diff.Text // contents, each parsed once
	fingerprint *coc.Hash               // of the list row that the response matches
	partial     bool                    // something that the response listed is unavailable
	counted     bool                    // as one of the cycle's changed documents
	archived    int                     // versions, by this step
}

// visit locks the document, loads what the archive has of it, and calls do.
func (r *run) visit(ctx context.Context, id string, do func(*visit) error) error {
	unlock, err := r.locks.lock(ctx, r.account.Name+"\x00"+id)
	if err != nil {
		return err
	}
	defer unlock()
	v := &visit{run: r, now: r.Now(), texts: map[coc.Hash]*diff.Text{}}
	if v.ArchivedDocument, err = r.Store.Known(ctx, r.account.Name, id); err != nil {
		return &storeError{err}
	}
	v.Type = cmp.Or(v.Type, r.watch.DocumentType)
	for _, k := range v.ArchivedDocument.Versions {
		k.Err = k.Reason
		v.versions = append(v.versions, &version{KnownVersion: k})
	}
	coc.SortListed(v.versions)
	v.reset()
	return do(v)
}

// reset begins a step.
func (v *visit) reset() {
	v.step = coc.Step{Account: v.account.Name, DocumentID: v.DocumentID, Type: v.Type, Cycle: v.cycle.Key}
	v.compare, v.archived = nil, 0
}

// update brings a changed document up to date, so that its alerts can be sent.
func (r *run) update(ctx context.Context, id string) error {
	return r.visit(ctx, id, func(v *visit) error {
		err := v.fetchNewest(ctx)
		if errors.Is(err, coc.ErrNotFound) && r.named(id) && v.State != coc.DocListed && !v.Key.IsZero() {
			// Perhaps deleted: judgeAbsences judges it with all others of this cycle.
			r.locked(func() { r.notFound = append(r.notFound, id) })
			return nil
		}
		if err != nil {
			return err
		}
		labels := v.missingVersions()
		if !v.HasNew && len(labels) > 1 {
			// A document that was added: its first version makes the alert, and the others are
			// fetched in the background.
			labels = labels[:1]
			r.addHistory(id)
		}
		return v.fetchVersions(ctx, labels, nil)
	})
}

// newest archives the newest version of a document that existed before the initial sync,
// and which versions it has; history fetches those afterwards.
func (r *run) newest(ctx context.Context, id string) error {
	return r.whenIdle(ctx, id, func(v *visit) error {
		if v.State == coc.DocPresent {
			return nil // another watch has archived it
		}
		if err := v.fetchNewest(ctx); err != nil {
			return err
		}
		if len(v.missingVersions()) > 0 {
			r.addHistory(id)
		}
		return v.finish(ctx, true)
	})
}

// history fetches the versions that an earlier visit found listed.
func (r *run) history(ctx context.Context, id string) error {
	return r.whenIdle(ctx, id, func(v *visit) error {
		labels := v.missingVersions()
		if len(labels) == 0 {
			return nil
		}
		return v.fetchVersions(ctx, labels, r.account.gate.closed)
	})
}

// addHistory records that older versions of a document are missing.
func (r *run) addHistory(id string) { r.locked(func() { r.later = append(r.later, id) }) }

// errBusy interrupts background work, because urgent work is running.
var errBusy = errors.New("urgent work is running")

// whenIdle visits a document while no urgent work is running, again until the visit is not
// interrupted. It never waits while it holds the document's lock: the urgent work may wait
// for the lock.
func (r *run) whenIdle(ctx context.Context, id string, do func(*visit) error) error {
	for {
		if err := r.account.gate.wait(ctx); err != nil {
			return err
		}
		if err := r.visit(ctx, id, do); !errors.Is(err, errBusy) {
			return err
		}
	}
}

// fetchNewest requests the newest version and applies the response.
func (v *visit) fetchNewest(ctx context.Context) error {
	a, err := v.account.get(ctx, v.DocumentID, "", v.Type)
	if err != nil {
		return err
	}
	v.now = v.Now()
	v.applyAnswer(a)
	// The row's fingerprint is stored in the step that archives the response. Missing
	// versions are pending in the archive and requested again whatever the row says. A
	// response older than the row may show less.
	row := v.rows[v.DocumentID]
	if row.Fingerprint != (coc.Hash{}) && (a.Meta.UpdatedAt.IsZero() || !a.Meta.UpdatedAt.Before(row.UpdatedAt)) {
		v.fingerprint = &row.Fingerprint
	}
	return nil
}

// fetchVersions fetches versions, oldest first, and stores them in chunks. It stops with
// errBusy if busy reports urgent work; busy may be nil.
func (v *visit) fetchVersions(ctx context.Context, labels []string, busy func() bool) error {
	var errs []error
	var stop error // why the rest was not requested
	count, size := 0, 0
	for _, label := range labels {
		if busy != nil && busy() {
			stop = errBusy
			break
		}
		a, err := v.account.get(ctx, v.DocumentID, label, v.Type)
		if err == nil && a.Version != label {
			err = fmt.Errorf("COC responded with %q instead: %w", a.Version, coc.ErrMalformed)
		}
		x := v.find(label)
		if err == nil {
			v.now = v.Now()
			v.applyContent(x, a)
			count, size = count+1, size+len(a.Content.Bytes)
			if count == chunk || size >= chunkSize {
				if err := v.save(ctx); err != nil {
					return err
				}
				count, size = 0, 0
			}
			continue
		}
		reported := x.State == coc.Unavailable // by status
		if stop = v.judgeFailure(ctx, x, err); stop != nil {
			break
		}
		if reported {
			v.Log.Warn("version still unavailable", "watch", v.watch.Name, "document", v.DocumentID, "version", label, "err", err)
		} else {
			errs = append(errs, fmt.Errorf("version %s: %w", label, err))
		}
	}
	if err := v.finish(ctx, stop == nil); err != nil {
		return err
	}
	if len(errs) > 0 && (errors.Is(stop, errStop) || errors.Is(stop, context.Canceled)) {
		stop = nil // the failures say more
	}
	return errors.Join(append(errs, stop)...)
}

// judgeFailure decides what a failure to fetch a version means, and returns an error if the
// rest of the document need not be requested.
func (v *visit) judgeFailure(ctx context.Context, x *version, err error) error {
	v.partial = v.partial || x.Number > 0
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, coc.ErrUnauthorized), errors.Is(err, coc.ErrForbidden), !v.pausedUntil(err).IsZero():
		return err // says nothing about the version
	case errors.Is(err, coc.ErrNotFound):
		// Either the version was not found, or the whole document.
		if _, e := v.account.get(ctx, v.DocumentID, "", v.Type); errors.Is(e, coc.ErrNotFound) {
			return fmt.Errorf("it was deleted while its versions were fetched: %w", e)
		} else if e != nil {
			return e
		}
	}
	v.fetchFailed(x, err)
	return nil
}

// finish stores the rest of a visit. If it was not interrupted and nothing is unavailable,
// the row's fingerprint is stored too.
func (v *visit) finish(ctx context.Context, whole bool) error {
	if whole && !v.partial {
		v.step.Fingerprint = v.fingerprint
	}
	return v.save(ctx)
}

// save stores what was fetched so far, with the changes that can be recorded, and begins
// the next step.
func (v *visit) save(ctx context.Context) error {
	v.recordVersions()
	for i, c := range v.compare {
		if c == nil {
			continue
		}
		var err error
		if v.step.Changes[i].Difference, err = v.difference(context.WithoutCancel(ctx), *c); err != nil {
			return &storeError{err}
		}
	}
	v.addVersions()
	step, archived := v.step, v.archived
	v.reset()
	if err := v.commits.commit(ctx, v.Store, step); err != nil {
		return &storeError{err}
	}
	v.locked(func() {
		if len(step.Changes) > 0 && !v.counted {
			v.counted = true
			v.cycle.Documents++
		}
		v.cycle.Changes += len(step.Changes)
		v.cycle.Versions += archived
	})
	next := v.lastRecorded() // the next step compares with it
	maps.DeleteFunc(v.texts, func(h coc.Hash, _ *diff.Text) bool { return h != next })
	return nil
}

// difference computes the difference of a change.
func (v *visit) difference(ctx context.Context, c comparison) (d coc.Difference, err error) {
	var old *diff.Text
	now, err := v.text(ctx, c.new)
	if err == nil && c.old != nil {
		old, err = v.text(ctx, *c.old)
	}
	switch {
	case errors.Is(err, coc.ErrErased):
		return coc.ErasedDifference(diff.Algorithm, c.skipped), nil
	case err != nil:
		return d, err
	}
	d = diff.Compare(old, now)
	d.Skipped = c.skipped
	return d, nil
}

// text returns a content of the document.
func (v *visit) text(ctx context.Context, h coc.Hash) (*diff.Text, error) {
	if v.texts[h] == nil {
		// Both ids are zero only where nothing is archived.
		c, err := v.Store.Content(ctx, cmp.Or(v.Key.Account, v.cycle.Key.Account), h)
		if err != nil {
			return nil, err
		}
		v.texts[h] = diff.Read(c.Bytes)
	}
	return v.texts[h], nil
}
