package syncer

import (
	"context"
	"errors"
	"fmt"

	"cocsync/internal/coc"
)

// chunk is how many versions are fetched before they are stored. It bounds what
// a document keeps in memory, and is the size of a pack.
const (
	chunk     = 16
	chunkSize = 1 << 20 // bytes, for contents beyond COC's usual 64 KB
)

// look is one look at a document, under its lock.
type look struct {
	*run
	*view
	texts   texts
	id      string
	print   *coc.Hash // fingerprint of the list row that the answer matches
	owed    bool      // something that the answer showed could not be had
	counted bool      // as one of the cycle's changed documents
}

// open takes the document's lock and reads what the archive has of it.
func (r *run) open(ctx context.Context, id string) (*look, func(), error) {
	unlock, err := r.locks.lock(ctx, r.account.Name+"\x00"+id)
	if err != nil {
		return nil, nil, err
	}
	known, err := r.Store.Known(ctx, r.account.Name, id)
	if err != nil {
		unlock()
		return nil, nil, &stored{err}
	}
	if known.Key == 0 {
		known.Type = r.watch.DocumentType
	}
	l := &look{run: r, id: id, view: newView(known, r.account.Name, r.cycle.ID, r.Now(), r.Route)}
	l.view.eager = r.onDemand()
	l.texts.load = r.Store.Content
	return l, unlock, nil
}

// news brings a document up to date while people wait for it.
func (r *run) news(ctx context.Context, id string) error {
	l, unlock, err := r.open(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	err = l.ask(ctx)
	if errors.Is(err, coc.ErrNotFound) && r.named(id) && l.State != coc.Seen && l.Key != 0 {
		// Deleted, perhaps: absences judges it with all others of this cycle.
		r.mu.Lock()
		defer r.mu.Unlock()
		r.notFound = append(r.notFound, id)
		return nil
	}
	if err != nil {
		return err
	}
	wants := l.wants()
	if !l.view.Told && len(wants) > 1 {
		// A document that appeared: its first version makes the alert, and the
		// others go with the histories, where they hold nobody up.
		wants = wants[:1]
		r.hasHistory(id)
	}
	return l.fill(ctx, wants, nil)
}

// newest archives the newest version of a document that was there before us, and
// what versions it has; history fetches those afterwards.
func (r *run) newest(ctx context.Context, id string) error {
	if err := r.account.gate.wait(ctx); err != nil {
		return err
	}
	l, unlock, err := r.open(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	if l.State == coc.Present {
		return nil // another watch was faster
	}
	if err := l.ask(ctx); err != nil {
		return err
	}
	if len(l.wants()) > 0 {
		r.hasHistory(id)
	}
	return l.finish(ctx, true)
}

// history fetches the versions that an earlier look found listed.
func (r *run) history(ctx context.Context, id string) error {
	return r.patiently(ctx, id, func(l *look) error {
		wants := l.wants()
		if len(wants) == 0 {
			return nil
		}
		return l.fill(ctx, wants, r.account.gate.closed)
	})
}

// hasHistory notes that older versions of a document are still to be had.
func (r *run) hasHistory(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.later = append(r.later, id)
}

// errBusy breaks work off that can wait, because people wait for other work.
var errBusy = errors.New("urgent work goes on")

// patiently looks at a document whenever nothing urgent goes on, until the look
// is not broken off. It never waits for others while it holds the document: they
// may wait for just that.
func (r *run) patiently(ctx context.Context, id string, do func(*look) error) error {
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

// ask asks for the newest version and takes the answer in.
func (l *look) ask(ctx context.Context) error {
	a, err := l.account.get(ctx, l.id, "", l.typ())
	if err != nil {
		return err
	}
	l.view.now = l.Now()
	row := l.rows[l.id]
	l.hear(a)
	// The row's fingerprint moves with the step that archives its answer. What
	// is still to be had stands in the archive as pending and is asked for
	// again whatever the row says. An answer older than the row shows less.
	if row.Fingerprint != (coc.Hash{}) && (a.Meta.UpdatedAt.IsZero() || !a.Meta.UpdatedAt.Before(row.UpdatedAt)) {
		l.print = &row.Fingerprint
	}
	return nil
}

// typ is the document_type to ask with.
func (l *look) typ() string {
	if l.Known.Type != "" {
		return l.Known.Type
	}
	return l.watch.DocumentType
}

// fill fetches versions, oldest first, and stores them as they come. It breaks
// off with errBusy when busy says that others wait; nil: nobody does.
func (l *look) fill(ctx context.Context, labels []string, busy func() bool) error {
	var errs []error
	var stop error // why the rest was not tried
	held, size := 0, 0
	for _, label := range labels {
		if busy != nil && busy() {
			stop = errBusy
			break
		}
		a, err := l.account.get(ctx, l.id, label, l.typ())
		if err == nil && a.Version != label {
			err = fmt.Errorf("COC answered with %q instead: %w", a.Version, coc.ErrMalformed)
		}
		x := l.find(label)
		known := x.State == coc.Unavailable // recorded, and status reports it
		if err == nil {
			l.view.now = l.Now()
			l.have(x, a)
			held, size = held+1, size+len(a.Content.Bytes)
			if held == chunk || size >= chunkSize {
				if err := l.save(ctx); err != nil {
					return err
				}
				held, size = 0, 0
			}
			continue
		}
		if stop = l.judge(ctx, x, err); stop != nil {
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
		stop = nil // what failed says more than that the rest was left
	}
	return errors.Join(append(errs, stop)...)
}

// finish stores the last of a look. When it was not broken off, all that the
// answer showed is archived or owed, and the row's fingerprint may move.
func (l *look) finish(ctx context.Context, whole bool) error {
	if whole && !l.owed && l.print != nil {
		l.step.Fingerprint = l.print
	}
	return l.save(ctx)
}

// judge decides what a failure to fetch a version means, and returns an error
// when the rest of the document need not be tried.
func (l *look) judge(ctx context.Context, x *version, err error) error {
	l.owed = l.owed || x.Number > 0
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, coc.ErrUnauthorized), errors.Is(err, coc.ErrForbidden), l.wantsQuiet(err):
		return err // says nothing about the version
	case errors.Is(err, coc.ErrNotFound):
		// Is it the version that is not there, or the whole document?
		if _, e := l.account.get(ctx, l.id, "", l.typ()); errors.Is(e, coc.ErrNotFound) {
			return fmt.Errorf("it vanished while its versions were fetched: %w", e)
		} else if e != nil {
			return e
		}
	}
	l.fetchFailed(x, err)
	return nil
}

// save stores what came so far, with the changes whose turn it is.
func (l *look) save(ctx context.Context) error {
	l.settle()
	if err := l.derive(context.WithoutCancel(ctx), &l.texts); err != nil {
		return &stored{err}
	}
	changes := len(l.step.Changes)
	step := l.take()
	if err := l.commits.commit(ctx, l.Store, step); err != nil {
		return &stored{err}
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
