package query

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Period is a period of time.
type Period struct {
	Since Time `json:"since"`
	Until Time `json:"until"`
}

// Coverage says how completely a watch ran in a period. Cycles that began in it are
// counted, each once.
type Coverage struct {
	Watch    string      `json:"watch"`
	Account  string      `json:"account"`
	Followed []Period    `json:"followed"` // when it followed documents
	Cycles   CycleCounts `json:"cycles"`
	Requests int         `json:"requests"`
	Failures []Failure   `json:"failures"` // the most frequent first
	Interval Duration    `json:"usual_seconds"`
	GapOver  Duration    `json:"gap_over_seconds"` // two complete polls further apart are a gap
	Gaps     []Gap       `json:"gaps"`
}

// CycleCounts counts cycles by their outcome. Incomplete ones are good ones too; ByName are
// cycles of documents by name, which are in no other count.
type CycleCounts struct {
	Good       int `json:"good"`
	Incomplete int `json:"incomplete"` // did not read the whole list
	Failed     int `json:"failed"`
	Stopped    int `json:"stopped"`
	Unended    int `json:"unended"` // the process was killed, or they are still running
	Missed     int `json:"missed"`  // were due by the schedule and did not run
	ByName     int `json:"by_name"`
}

// Failure is a reason for which cycles, or documents in them, failed.
type Failure struct {
	Error string `json:"error"`
	Times int    `json:"times"`
}

// Gap is a period without a good cycle that read the whole list.
type Gap struct {
	Period
	Duration Duration `json:"seconds"`
	Cycles   int      `json:"cycles"`   // that ran in it
	Complete int      `json:"complete"` // of them, those that failed after the whole list was read
}

// A gap is longer than gapFactor usual intervals and than minGap, so that one cycle that is
// slow or fails makes none.
const (
	gapFactor = 3
	minGap    = 10 * time.Minute
	// minInterval is the shortest usual interval, and the interval of fewer than two cycles.
	minInterval = time.Minute
)

// coverage returns the coverage of the watches that ran or followed documents in the period.
func (a *Archive) coverage(ctx context.Context, period Period, followed []db.Stretch, account string) ([]Coverage, error) {
	begun, err := a.db.Begun(ctx)
	if err != nil {
		return nil, err
	}
	type watch struct{ name, account string }
	periods := map[watch][]Period{}
	for _, s := range followed {
		w := watch{s.Watch, s.Account}
		periods[w] = append(periods[w], clip(Period{Time{s.Since}, Time{s.Until}}, period))
	}
	out := []Coverage{}
	since, until := period.Since.Time, period.Until.Time
	for _, b := range begun {
		if account != "" && b.Account != account {
			continue
		}
		cycles, err := a.db.CyclesWithin(ctx, b.Watch, b.Account, since, until)
		if err != nil {
			return nil, err
		}
		followed := union(periods[watch{b.Watch, b.Account}])
		if len(cycles) == 0 && len(followed) == 0 {
			continue
		}
		documents, err := a.db.FailedWithin(ctx, b.Watch, b.Account, since, until)
		if err != nil {
			return nil, err
		}
		c := cover(cycles, since, lifeOf(period, b.At, followed, cycles))
		c.Watch, c.Account, c.Followed = b.Watch, b.Account, followed
		c.Failures = failures(cycles, since, documents)
		out = append(out, c)
	}
	return out, nil
}

// cover counts a watch's cycles, which are in order, and finds the gaps of its life.
func cover(cycles []coc.Cycle, since time.Time, life Period) (c Coverage) {
	var whole []coc.Cycle
	for _, x := range cycles {
		if !x.Partial {
			whole = append(whole, x)
		}
		if !x.StartedAt.Before(since) {
			c.Requests += x.Requests
			c.Cycles.count(x)
		}
	}
	c.Interval.Duration = interval(whole, since)
	c.GapOver.Duration = max(gapFactor*c.Interval.Duration, minGap)
	c.Gaps = gaps(whole, life, c.GapOver.Duration)
	return c
}

