package diff

import (
	"cmp"
	"slices"

	linediff "znkr.io/diff"
)

// listing is one side of two lists while they are matched.
type listing struct {
	sum    sum
	items  []*node
	byName map[string]int // places of the names that stand once
	twin   []int          // place of the same element on the other side, or -1

	// Of elements that have a twin:
	renamed, moved []bool
}

func newListing(n *node) *listing {
	l := &listing{
		sum: n.sum, items: n.items, byName: map[string]int{},
		twin:    slices.Repeat([]int{-1}, len(n.items)),
		renamed: make([]bool, len(n.items)), moved: make([]bool, len(n.items)),
	}
	for i, item := range n.items {
		name := item.name()
		if name == "" {
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
	at, ok := l.byName[l.items[i].name()]
	return ok && at == i
}

// label is what stands for an element in a path.
func (l *listing) label(i int) string {
	if l.unique(i) {
		return nameLabel(l.items[i].name())
	}
	return placeLabel(i)
}

// match finds the elements that are the same on both sides: by name where that
// is unique; then those of equal body, which were renamed; then the others by
// what they hold, and by place where they only changed. It does so in an order
// that does not depend on which side is the old one, so that a comparison
// backwards is the mirror of the one forwards.
func match(a, b *listing) {
	if a.sum.compare(b.sum) > 0 {
		a, b = b, a
	}
	matchNames(a, b)
	matchBodies(a, b)
	matchRest(a, b)
	markMoved(a, b)
}

func pairUp(a, b *listing, i, j int) { a.twin[i], b.twin[j] = j, i }

func matchNames(a, b *listing) {
	for i := range a.items {
		if j, ok := b.byName[a.items[i].name()]; ok && j >= 0 && a.unique(i) {
			pairUp(a, b, i, j)
		}
	}
}

// matchBodies pairs elements under two names that hold the same, if no third
// holds it too.
func matchBodies(a, b *listing) {
	bodies := func(l, other *listing) map[sum]int {
		found := map[sum]int{}
		for i, item := range l.items {
			if !l.unique(i) || other.has(item.name()) {
				continue
			}
			if body, ok := item.body(); ok {
				if _, twice := found[body]; twice {
					i = -1
				}
				found[body] = i
			}
		}
		return found
	}
	others := bodies(b, a)
	for body, i := range bodies(a, b) {
		if j, ok := others[body]; ok && i >= 0 && j >= 0 {
			pairUp(a, b, i, j)
			a.renamed[i], b.renamed[j] = true, true
		}
	}
}

// matchRest pairs the elements that no name decides: a longest common
// run first, then equal ones that moved, then those that stand in each other's
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
		matchPlaces(a, b, i[h.PosX:h.EndX], j[h.PosY:h.EndY])
	}
}

// rest returns the places of the elements without a name, and of those whose
// name stands more than once on either side.
func rest(l, other *listing) []int {
	var places []int
	for i, item := range l.items {
		if l.twin[i] < 0 && (!l.unique(i) || other.has(item.name())) {
			places = append(places, i)
		}
	}
	return places
}

func sums(l *listing, places []int) []sum {
	out := make([]sum, len(places))
	for i, at := range places {
		out[i] = l.items[at].sum
	}
	return out
}

// matchEqual pairs what is equal and still alone, first with first.
func matchEqual(a, b *listing, i, j []int) {
	waiting := map[sum][]int{}
	for _, at := range j {
		if b.twin[at] < 0 {
			waiting[b.items[at].sum] = append(waiting[b.items[at].sum], at)
		}
	}
	for _, at := range i {
		if s := a.items[at].sum; a.twin[at] < 0 && len(waiting[s]) > 0 {
			pairUp(a, b, at, waiting[s][0])
			waiting[s] = waiting[s][1:]
		}
	}
}

// matchPlaces pairs what is alike and stands in the same place of a gap.
func matchPlaces(a, b *listing, i, j []int) {
	i = slices.DeleteFunc(slices.Clone(i), func(at int) bool { return a.twin[at] >= 0 })
	j = slices.DeleteFunc(slices.Clone(j), func(at int) bool { return b.twin[at] >= 0 })
	for n := range min(len(i), len(j)) {
		x, y := a.items[i[n]], b.items[j[n]]
		if x.kind == y.kind && x.name() == y.name() {
			pairUp(a, b, i[n], j[n])
		}
	}
}

// markMoved marks the fewest elements whose moving explains the new order: all
// twins but a longest run that stands in the same order on both sides.
func markMoved(a, b *listing) {
	var twins []int // places in a, in the order of b
	for _, i := range b.twin {
		if i >= 0 {
			twins = append(twins, i)
		}
	}
	for n, stays := range longestRising(twins) {
		if !stays {
			i := twins[n]
			a.moved[i], b.moved[a.twin[i]] = true, true
		}
	}
}

// longestRising marks a longest rising subsequence of distinct numbers, by
// patience sorting: tops[n] is the place of the least number that ends a rising
// run of length n+1.
func longestRising(numbers []int) []bool {
	before := make([]int, len(numbers))
	var tops []int
	for at, number := range numbers {
		n, _ := slices.BinarySearchFunc(tops, number, func(top, number int) int {
			return cmp.Compare(numbers[top], number)
		})
		before[at] = -1
		if n > 0 {
			before[at] = tops[n-1]
		}
		if n == len(tops) {
			tops = append(tops, at)
		} else {
			tops[n] = at
		}
	}
	marked := make([]bool, len(numbers))
	if len(tops) > 0 {
		for at := tops[len(tops)-1]; at >= 0; at = before[at] {
			marked[at] = true
		}
	}
	return marked
}
