package web

import (
	"context"
	"sync"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

// Limits of the overview.
const (
	chartDays  = 90
	recentRows = 20
)

// overview is the first page.
type overview struct {
	*query.Status
	Deleted, Archived int // deleted documents, archived versions
	Chart             chart
	Recent            []coc.Change
	Rows              []query.Details // the first documents
	More              bool            // there are more documents
}

func (s *Site) overview(ctx context.Context, q *request) (*view, error) {
	st, err := s.loadStatus(ctx)
	if err != nil {
		return nil, err
	}
	o := overview{Status: st, Deleted: st.Documents[coc.DocDeleted], Archived: st.Versions[coc.Archived]}
	first := midnight(q.Now().In(q.Local)).AddDate(0, 0, 1-chartDays)
	if o.Chart, err = newChart(q.ChangeTimes(ctx, query.Document{}, first), first, chartDays, 1); err != nil {
		return nil, err
	}
	if o.Recent, err = query.Collect(q.Log(ctx, query.Log{Limit: recentRows})); err != nil {
		return nil, err
	}
	var all int
	if o.Rows, all, _, err = q.Page(ctx, query.Page{Limit: recentRows}); err != nil {
		return nil, err
	}
	o.More = all > len(o.Rows)
	return &view{Title: "The archive", Here: "overview", Feed: "/feed.atom", Live: true, Body: o}, nil
}

func (s *Site) health(ctx context.Context, _ *request) (*view, error) {
	st, err := s.loadStatus(ctx)
	return &view{Title: "Health", Here: "health", Body: st}, err
}

// maxStatusAge is the maximum age of a shown status: counting 200,000 versions takes too
// long for each page.
const maxStatusAge = 15 * time.Second

func (s *Site) loadStatus(ctx context.Context) (*query.Status, error) {
	return s.status.get(s.Archive.Now(), maxStatusAge, func() (*query.Status, error) { return s.Archive.LoadStatus(ctx) })
}

// cached is a result that is computed again after some time.
type cached[T any] struct {
	mu     sync.Mutex
	value  T
	loaded time.Time // zero: never
}

// get returns the result, or loads it if it is older than maxAge.
func (c *cached[T]) get(now time.Time, maxAge time.Duration, load func() (T, error)) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded.IsZero() && now.Sub(c.loaded).Abs() < maxAge {
		return c.value, nil
	}
	v, err := load()
	if err == nil {
		c.value, c.loaded = v, now
	}
	return v, err
}
