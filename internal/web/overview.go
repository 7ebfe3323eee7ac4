package web

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/db"
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

// look finds out which process writes the archive.
func (s *Site) look() answer.Archive { return answer.Look(s.History.DB, s.Configured) }

func (s *Site) overview(ctx context.Context, q *question) (*view, error) {
	c, err := s.census.of(ctx, s)
	if err != nil {
		return nil, err
	}
	o := overview{Documents: c.Totals.Documents, Deleted: c.States[coc.Deleted], Versions: c.Totals.Versions, Changes: c.Totals.Changes}
	o.Headline, o.Healthy, o.Problems = visible(c.Headline(), ""), c.Healthy(), problems(c.Problems)
	for _, w := range c.Watches {
		if !w.Retired() {
			o.Watches = append(o.Watches, watch{visible(w.Name, ""), w.LastGoodAt, w.FailedInARow, c.ProblemOf(w.Name) != ""})
		}
	}
	now := q.Now()
	first := midnight(now.In(q.Local)).AddDate(0, 0, 1-chartDays)
	times, err := q.DB.Times(ctx, 0, first)
	if err != nil {
		return nil, err
	}
	o.Days, o.ChartWidth, o.ChartLabel = chart(times, first, chartDays, 1)
	list, err := q.DB.Changes(ctx, db.Filter{Limit: lately})
	if err != nil {
		return nil, err
	}
	o.Lately = changeRows(list)
	docs, all, err := q.DB.Part(ctx, db.Part{Limit: lately})
	if err != nil {
		return nil, err
	}
	if o.Rows, err = documentRows(ctx, q.DB, docs); err != nil {
		return nil, err
	}
	o.More = all > len(docs)
	return &view{Title: visible("The archive", ""), Here: "overview", Feed: "/feed.atom", Live: true, Body: o}, nil
}

// census is how much the archive holds, and how all stands. Counting 200,000 versions
// takes longer than a page may, so it is counted anew only every so often.
type census struct {
	mu   sync.Mutex
	last *answer.Standing
}

// censusAge is how old a count may be.
const censusAge = 15 * time.Second

func (c *census) of(ctx context.Context, s *Site) (*answer.Standing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := s.History.Now()
	if c.last != nil && now.Sub(c.last.Now).Abs() < censusAge {
		return c.last, nil
	}
	st, err := answer.Stand(ctx, s.look(), now)
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

// chart counts changes in so many bars of so many days each, from midnight in the first
// instant's zone on.
func chart(times []time.Time, first time.Time, count, step int) (bars []day, width int, label string) {
	most, total := 0, 0
	for i := range count {
		from, to := first.AddDate(0, 0, i*step), first.AddDate(0, 0, (i+1)*step)
		d := day{Label: from.Format(time.DateOnly), X: i * barStep}
		if step > 1 {
			d.Label += " to " + to.AddDate(0, 0, -1).Format(time.DateOnly)
		}
		for len(times) > 0 && times[0].Before(to) {
			d.Count++
			times = times[1:]
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
	return bars, count * barStep, fmt.Sprintf("%s in %d days, at most %d in one bar", text.Plural(total, "change"), count*step, most)
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}
