package query

import (
	"cmp"
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

// Feed returns at most limit changes: of a document all of them; for the zero Document, of all
// documents without backfill.
func (a *Archive) Feed(ctx context.Context, doc Document, limit int) (f Feed, err error) {
	var wrongOrigin, wrongChanges error
	f.Origin, wrongOrigin = a.db.FirstOrigin(ctx)
	f.Changes, wrongChanges = a.db.Recorded(ctx, doc.key, limit)
	if doc.key.IsZero() {
		f.Since, err = a.db.FirstCycle(ctx)
	} else {
		var d db.Details
		d, err = a.db.Details(ctx, doc.key)
		f.Since = d.FirstSeenAt
	}
	return f, cmp.Or(wrongOrigin, wrongChanges, err)
}

// EachEvent calls change with every change and its contents, and notice with every notice,
// in the order of time. Contents that cannot be read are nil; they are reported at the end.
func (a *Archive) EachEvent(ctx context.Context, change func(c *coc.Change, old, now []byte) error, notice func(*coc.Notice) error) error {
	next, stop := iter.Pull2(a.db.Notices(ctx))
	defer stop()
	n, err, more := next()
	noticesBefore := func(when time.Time) error {
		for ; more && (when.IsZero() || n.At.Before(when)); n, err, more = next() {
			if err == nil {
				err = notice(&n)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	var failed []error
	for c, err := range a.db.Record(ctx, db.Filter{}) {
		if err == nil {
			err = noticesBefore(c.SeenAt)
		}
		if err == nil {
			old, now, unreadable := a.db.Contents(ctx, c.Key)
			if unreadable != nil && !errors.Is(unreadable, coc.ErrErased) {
				failed = append(failed, fmt.Errorf("change %s: %w", c.Ref, unreadable))
			}
			err = change(&c, old, now)
		}
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
	}
	return errors.Join(append(failed, noticesBefore(time.Time{}))...)
}

// Totals are figures of the archive that are read fast, for metrics.
type Totals = db.Totals

// Totals returns the present figures.
func (a *Archive) Totals(ctx context.Context) (Totals, error) { return a.db.Totals(ctx) }

// LastEnded returns the newest whole cycle of a watch that ended; the zero Cycle for none.
func (a *Archive) LastEnded(ctx context.Context, watch string) (coc.Cycle, error) {
	return a.db.NewestCycle(ctx, watch, db.CycleQuery{Ended: true})
}

// OldestChecks returns when the version of each watch that was unchecked for longest was
// last compared with COC's.
func (a *Archive) OldestChecks(ctx context.Context, watches []string) (map[string]time.Time, error) {
	return a.db.OldestChecks(ctx, watches)
}

// Recording is how far the counting of changes by kind is, by account.
type Recording map[int64]int64

// Recording returns the changes that are recorded now.
func (a *Archive) Recording(ctx context.Context) (Recording, error) { return a.db.NewestChanges(ctx) }

// CountKinds adds to kinds the changes that were recorded after r, without backfill, and
// advances r.
func (a *Archive) CountKinds(ctx context.Context, r Recording, kinds map[coc.Kind]int) error {
	newest, err := a.db.NewestChanges(ctx)
	for account, last := range newest {
		if err != nil || last <= r[account] {
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
	return err
}
