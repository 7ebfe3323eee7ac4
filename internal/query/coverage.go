package query

import (
	"cmp"
	"context"
	"iter"
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
	Interval Duration    `json:"interval_seconds"`
	GapOver  Duration    `json:"gap_over_seconds"` // two complete polls further apart are a gap
	Gaps     []Gap       `json:"gaps"`

	cycles   int // that overlap the period
	failures *failures
}

// CycleCounts counts cycles by their outcome. Incomplete ones are good ones too; ByName are
// cycles of documents by name, and Unattested are good cycles that the process that wrote them
// did not record. Both are in no other count.
type CycleCounts struct {
	Good       int `json:"good"`
	Incomplete int `json:"incomplete"` // did not read the whole list
	Failed     int `json:"failed"`
	Stopped    int `json:"stopped"`
	Unended    int `json:"unended"` // the process was killed, or they are still running
	Missed     int `json:"missed"`  // were due by the schedule and did not run
	ByName     int `json:"by_name"`
	Unattested int `json:"unattested"`
}

// Failure is a reason for which cycles, or documents in them, failed.
type Failure struct {
	Error string `json:"error"`
	Times int    `json:"times"`
}

// Gap is a period without a good cycle that read the whole list. Unattested ones end no gap.
type Gap struct {
	Period
	Duration   Duration `json:"seconds"`
	Cycles     int      `json:"cycles"`     // that ran in it, without unattested ones
	Complete   int      `json:"complete"`   // of them, those that failed after the whole list was read
	Unattested int      `json:"unattested"` // good cycles that their process did not record
}

// A gap is longer than minGap and longer than gapFactor typical intervals, so that one cycle
// that is slow or fails makes none. The typical interval is the median time between the starts
// of consecutive cycles, at least minInterval.
const (
	gapFactor = 3
	minGap    = 10 * time.Minute
	// minInterval is the minimum typical interval, and that of fewer than two cycles.
	minInterval = time.Minute
)

// coverage returns the coverage of the watches that ran or followed documents in the period.
func (a *Archive) coverage(ctx context.Context, period Period, account string) (out []Coverage, err error) {
	starts, err := a.db.WatchStarts(ctx)
	if err != nil {
		return nil, err
	}
	since, until := period.Since.Time, period.Until.Time
	for _, w := range starts {
		if account != "" && w.Account != account {
			continue
		}
		memberships, err := Collect(a.db.MembershipTimes(ctx, w.Watch, w.Account, since, until))
		if err != nil {
			return nil, err
		}
		var periods []Period
		for _, m := range memberships {
			periods = append(periods, clip(Period{Time{m.Since}, Time{m.Until}}, period))
		}
		recorded, err := a.db.RecordedWithin(ctx, w.Watch, w.Account, since, until)
		if err != nil {
			return nil, err
		}
		cycles := attest(a.db.CyclesWithin(ctx, w.Watch, w.Account, since, until), recorded, a.Now())
		c, err := cover(cycles, period, w.At, union(periods))
		if err != nil {
			return nil, err
		}
		if c.cycles == 0 && len(periods) == 0 {
			continue
		}
		documents, err := a.db.FailuresWithin(ctx, w.Watch, w.Account, since, until)
		if err != nil {
			return nil, err
		}
		c.Watch, c.Account, c.Failures = w.Watch, w.Account, c.failures.list(documents)
		out = append(out, c)
	}
	return out, nil
}

// attestedCycle is a cycle, and whether its process recorded it or did not have to do so yet.
type attestedCycle struct {
	coc.Cycle
	attested bool
}

// attest says of each cycle whether it is attested. The cycles and the ranges are in order. A good
// cycle is first counted in memory: the newest ones need no record yet, all others do.
func attest(cycles iter.Seq2[coc.Cycle, error], recorded []db.RecordedRange, now time.Time) iter.Seq2[attestedCycle, error] {
	return func(yield func(attestedCycle, error) bool) {
		for x, err := range cycles {
			for len(recorded) > 0 && recorded[0].Last < x.Key.ID {
				recorded = recorded[1:]
			}
			attested := len(recorded) == 0 && !db.MustBeRecorded(x.StartedAt, now)
			if len(recorded) > 0 && recorded[0].First <= x.Key.ID {
				attested = recorded[0].Attested
			}
			if !yield(attestedCycle{x, attested}, err) {
				return
			}
		}
	}
}

