package web

import (
	"fmt"
	"iter"
	"time"
)

// life is a chart of all changes of a document, from the first one to now.
type life struct {
	Since      string // the day that the first bar begins with
	Every      string // what a bar stands for
	Days       []day
	ChartWidth int
	ChartLabel string
}

// A chart has bars of as short a time as gives it no more than so many, and shows
// at least so many days.
const (
	mostBars  = 190
	leastDays = 30
)

// newLife makes the chart of a document's changes, whose times are in order.
func newLife(changed iter.Seq2[time.Time, error], now time.Time, local *time.Location) (life, error) {
	times, err := collect(changed)
	if err != nil || len(times) == 0 {
		return life{}, err
	}
	last := now
	if t := times[len(times)-1]; t.After(last) {
		last = t // COC's clock is ahead of ours
	}
	end, first := midnight(last.In(local)).AddDate(0, 0, 1), midnight(times[0].In(local))
	if least := end.AddDate(0, 0, -leastDays); least.Before(first) {
		first = least
	}
	days := int(end.Sub(first).Hours()/24 + 0.5) // not all of them have 24
	step, every := 1, "day"
	switch {
	case days > 7*mostBars:
		step = (days + mostBars - 1) / mostBars
		every = fmt.Sprintf("%d days", step)
	case days > mostBars:
		step, every = 7, "week"
	}
	l := life{Since: first.Format(time.DateOnly), Every: every}
	l.Days, l.ChartWidth, l.ChartLabel, err = chart(rows(times), first, (days+step-1)/step, step)
	return l, err
}
