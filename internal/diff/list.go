package diff

import (
	"slices"

	linediff "znkr.io/diff"
)

// listing is one side of two lists while they are matched.
type listing struct {
	sum    sum
	items  []slot
	names  []string
	byName map[string]int // places of the names that stand once
	twin   []int          // place of the same element on the other side, or -1

	// Of elements that have a twin:
	renamed, moved []bool
}

func newListing(n *node) *listing {
	l := &listing{
		sum: n.sum, items: n.items, byName: map[string]int{},
		names: make([]string, len(n.items)), twin: slices.Repeat([]int{-1}, len(n.items)),
		renamed: make([]bool, len(n.items)), moved: make([]bool, len(n.items)),
	}
	for i, item := range n.items {
		name := item.value.name()
		if l.names[i] = name; name == "" {
			continue
		}
		if _, twice := l.byName[name]; twice {
			l.byName[name] = -1
		} else {
			l.byName[name] = i
		}
	}
	return l
}

// has reports whether any element of the list bears a name.
func (l *listing) has(name string) bool {
	_, ok := l.byName[name]
	return ok
}

// unique reports whether element i has a name that no other of its list has.
func (l *listing) unique(i int) bool {
	at, ok := l.byName[l.names[i]]
	return ok && at == i
}

// label is what stands for an element in a path.
func (l *listing) label(i int) string {
	if l.unique(i) {
		return nameLabel(l.names[i])
	}
	return placeLabel(i)
}

// match finds the elements that are the same on both sides: by name where that
// is unique; then those that were renamed, by what they hold; then the others by
// what they hold too, and by place where they only changed. It does so in an
// order that does not depend on which side is the old one, so that a comparison
// backwards is the mirror of the one forwards.
//
// weight says how gladly the twins at two places are taken for those that stayed
// where they were.
func match(a, b *listing, weight func(i, j int) int) {
	if a.sum.compare(b.sum) > 0 {
		a, b = b, a
		there := weight
		weight = func(i, j int) int { return there(j, i) }
	}
	matchNames(a, b)
	matchRenamed(a, b)
	matchRest(a, b)
	markMoved(a, b, weight)
}

func pairUp(a, b *listing, i, j int) { a.twin[i], b.twin[j] = j, i }

func matchNames(a, b *listing) {
	for i, name := range a.names {
		if j, ok := b.byName[name]; ok && j >= 0 && a.unique(i) {
			pairUp(a, b, i, j)
		}
	}
}

// matchRenamed pairs elements whose names the other side lacks.
func matchRenamed(a, b *listing) {
	candidates := func(l, other *listing, gap func(i int) int) (list []candidate, places []int) {
		last := -1
		for i, item := range l.items {
			switch {
			case l.twin[i] >= 0:
				last = gap(i)
			case l.unique(i) && !other.has(l.names[i]):
				list, places = append(list, candidate{l.names[i], item.value, true, last}), append(places, i)
			}
		}
		return list, places
	}
	was, i := candidates(a, b, func(i int) int { return i })
	now, j := candidates(b, a, func(j int) int { return b.twin[j] })
	for _, p := range kin(was, now) {
		x, y := i[p[0]], j[p[1]]
		pairUp(a, b, x, y)
		a.renamed[x], b.renamed[y] = true, true
	}
}

// matchRest pairs the elements that no name decides: a longest common run
// first, then equal ones that moved, then those that stand in each other's
// place and are alike.
func matchRest(a, b *listing) {
	i, j := rest(a, b), rest(b, a)
	hunks := linediff.Hunks(sums(a, i), sums(b, j), linediff.Context(0))
	ai, bj := 0, 0
	for _, h := range hunks {
		for ; ai < h.PosX; ai, bj = ai+1, bj+1 {
			pairUp(a, b, i[ai], j[bj])
		}
		ai, bj = h.EndX, h.EndY
	}
	for ; ai < len(i); ai, bj = ai+1, bj+1 {
		pairUp(a, b, i[ai], j[bj])
	}
	matchEqual(a, b, i, j)
	for _, h := range hunks {
		matchGap(a, b, i[h.PosX:h.EndX], j[h.PosY:h.EndY])
	}
}