func (n *CycleCounts) count(x coc.Cycle) {
	n.Missed += x.Missed
	switch {
	case x.Partial:
		n.ByName++
	case x.EndedAt.IsZero():
		n.Unended++
	case x.Outcome == coc.Bad:
		n.Failed++
	case x.Outcome == coc.Stopped:
		n.Stopped++
	default:
		n.Good++
		if !x.Complete {
			n.Incomplete++
		}
	}
}

// interval is the median of the intervals between the starts of consecutive cycles since a
// time; of two in the middle the shorter one.
func interval(cycles []coc.Cycle, since time.Time) time.Duration {
	var intervals []time.Duration
	var last time.Time
	for _, c := range cycles {
		if c.StartedAt.Before(since) {
			continue
		}
		if !last.IsZero() {
			intervals = append(intervals, c.StartedAt.Sub(last))
		}
		last = c.StartedAt
	}
	if len(intervals) == 0 {
		return minInterval
	}
	slices.Sort(intervals)
	return max(intervals[(len(intervals)-1)/2], minInterval)
}

// gaps returns the periods of a life that are longer than a duration and without a good
// cycle that read the whole list.
func gaps(cycles []coc.Cycle, life Period, over time.Duration) []Gap {
	list := []Gap{}
	g := Gap{Period: Period{Since: life.Since}}
	end := func(to time.Time) {
		g.Until.Time, g.Duration.Duration = to, to.Sub(g.Since.Time)
		if g.Duration.Duration > over {
			list = append(list, g)
		}
	}
	for _, c := range cycles {
		if c.Outcome != coc.Good || !c.Complete {
			g.Cycles++
			if c.Complete && c.Outcome == coc.Bad {
				g.Complete++
			}
			continue
		}
		end(c.StartedAt)
		g = Gap{Period: Period{Since: Time{latest(g.Since.Time, c.EndedAt)}}}
	}
	end(life.Until.Time)
	return list
}

// lifeOf returns the part of a period in which a watch existed: since its first cycle, and
// while it followed documents or ran. One that never followed any exists until the end.
func lifeOf(period Period, first time.Time, followed []Period, cycles []coc.Cycle) Period {
	life := period
	life.Since.Time = latest(life.Since.Time, first)
	if len(followed) == 0 {
		return life
	}
	end := followed[len(followed)-1].Until.Time
	for _, c := range cycles {
		end = latest(end, latest(c.StartedAt, c.EndedAt))
	}
	if end.Before(life.Until.Time) {
		life.Until.Time = end
	}
	return life
}

// clip limits p to a period. A zero end is the period's.
func clip(p, period Period) Period {
	p.Since.Time = latest(p.Since.Time, period.Since.Time)
	if p.Until.IsZero() || p.Until.After(period.Until.Time) {
		p.Until = period.Until
	}
	return p
}

// union joins periods that overlap or touch, and sorts them.
func union(periods []Period) []Period {
	out := []Period{}
	periods = slices.Clone(periods)
	slices.SortFunc(periods, func(a, b Period) int { return a.Since.Compare(b.Since.Time) })
	for _, p := range periods {
		if n := len(out); n > 0 && !p.Since.After(out[n-1].Until.Time) {
			out[n-1].Until.Time = latest(out[n-1].Until.Time, p.Until.Time)
		} else {
			out = append(out, p)
		}
	}
	return out
}

// failures counts the errors of failed cycles and of documents. Errors that differ only in
// the id of a request or in a time are one.
func failures(cycles []coc.Cycle, since time.Time, documents map[string]int) []Failure {
	request := regexp.MustCompile(` \(request [^()\s]+\)`)
	stamped := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`)
	times := map[string]int{}
	add := func(err string, n int) {
		times[stamped.ReplaceAllString(request.ReplaceAllString(err, ""), "…")] += n
	}
	for _, c := range cycles {
		if !c.Partial && c.Outcome == coc.Bad && c.Err != "" && !c.StartedAt.Before(since) {
			add(c.Err, 1)
		}
	}
	for err, n := range documents {
		add(err, n)
	}
	list := []Failure{}
	for err, n := range times {
		list = append(list, Failure{err, n})
	}
	slices.SortFunc(list, func(a, b Failure) int { return cmp.Or(b.Times-a.Times, cmp.Compare(a.Error, b.Error)) })
	return list
}
