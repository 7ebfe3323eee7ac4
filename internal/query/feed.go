package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Feed are the newest changes in the order of recording, the newest first.
type Feed struct {
	Origin  string // a permanent name of the archive
	Changes []coc.Change
	Since   time.Time // when recording began; zero if it did not
}

// Feed returns at most limit changes. For one document it includes backfill; for the zero
// Document, it returns changes of all documents without it.
func (a *Archive) Feed(ctx context.Context, doc Document, limit int) (f Feed, err error) {
	if f.Origin, err = a.db.ArchiveName(ctx); err != nil {
		return f, err
	}
	if f.Changes, err = a.db.Recorded(ctx, doc.key, limit); err != nil {
		return f, err
	}
	if doc.key.IsZero() {
		f.Since, err = a.db.FirstCycle(ctx)
		return f, err
	}
	d, err := a.db.Details(ctx, doc.key)
	f.Since = d.FirstSeenAt
	return f, err
}

// EachEvent calls change with every change and its contents, and notice with every notice,
// in the order of time. Contents that cannot be read are nil; they are reported at the end.
func (a *Archive) EachEvent(
	ctx context.Context, change func(c *coc.Change, old, now []byte) error, notice func(*coc.Notice) error,
) (err error) {
	var unreadable []error
	defer func() { err = errors.Join(append(unreadable, err)...) }()
	next, stop := iter.Pull2(a.db.Notices(ctx))
	defer stop()
	n, failed, more := next()
	noticesBefore := func(when time.Time) error {
		for ; more && (when.IsZero() || n.At.Before(when)); n, failed, more = next() {
			if failed != nil {
				return failed
			}
			if err := notice(&n); err != nil {
				return err
			}
		}
		return nil
	}
	for c, err := range a.db.Record(ctx, db.Filter{}) {
		if err != nil {
			return err
		}
		if err := noticesBefore(c.SeenAt); err != nil {
			return err
		}
		old, now, err := a.db.Contents(ctx, c.Key)
		if err != nil && !errors.Is(err, coc.ErrErased) {
			unreadable = append(unreadable, fmt.Errorf("change %s: %w", c.Ref, err))
		}
		if err := change(&c, old, now); err != nil {
			return err
		}
	}
	return noticesBefore(time.Time{})
}

// Totals are figures of the archive that are read fast, for metrics.
type Totals = db.Totals

// Totals returns the current figures.
func (a *Archive) Totals(ctx context.Context) (Totals, error) { return a.db.Totals(ctx) }

// LastEnded returns the newest whole cycle of a watch that ended; the zero Cycle for none.
func (a *Archive) LastEnded(ctx context.Context, watch string) (coc.Cycle, error) {
	return a.db.NewestCycle(ctx, watch, db.CycleQuery{Ended: true})
}

// OldestChecks returns when the version of each watch that was unchecked for longest was
// last compared with COC's.
func (a *Archive) OldestChecks(ctx context.Context, watches []string, now time.Time) (map[string]time.Time, error) {
	return a.db.OldestChecks(ctx, watches, now)
}

// Recording is the progress of CountKinds: the ID of the last counted change of each
// account.
type Recording map[int64]int64

// Recording returns the newest change of each account.
func (a *Archive) Recording(ctx context.Context) (Recording, error) { return a.db.NewestChanges(ctx) }

// CountKinds adds to kinds the changes that were recorded after r, without backfill, and
// advances r.
func (a *Archive) CountKinds(ctx context.Context, r Recording, kinds map[coc.Kind]int) error {
	newest, err := a.db.NewestChanges(ctx)
	if err != nil {
		return err
	}
	for account, last := range newest {
		if last <= r[account] {
			continue
		}
		counts, err := a.db.KindsBetween(ctx, account, r[account], last)
		if err != nil {
			return err
		}
		r[account] = last
		for kind, n := range counts {
			kinds[kind] += n
		}
	}
	return nil
}