// cover counts a watch's cycles, which are in order, and finds the gaps in its active period. A
// good cycle that is not attested is only counted: someone may have inserted it. One that is not
// good makes no interval normal then.
func cover(cycles iter.Seq2[attestedCycle, error], period Period, first time.Time, followed []Period) (c Coverage, err error) {
	c = Coverage{Followed: followed, failures: newFailures()}
	var intervals []time.Duration
	var last, end time.Time // when the last one began, and when any was running
	gap := Gap{Period: Period{Since: Time{later(period.Since.Time, first)}}}
	for x, err := range cycles {
		if err != nil {
			return c, err
		}
		c.cycles++
		inserted := !x.Partial && x.Outcome == coc.CycleGood && !x.attested
		if !inserted {
			end = later(end, later(x.StartedAt, x.EndedAt))
		}
		switch {
		case x.Partial:
		case inserted:
			gap.Unattested++
		case x.Outcome == coc.CycleGood && x.Complete:
			c.addGap(gap, x.StartedAt)
			gap = Gap{Period: Period{Since: Time{later(gap.Since.Time, x.EndedAt)}}}
		default:
			gap.Cycles++
			if x.Complete && x.Outcome == coc.CycleFailed && x.attested {
				gap.Complete++
			}
		}
		if x.StartedAt.Before(period.Since.Time) {
			continue
		}
		if inserted {
			c.Cycles.Unattested++
			continue
		}
		c.Requests += x.Requests
		c.Cycles.count(x.Cycle)
		if x.Partial {
			continue
		}
		if x.Outcome == coc.CycleFailed && x.Err != "" {
			c.failures.add(x.Err, 1)
		}
		if !x.attested {
			continue
		}
		if !last.IsZero() {
			intervals = append(intervals, x.StartedAt.Sub(last))
		}
		last = x.StartedAt
	}
	c.addGap(gap, activePeriod(period, first, followed, end).Until.Time)
	c.Interval.Duration = median(intervals)
	c.GapOver.Duration = max(gapFactor*c.Interval.Duration, minGap)
	c.Gaps = slices.DeleteFunc(c.Gaps, func(g Gap) bool { return g.Duration.Duration <= c.GapOver.Duration })
	return c, nil
}

// addGap adds what may be a gap: whether it is one depends on the intervals of all cycles.
func (c *Coverage) addGap(g Gap, until time.Time) {
	g.Until.Time, g.Duration.Duration = until, until.Sub(g.Since.Time)
	if g.Duration.Duration > minGap {
		c.Gaps = append(c.Gaps, g)
	}
}

func (n *CycleCounts) count(x coc.Cycle) {
	n.Missed += x.Missed
	switch {
	case x.Partial:
		n.ByName++
	case x.EndedAt.IsZero():
		n.Unended++
	case x.Outcome == coc.CycleFailed:
		n.Failed++
	case x.Outcome == coc.CycleStopped:
		n.Stopped++
	default:
		n.Good++
		if !x.Complete {
			n.Incomplete++
		}
	}
}

// median is the median of the intervals between the starts of consecutive cycles; of two in
// the middle the shorter one.
func median(intervals []time.Duration) time.Duration {
	if len(intervals) == 0 {
		return minInterval
	}
	slices.Sort(intervals)
	return max(intervals[(len(intervals)-1)/2], minInterval)
}

// activePeriod returns the part of a period in which a watch existed: since its first cycle, and
// while it followed documents or ran. One that never followed any exists until the end. last
// is when its last cycle in the period was running.
func activePeriod(period Period, first time.Time, followed []Period, last time.Time) Period {
	active := period
	active.Since.Time = later(active.Since.Time, first)
	if len(followed) == 0 {
		return active
	}
	if end := later(last, followed[len(followed)-1].Until.Time); end.Before(active.Until.Time) {
		active.Until.Time = end
	}
	return active
}

// clip limits p to a period. A zero end is the period's.
func clip(p, period Period) Period {
	p.Since.Time = later(p.Since.Time, period.Since.Time)
	if p.Until.IsZero() || p.Until.After(period.Until.Time) {
		p.Until = period.Until
	}
	return p
}

// union joins periods that overlap or touch, and sorts them.
func union(periods []Period) (out []Period) {
	periods = slices.Clone(periods)
	slices.SortFunc(periods, func(a, b Period) int { return a.Since.Compare(b.Since.Time) })
	for _, p := range periods {
		if n := len(out); n > 0 && !p.Since.After(out[n-1].Until.Time) {
			out[n-1].Until.Time = later(out[n-1].Until.Time, p.Until.Time)
		} else {
			out = append(out, p)
		}
	}
	return out
}

// failures counts errors. Those that differ only in the id of a request or in a time are one.
type failures struct {
	request, stamp *regexp.Regexp
	times          map[string]int
}

func newFailures() *failures {
	return &failures{
		request: regexp.MustCompile(` \(request [^()\s]+\)`),
		stamp:   regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`),
		times:   map[string]int{},
	}
}

func (f *failures) add(err string, n int) {
	f.times[f.stamp.ReplaceAllString(f.request.ReplaceAllString(err, ""), "…")] += n
}

// list returns the failures with those of documents, the most frequent first.
func (f *failures) list(documents map[string]int) (list []Failure) {
	for err, n := range documents {
		f.add(err, n)
	}
	for err, n := range f.times {
		list = append(list, Failure{err, n})
	}
	slices.SortFunc(list, func(a, b Failure) int { return cmp.Or(b.Times-a.Times, cmp.Compare(a.Error, b.Error)) })
	return list
}
