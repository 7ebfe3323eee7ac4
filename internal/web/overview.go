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

// What the overview shows of the past.
const (
	chartDays = 90
	lately    = 20
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
	Lately                       []changeRow
	Rows                         []documentRow // of the first documents
	More                         bool          // there are others
}

// problem is something that a person should look at.
type problem struct{ What, Why, Fix pieces }

// watch is the status of a watch.
type watch struct {
	Name   pieces
	Good   time.Time // its last good cycle; zero: none yet
	Failed int       // cycles since that failed
	Bad    bool      // something is wrong with it
}

func (s *Site) overview(ctx context.Context, q *pageRequest) (*view, error) {
	c, err := s.census.of(ctx, s)
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
	list, err := collect(q.Log(ctx, query.Log{Limit: lately}))
	if err != nil {
		return nil, err
	}
	o.Lately = changeRows(list)
	docs, all, _, err := q.Page(ctx, query.Page{Limit: lately})
	if err != nil {
		return nil, err
	}
	o.Rows = documentRows(docs)
	o.More = all > len(docs)
	return &view{Title: visible("The archive", ""), Here: "overview", Feed: "/feed.atom", Live: true, Body: o}, nil
}

// census is the status of the archive. Counting 200,000 versions takes longer than a page
// may, so it is kept for censusAge.
type census struct {
	mu   sync.Mutex
	last *query.Status
}

// censusAge is how old a count may be.
const censusAge = 15 * time.Second

func (c *census) of(ctx context.Context, s *Site) (*query.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := s.Archive.Now()
	if c.last != nil && now.Sub(c.last.Now).Abs() < censusAge {
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

// The measures of a chart, in its own units.
const (
	barStep    = 10
	chartHigh  = 60
	leastShown = 3 // so that one change among hundreds is seen
)

// chart counts changes in count bars of step days each, from midnight in the zone of the
// first time. The times are in order.
func chart(times iter.Seq2[time.Time, error], first time.Time, count, step int) (bars []day, width int, label string, err error) {
	next, stop := iter.Pull2(times)
	defer stop()
	t, err, more := next()
	most, total := 0, 0
	for i := range count {
		from, to := first.AddDate(0, 0, i*step), first.AddDate(0, 0, (i+1)*step)
		d := day{Label: from.Format(time.DateOnly), X: i * barStep}
		if step > 1 {
			d.Label += " to " + to.AddDate(0, 0, -1).Format(time.DateOnly)
		}
		for ; more && err == nil && t.Before(to); t, err, more = next() {
			d.Count++
		}
		most, total = max(most, d.Count), total+d.Count
		bars = append(bars, d)
	}
	for i := range bars {
		if b := &bars[i]; b.Count > 0 {
			b.Height = max(leastShown, b.Count*chartHigh/most)
			b.Y = chartHigh - b.Height
		}
	}
	return bars, count * barStep, fmt.Sprintf("%s in %d days, at most %d in one bar", text.Plural(total, "change"), count*step, most), err
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}
