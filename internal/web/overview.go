package web

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// Limits of the overview.
const (
	chartDays  = 90
	recentRows = 20
)

// overview is the first page.
type overview struct {
	Headline                     pieces
	Healthy                      bool
	Problems                     []problem
	Documents, Deleted, Versions int
	Changes                      int
	Watches                      []watch
	Days                         []day
	ChartWidth                   int
	ChartLabel                   string
	Recent                       []changeRow
	Rows                         []documentRow // the first documents
	More                         bool          // there are more documents
}

// problem is a problem that status reports.
type problem struct{ What, Why, Fix pieces }

// watch is the status of a watch.
type watch struct {
	Name   pieces
	Good   time.Time // its last good cycle; zero for none
	Failed int       // failed cycles since then
	Bad    bool      // status reports a problem of it
}

func (s *Site) overview(ctx context.Context, q *pageRequest) (*view, error) {
	c, err := s.status.load(ctx, s)
	if err != nil {
		return nil, err
	}
	o := overview{Documents: c.DocumentCount(), Deleted: c.Documents[coc.Deleted], Versions: c.Versions[coc.Archived], Changes: c.Changes}
	o.Headline, o.Healthy, o.Problems = visible(c.Headline(), ""), c.Healthy(), problems(c.Problems)
	for _, w := range c.Watches {
		if !w.Retired() {
			o.Watches = append(o.Watches, watch{visible(w.Watch, ""), w.LastGoodAt.Time, w.FailedInARow, c.ProblemOf(w.Watch) != ""})
		}
	}
	now := q.Now()
	first := midnight(now.In(q.Local)).AddDate(0, 0, 1-chartDays)
	if o.Days, o.ChartWidth, o.ChartLabel, err = chart(q.ChangeTimes(ctx, nil, first), first, chartDays, 1); err != nil {
		return nil, err
	}
	list, err := collect(q.Log(ctx, query.Log{Limit: recentRows}))
	if err != nil {
		return nil, err
	}
	o.Recent = changeRows(list)
	docs, all, _, err := q.Page(ctx, query.Page{Limit: recentRows})
	if err != nil {
		return nil, err
	}
	o.Rows = documentRows(docs)
	o.More = all > len(docs)
	return &view{Title: visible("The archive", ""), Here: "overview", Feed: "/feed.atom", Live: true, Body: o}, nil
}

// statusCache holds the status of the archive for maxStatusAge: counting 200,000 versions
// takes too long for each page.
type statusCache struct {
	mu   sync.Mutex
	last *query.Status
}

const maxStatusAge = 15 * time.Second

func (c *statusCache) load(ctx context.Context, s *Site) (*query.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := s.Archive.Now()
	if c.last != nil && now.Sub(c.last.Now).Abs() < maxStatusAge {
		return c.last, nil
	}
	st, err := s.Archive.LoadStatus(ctx)
	if err == nil {
		c.last = st
	}
	return st, err
}

// day is one bar of a chart.
type day struct {
	Label        string
	Count        int
	X, Y, Height int
}

// The dimensions of a chart, in units of its viewBox.
const (
	barStep      = 10
	chartHeight  = 60
	minBarHeight = 3 // keeps one change among hundreds visible
)

// chart counts changes in count bars of step days each, from midnight in the zone of the
// first time. The times are in order.
func chart(times iter.Seq2[time.Time, error], first time.Time, count, step int) (bars []day, width int, label string, err error) {
	next, stop := iter.Pull2(times)
	defer stop()
	t, err, more := next()
	highest, total := 0, 0
	for i := range count {
		from, to := first.AddDate(0, 0, i*step), first.AddDate(0, 0, (i+1)*step)
		d := day{Label: from.Format(time.DateOnly), X: i * barStep}
		if step > 1 {
			d.Label += " to " + to.AddDate(0, 0, -1).Format(time.DateOnly)
		}
		for ; more && err == nil && t.Before(to); t, err, more = next() {
			d.Count++
		}
		highest, total = max(highest, d.Count), total+d.Count
		bars = append(bars, d)
	}
	for i := range bars {
		if b := &bars[i]; b.Count > 0 {
			b.Height = max(minBarHeight, b.Count*chartHeight/highest)
			b.Y = chartHeight - b.Height
		}
	}
	return bars, count * barStep, fmt.Sprintf("%s in %d days, at most %d per bar", text.Plural(total, "change"), count*step, highest), err
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}
