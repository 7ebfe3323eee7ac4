package query

import (
	"context"
	"errors"
	"fmt"
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

// Feed returns at most limit changes: of a document all of them; if doc is nil, of all
// documents without backfill.
func (a *Archive) Feed(ctx context.Context, doc *Document, limit int) (f Feed, err error) {
	if f.Origin, err = a.db.Origin(ctx); err != nil {
		return f, err
	}
	if doc == nil {
		if f.Changes, err = a.db.Recorded(ctx, 0, limit); err != nil {
			return f, err
		}
		f.Since, err = a.db.FirstCycle(ctx)
		return f, err
	}
	if f.Changes, err = a.db.Recorded(ctx, doc.key, limit); err != nil {
		return f, err
	}
	d, err := a.db.Details(ctx, doc.key)
	f.Since = d.FirstSeenAt
	return f, err
}

// EachChange calls f with every change, newest first, until it returns an error.
func (a *Archive) EachChange(ctx context.Context, f func(coc.Change) error) error {
	return a.db.EachChange(ctx, db.Filter{}, func(c coc.Change) (bool, error) { return true, f(c) })
}

// EachEvent calls change with every change and its contents, and notice with every notice,
// in the order of time. Contents that cannot be read are nil; they are reported at the end.
func (a *Archive) EachEvent(ctx context.Context, change func(c *coc.Change, old, now []byte) error, notice func(*coc.Notice) error) error {
	notices, err := a.db.Notices(ctx)
	if err != nil {
		return err
	}
	var failed []error
	err = a.db.EachRecorded(ctx, func(c coc.Change) error {
		for len(notices) > 0 && notices[0].At.Before(c.SeenAt) {
			if err := notice(&notices[0]); err != nil {
				return err
			}
			notices = notices[1:]
		}
		old, now, err := a.db.Contents(ctx, c.ID)
		if err != nil && !errors.Is(err, coc.ErrErased) {
			failed = append(failed, fmt.Errorf("change %d: %w", c.ID, err))
		}
		return change(&c, old, now)
	})
	for i := range notices {
		if err == nil {
			err = notice(&notices[i])
		}
	}
	return errors.Join(append(failed, err)...)
}

// Gauges are figures of the archive that are read fast, for metrics.
type Gauges = db.Gauges

// Gauges returns the present figures.
func (a *Archive) Gauges(ctx context.Context) (Gauges, error) { return a.db.Gauges(ctx) }

// LastEnded returns the newest whole cycle of a watch that ended; the zero Cycle for none.
func (a *Archive) LastEnded(ctx context.Context, watch string) (coc.Cycle, error) {
	return a.db.LastEnded(ctx, watch)
}

// OldestChecks returns when the version of each watch that was unchecked for longest was
// last compared with COC's.
func (a *Archive) OldestChecks(ctx context.Context, watches []string) (map[string]time.Time, error) {
	return a.db.OldestChecks(ctx, watches)
}

// NewestChange returns the number of the change that was recorded last, 0 for none.
func (a *Archive) NewestChange(ctx context.Context) (int64, error) { return a.db.NewestChange(ctx) }

// KindsAfter counts by kind the changes that were recorded after a number, without backfill,
// and returns the last number.
func (a *Archive) KindsAfter(ctx context.Context, id int64) (kinds map[coc.Kind]int, last int64, err error) {
	return a.db.KindsAfter(ctx, id)
}
