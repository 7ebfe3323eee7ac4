package syncer

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"cocsync/internal/coc"
)

// chunk is how many versions are fetched before they are stored. It bounds the memory of a
// document, and is the size of a pack.
const (
	chunk     = 16
	chunkSize = 1 << 20 // bytes, for contents larger than COC's default limit of 64 KB
)

// visit is the work on one document, under its lock.
type visit struct {
	*run
	*view
	texts       texts
	id          string
	fingerprint *coc.Hash // of the list row that the response matches
	incomplete  bool      // something that the response listed is unavailable
	counted     bool      // as one of the cycle's changed documents
}

// open locks the document and loads what the archive has of it.
func (r *run) open(ctx context.Context, id string) (*visit, func(), error) {
	unlock, err := r.locks.lock(ctx, r.account.Name+"\x00"+id)
	if err != nil {
		return nil, nil, err
	}
	known, err := r.Store.Known(ctx, r.account.Name, id)
	if err != nil {
		unlock()
		return nil, nil, &storeError{err}
	}
	if known.Key.IsZero() {
		known.Type = r.watch.DocumentType
	}
	l := &visit{run: r, id: id, view: newView(known, r.account.Name, r.cycle.Key, r.Now(), r.Route)}
	l.view.eager = r.onDemand()
	account := cmp.Or(known.Key.Account, r.cycle.Key.Account) // both zero only where nothing is archived
	l.texts.load = func(ctx context.Context, hash coc.Hash) (coc.Content, error) {
		return r.Store.Content(ctx, account, hash)
	}
	return l, unlock, nil
}

// update brings a changed document up to date, so that its alerts can be sent.
func (r *run) update(ctx context.Context, id string) error {
	l, unlock, err := r.open(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	err = l.fetchNewest(ctx)
	if errors.Is(err, coc.ErrNotFound) && r.named(id) && l.State != coc.DocListed && !l.Key.IsZero() {
		// Perhaps deleted: judgeAbsences judges it with all others of this cycle.
		r.mu.Lock()
		defer r.mu.Unlock()
		r.notFound = append(r.notFound, id)
		return nil
	}
	if err != nil {
		return err
	}
	labels := l.missingVersions()
	if !l.view.HasNew && len(labels) > 1 {
		// A document that was added: its first version makes the alert, and the others are
		// fetched in the background.
		labels = labels[:1]
		r.addHistory(id)
	}
	return l.fetchVersions(ctx, labels, nil)
}

// newest archives the newest version of a document that existed before the initial sync,
// and which versions it has; history fetches those afterwards.
func (r *run) newest(ctx context.Context, id string) error {
	if err := r.account.gate.wait(ctx); err != nil {
		return err
	}
	l, unlock, err := r.open(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	if l.State == coc.DocPresent {
		return nil // another watch has archived it
	}
	if err := l.fetchNewest(ctx); err != nil {
		return err
	}
	if len(l.missingVersions()) > 0 {
		r.addHistory(id)
	}
	return l.finish(ctx, true)
}

// history fetches the versions that an earlier visit found listed.
func (r *run) history(ctx context.Context, id string) error {
	return r.whenIdle(ctx, id, func(l *visit) error {
		labels := l.missingVersions()
		if len(labels) == 0 {
			return nil
		}
		return l.fetchVersions(ctx, labels, r.account.gate.closed)
	})
}

// addHistory records that older versions of a document are missing.
func (r *run) addHistory(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.later = append(r.later, id)
}

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
		l, unlock, err := r.open(ctx, id)
		if err != nil {
			return err
		}
		err = do(l)
		unlock()
		if !errors.Is(err, errBusy) {
			return err
		}
	}
}

