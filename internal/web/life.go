package web

import (
	"fmt"
	"iter"
	"time"
)

// life is a chart of all changes of a document, from the first one to now.
type life struct {
	Since      string // the first day of the first bar
	Every      string // the period of a bar
	Days       []day
	ChartWidth int
	ChartLabel string
}

// Limits of a chart. The period of a bar is the shortest that needs at most maxBars.
const (
	maxBars = 190
	minDays = 30
)

// newLife returns the chart of a document's changes. The times are in order.
func newLife(changed iter.Seq2[time.Time, error], now time.Time, local *time.Location) (life, error) {
	times, err := collect(changed)
	if err != nil || len(times) == 0 {
		return life{}, err
	}
	last := now
	if t := times[len(times)-1]; t.After(last) {
		last = t // COC's clock is ahead of this machine's
	}
	end, first := midnight(last.In(local)).AddDate(0, 0, 1), midnight(times[0].In(local))
	if latest := end.AddDate(0, 0, -minDays); latest.Before(first) {
		first = latest
	}
	days := int(end.Sub(first).Hours()/24 + 0.5) // days with a clock change have 23 or 25 hours
	step, every := 1, "day"
	switch {
	case days > 7*maxBars:
		step = (days + maxBars - 1) / maxBars
		every = fmt.Sprintf("%d days", step)
	case days > maxBars:
		step, every = 7, "week"
	}
	l := life{Since: first.Format(time.DateOnly), Every: every}
	l.Days, l.ChartWidth, l.ChartLabel, err = chart(rows(times), first, (days+step-1)/step, step)
	return l, err
}
