package history

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"cocsync/internal/coc"
)

// Span is a stretch of time.
type Span struct{ From, To time.Time }

// Coverage says how well a watch watched in a period. Cycles that began in it count,
// each once.
type Coverage struct {
	Watch, Account string
	Followed       []Span // when it followed documents

	Good        int
	Unlisted    int // of the good ones, those that did not read the whole list
	Failed      int
	Stopped     int
	Unended     int // died without a word, or still running
	Missed      int // were due by the schedule and did not run
	Named       int // of some documents by name; they say nothing of the watch, and are in none of these
	Requests    int // of all of them
	Failures    []Failure
	Usual       time.Duration // between the starts of two cycles
	MostBetween time.Duration // two looks; longer is a gap
	Gaps        []Gap
}

// Failure is a reason for which cycles or documents in them failed, and how often.
type Failure struct {
	Err   string
	Times int
}

// Gap is a stretch without a good cycle that read the whole list.
type Gap struct {
	Span
	Tried  int // cycles that ran in it
	Listed int // of them, those that failed after the whole list was read
}

// A gap is longer than so many usual intervals and than shortestGap: one cycle that
// is slow or fails makes none.
const (
	gapFactor   = 3
	shortestGap = 10 * time.Minute
	// leastUsual is the shortest interval that is usual, and what is taken where there
	// are not two cycles.
	leastUsual = time.Minute
)

// cover counts the watch's cycles, which come in order, and names the gaps of its life.
func cover(cycles []coc.Cycle, since time.Time, life Span) (c Coverage) {
	var whole []coc.Cycle
	for _, x := range cycles {
		if !x.Partial {
			whole = append(whole, x)
		}
		if !x.StartedAt.Before(since) {
			c.count(x)
		}
	}
	c.Usual = usual(whole, since)
	c.MostBetween = max(gapFactor*c.Usual, shortestGap)
	c.Gaps = gaps(whole, life, c.MostBetween)
	return c
}

func (c *Coverage) count(x coc.Cycle) {
	c.Requests += x.Requests
	c.Missed += x.Missed
	switch {
	case x.Partial:
		c.Named++
	case x.EndedAt.IsZero():
		c.Unended++
	case x.Outcome == coc.Bad:
		c.Failed++
	case x.Outcome == coc.Stopped:
		c.Stopped++
	default:
		c.Good++
		if !x.Complete {
			c.Unlisted++
		}
	}
}

// usual is the median of the distances between the starts of consecutive cycles from
// an instant on; the shorter one of the two in the middle.
func usual(cycles []coc.Cycle, since time.Time) time.Duration {
	var apart []time.Duration
	var last time.Time
	for _, c := range cycles {
		if c.StartedAt.Before(since) {
			continue
		}
		if !last.IsZero() {
			apart = append(apart, c.StartedAt.Sub(last))
		}
		last = c.StartedAt
	}
	if len(apart) == 0 {
		return leastUsual
	}
	slices.Sort(apart)
	return max(apart[(len(apart)-1)/2], leastUsual)
}

// gaps returns the stretches of a life that are longer than most and lie outside of
// every good cycle that read the whole list.
func gaps(cycles []coc.Cycle, life Span, most time.Duration) (list []Gap) {
	g := Gap{Span: Span{From: life.From}}
	end := func(to time.Time) {
		if g.To = to; g.To.Sub(g.From) > most {
			list = append(list, g)
		}
	}
	for _, c := range cycles {
		if c.Outcome != coc.Good || !c.Complete {
			g.Tried++
			if c.Complete && c.Outcome == coc.Bad {
				g.Listed++
			}
			continue
		}
		end(c.StartedAt)
		g = Gap{Span: Span{From: g.From}}
		if c.EndedAt.After(g.From) {
			g.From = c.EndedAt
		}
	}
	end(life.To)
	return list
}

// lifeOf returns when a watch is held to have been there within a period: from its
// first cycle on, and as long as it followed documents or ran. One that never followed
// any is held to be there still.
func lifeOf(period Span, first time.Time, followed []Span, cycles []coc.Cycle) Span {
	life := period
	if first.After(life.From) {
		life.From = first
	}
	if len(followed) == 0 {
		return life
	}
	end := followed[len(followed)-1].To
	for _, c := range cycles {
		end = latest(end, latest(c.StartedAt, c.EndedAt))
	}
	if end.Before(life.To) {
		life.To = end
	}
	return life
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// clip cuts a stretch to a period; its zero end is the period's.
func clip(s Span, period Span) Span {
	s.From = latest(s.From, period.From)
	if s.To.IsZero() || s.To.After(period.To) {
		s.To = period.To
	}
	return s
}

// union joins what overlaps or touches, in order.
func union(spans []Span) (list []Span) {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b Span) int { return a.From.Compare(b.From) })
	for _, s := range spans {
		if n := len(list); n > 0 && !s.From.After(list[n-1].To) {
			list[n-1].To = latest(list[n-1].To, s.To)
		} else {
			list = append(list, s)
		}
	}
	return list
}

// failures counts the reasons of failed cycles together with those of documents, most
// frequent first. Reasons that differ only in a request's id or in an instant are one.
func failures(cycles []coc.Cycle, since time.Time, documents map[string]int) (list []Failure) {
	request := regexp.MustCompile(` \(request [^()\s]+\)`)
	stamped := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`)
	times := map[string]int{}
	add := func(text string, n int) {
		times[stamped.ReplaceAllString(request.ReplaceAllString(text, ""), "…")] += n
	}
	for _, c := range cycles {
		if !c.Partial && c.Outcome == coc.Bad && c.Err != "" && !c.StartedAt.Before(since) {
			add(c.Err, 1)
		}
	}
	for text, n := range documents {
		add(text, n)
	}
	for text, n := range times {
		list = append(list, Failure{text, n})
	}
	slices.SortFunc(list, func(a, b Failure) int {
		return cmp.Or(b.Times-a.Times, cmp.Compare(a.Err, b.Err))
	})
	return list
}