// fetchNewest requests the newest version and applies the response.
func (l *visit) fetchNewest(ctx context.Context) error {
	a, err := l.account.get(ctx, l.id, "", l.typ())
	if err != nil {
		return err
	}
	l.view.now = l.Now()
	row := l.rows[l.id]
	l.applyAnswer(a)
	// The row's fingerprint is stored in the step that archives the response. Missing
	// versions are pending in the archive and requested again whatever the row says. A
	// response older than the row may show less.
	if row.Fingerprint != (coc.Hash{}) && (a.Meta.UpdatedAt.IsZero() || !a.Meta.UpdatedAt.Before(row.UpdatedAt)) {
		l.fingerprint = &row.Fingerprint
	}
	return nil
}

// typ returns the document_type for requests.
func (l *visit) typ() string {
	if l.Known.Type != "" {
		return l.Known.Type
	}
	return l.watch.DocumentType
}

// fetchVersions fetches versions, oldest first, and stores them in chunks. It stops with
// errBusy if busy reports urgent work; busy may be nil.
func (l *visit) fetchVersions(ctx context.Context, labels []string, busy func() bool) error {
	var errs []error
	var stop error // why the rest was not requested
	held, size := 0, 0
	for _, label := range labels {
		if busy != nil && busy() {
			stop = errBusy
			break
		}
		a, err := l.account.get(ctx, l.id, label, l.typ())
		if err == nil && a.Version != label {
			err = fmt.Errorf("COC responded with %q instead: %w", a.Version, coc.ErrMalformed)
		}
		x := l.find(label)
		known := x.State == coc.Unavailable // recorded, and status reports it
		if err == nil {
			l.view.now = l.Now()
			l.applyContent(x, a)
			held, size = held+1, size+len(a.Content.Bytes)
			if held == chunk || size >= chunkSize {
				if err := l.save(ctx); err != nil {
					return err
				}
				held, size = 0, 0
			}
			continue
		}
		if stop = l.judgeFailure(ctx, x, err); stop != nil {
			break
		}
		if known {
			l.Log.Warn("version still unavailable", "watch", l.watch.Name, "document", l.id, "version", label, "err", err)
			continue
		}
		errs = append(errs, fmt.Errorf("version %s: %w", label, err))
	}
	if err := l.finish(ctx, stop == nil); err != nil {
		return err
	}
	if len(errs) > 0 && (errors.Is(stop, errStop) || errors.Is(stop, context.Canceled)) {
		stop = nil // the failures say more
	}
	return errors.Join(append(errs, stop)...)
}

// finish stores the rest of a visit. If it was not interrupted and nothing is unavailable,
// the row's fingerprint is stored too.
func (l *visit) finish(ctx context.Context, whole bool) error {
	if whole && !l.incomplete && l.fingerprint != nil {
		l.step.Fingerprint = l.fingerprint
	}
	return l.save(ctx)
}

// judgeFailure decides what a failure to fetch a version means, and returns an error if the
// rest of the document need not be requested.
func (l *visit) judgeFailure(ctx context.Context, x *version, err error) error {
	l.incomplete = l.incomplete || x.Number > 0
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, coc.ErrUnauthorized), errors.Is(err, coc.ErrForbidden), l.rateLimited(err):
		return err // says nothing about the version
	case errors.Is(err, coc.ErrNotFound):
		// Either the version was not found, or the whole document.
		if _, e := l.account.get(ctx, l.id, "", l.typ()); errors.Is(e, coc.ErrNotFound) {
			return fmt.Errorf("it was deleted while its versions were fetched: %w", e)
		} else if e != nil {
			return e
		}
	}
	l.fetchFailed(x, err)
	return nil
}

// save stores what was fetched so far, with the changes that can be recorded.
func (l *visit) save(ctx context.Context) error {
	l.recordVersions()
	if err := l.derive(context.WithoutCancel(ctx), &l.texts); err != nil {
		return &storeError{err}
	}
	changes := len(l.step.Changes)
	step := l.take()
	if err := l.commits.commit(ctx, l.Store, step); err != nil {
		return &storeError{err}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if changes > 0 && !l.counted {
		l.counted = true
		l.cycle.Documents++
	}
	l.cycle.Changes += changes
	l.cycle.Versions += l.archived
	l.archived = 0
	l.texts.trim(l.lastRecorded())
	return nil
}
