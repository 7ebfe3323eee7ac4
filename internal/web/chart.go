package web

import (
	"fmt"
	"iter"
	"time"

	"cocsync/internal/text"
)

// chart counts changes by day, or by several days.
type chart struct {
	Bars  []bar
	Width int
	Label string
	Since string // the first day of the first bar
	Every string // the period of a bar
}

// bar is one bar of a chart.
type bar struct {
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

// newChart counts changes in bars of some days each, from midnight in the zone of the first
// time. The times are in order.
func newChart(times iter.Seq2[time.Time, error], first time.Time, bars, days int) (chart, error) {
	c := chart{Bars: make([]bar, bars), Width: bars * barStep, Since: first.Format(time.DateOnly)}
	for i := range c.Bars {
		from, to := first.AddDate(0, 0, i*days), first.AddDate(0, 0, (i+1)*days-1)
		c.Bars[i] = bar{Label: from.Format(time.DateOnly), X: i * barStep}
		if days > 1 {
			c.Bars[i].Label += " to " + to.Format(time.DateOnly)
		}
	}
	highest, total, i := 0, 0, 0
	for t, err := range times {
		if err != nil {
			return c, err
		}
		for i < bars && !t.Before(first.AddDate(0, 0, (i+1)*days)) {
			i++
		}
		if i == bars {
			break
		}
		c.Bars[i].Count++
		highest, total = max(highest, c.Bars[i].Count), total+1
	}
	for i := range c.Bars {
		if b := &c.Bars[i]; b.Count > 0 {
			b.Height = max(minBarHeight, b.Count*chartHeight/highest)
			b.Y = chartHeight - b.Height
		}
	}
	c.Label = fmt.Sprintf("%s in %d days, at most %d per bar", text.Plural(total, "change"), bars*days, highest)
	return c, nil
}

// Limits of the chart of a document. The period of a bar is the shortest that needs at most
// maxBars.
const (
	maxBars = 190
	minDays = 30
)

// newHistoryChart returns a chart of a document's changes from the first one to now. The times are
// in order. Without changes it has no bars.
func newHistoryChart(times []time.Time, now time.Time, local *time.Location) (chart, error) {
	if len(times) == 0 {
		return chart{}, nil
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
	c, err := newChart(rows(times), first, (days+step-1)/step, step)
	c.Every = every
	return c, err
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// rows returns the elements of a list as rows without errors.
func rows[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}