// rest returns the places of the elements without a name, and of those whose
// name stands more than once on either side.
func rest(l, other *listing) []int {
	var places []int
	for i, name := range l.names {
		if l.twin[i] < 0 && (!l.unique(i) || other.has(name)) {
			places = append(places, i)
		}
	}
	return places
}

func sums(l *listing, places []int) []sum {
	out := make([]sum, len(places))
	for i, at := range places {
		out[i] = l.items[at].value.sum
	}
	return out
}

// matchEqual pairs what is equal and still alone, first with first.
func matchEqual(a, b *listing, i, j []int) {
	waiting := map[sum][]int{}
	for _, at := range j {
		if b.twin[at] < 0 {
			waiting[b.items[at].value.sum] = append(waiting[b.items[at].value.sum], at)
		}
	}
	for _, at := range i {
		if s := a.items[at].value.sum; a.twin[at] < 0 && len(waiting[s]) > 0 {
			pairUp(a, b, at, waiting[s][0])
			waiting[s] = waiting[s][1:]
		}
	}
}

// matchGap pairs what is left of a gap: collections that are alike, then what
// stands in the same place and is of the same kind.
func matchGap(a, b *listing, i, j []int) {
	lone := func(l *listing, places []int) (list []candidate, lone []int) {
		for _, at := range places {
			if l.twin[at] < 0 {
				list, lone = append(list, candidate{name: l.names[at], value: l.items[at].value}), append(lone, at)
			}
		}
		return list, lone
	}
	was, x := lone(a, i)
	now, y := lone(b, j)
	for _, p := range kin(was, now) {
		pairUp(a, b, x[p[0]], y[p[1]])
	}
	_, x = lone(a, i)
	_, y = lone(b, j)
	for n := range min(len(x), len(y)) {
		p, q := a.items[x[n]].value, b.items[y[n]].value
		if p.kind == q.kind && a.names[x[n]] == b.names[y[n]] {
			pairUp(a, b, x[n], y[n])
		}
	}
}

// markMoved marks the fewest elements whose moving explains the new order, and
// of several choices that of the least weight: all twins but those that stand in
// the same order on both sides.
func markMoved(a, b *listing, weight func(i, j int) int) {
	var twins, weights []int // of those in a, in the order of b
	for j, i := range b.twin {
		if i >= 0 {
			twins, weights = append(twins, i), append(weights, 1<<32+weight(i, j))
		}
	}
	for n, stays := range heaviestRising(twins, weights, len(a.items)) {
		if !stays {
			i := twins[n]
			a.moved[i], b.moved[a.twin[i]] = true, true
		}
	}
}

// heaviestRising marks a rising subsequence, of distinct numbers below limit,
// whose weights have the greatest sum. best is a Fenwick tree: at a number, the
// heaviest run that ends in one of those that the place stands for.
func heaviestRising(numbers, weights []int, limit int) []bool {
	type run struct{ weight, last int } // last: the place of its end, counted from 1; 0: no run
	best := make([]run, limit+1)
	before := make([]int, len(numbers)+1)
	var top run
	for i, number := range numbers {
		r := run{0, 0}
		for at := number; at > 0; at -= at & -at {
			if best[at].weight > r.weight {
				r = best[at]
			}
		}
		before[i+1] = r.last
		r = run{r.weight + weights[i], i + 1}
		for at := number + 1; at <= limit; at += at & -at {
			if r.weight > best[at].weight {
				best[at] = r
			}
		}
		if r.weight > top.weight {
			top = r
		}
	}
	marked := make([]bool, len(numbers))
	for at := top.last; at > 0; at = before[at] {
		marked[at-1] = true
	}
	return marked
}
