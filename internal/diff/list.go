package diff

import (
	"slices"

	linediff "znkr.io/diff"
)

// listing is one side of two lists during matching.
type listing struct {
	*node
	names  []string
	byName map[string]int // positions of the unique names
	twin   []int          // position of the same element on the other side, or -1

	// Of elements that have a twin:
	renamed, moved []bool
}

func newListing(n *node) *listing {
	size := len(n.items)
	marks := make([]bool, 2*size)
	l := &listing{node: n, names: make([]string, size), twin: slices.Repeat([]int{-1}, size), renamed: marks[:size], moved: marks[size:]}
	for i, item := range n.items {
		name := item.value.name()
		l.names[i] = name
		if name == "" {
			continue
		}
		if l.byName == nil {
			l.byName = map[string]int{}
		}
		if _, twice := l.byName[name]; twice {
			l.byName[name] = -1
		} else {
			l.byName[name] = i
		}
	}
	return l
}

// has reports whether any element of the list has a name.
func (l *listing) has(name string) bool {
	_, ok := l.byName[name]
	return ok
}

// unique reports whether element i has a name that no other of its list has.
func (l *listing) unique(i int) bool {
	at, ok := l.byName[l.names[i]]
	return ok && at == i
}

// label is the element's name in a path.
func (l *listing) label(i int) string {
	if l.unique(i) {
		return nameLabel(l.names[i])
	}
	return placeLabel(i)
}

// match finds the elements that are the same on both sides: by name if it is unique;
// then those that were renamed; then the others by their content, and by position if
// they only changed. The order does not depend on which side is the old one, so that a
// reversed comparison is the mirror of the comparison.
//
// weight says how much the twins at two positions are preferred as those that did not
// move.
func match(e *effort, a, b *listing, weight func(i, j int) int) {
	if a.sum.compare(b.sum) > 0 {
		a, b = b, a
		there := weight
		weight = func(i, j int) int { return there(j, i) }
	}
	m := &matching{effort: e, a: a, b: b}
	m.names()
	m.renamed()
	m.rest()
	for i, j := range a.twin {
		if j >= 0 && a.names[i] != b.names[j] && a.names[i] != "" && b.names[j] != "" {
			a.renamed[i], b.renamed[j] = true, true
		}
	}
	markMoved(a, b, weight)
}

// matching is two lists during matching, the lesser one first.
type matching struct {
	*effort
	a, b   *listing
	before [2][]int       // see findPreviousTwins
	common map[uint64]int // of all elements; nil until it is needed
}

func (m *matching) pair(i, j int) { m.a.twin[i], m.b.twin[j] = j, i }

func (m *matching) names() {
	for i, name := range m.a.names {
		if j, ok := m.b.byName[name]; ok && j >= 0 && m.a.unique(i) {
			m.pair(i, j)
		}
	}
}

// renamed pairs elements whose names the other side does not have.
func (m *matching) renamed() {
	if m.a.byName == nil || m.b.byName == nil {
		return
	}
	new := func(l, other *listing) []int {
		var places []int
		for i := range l.items {
			if l.twin[i] < 0 && l.unique(i) && !other.has(l.names[i]) {
				places = append(places, i)
			}
		}
		return places
	}
	m.findPreviousTwins()
	m.matchRenames(new(m.a, m.b), new(m.b, m.a))
}

// matchRenames pairs elements at some positions that were renamed.
func (m *matching) matchRenames(i, j []int) {
	was, i := m.a.candidates(i, m.before[0])
	now, j := m.b.candidates(j, m.before[1])
	if len(was) == 0 || len(now) == 0 {
		return
	}
	if m.common == nil {
		m.common = m.effort.common(m.a.node, m.b.node)
	}
	for _, p := range matchRenames(m.effort, m.common, was, now) {
		m.pair(i[p[0]], j[p[1]])
	}
}

// findPreviousTwins finds the twin before each element, both sides by the positions of a.
func (m *matching) findPreviousTwins() {
	m.before[0], m.before[1] = make([]int, len(m.a.twin)), make([]int, len(m.b.twin))
	last := -1
	for i, j := range m.a.twin {
		m.before[0][i] = last
		if j >= 0 {
			last = i
		}
	}
	last = -1
	for j, i := range m.b.twin {
		m.before[1][j] = last
		if i >= 0 {
			last = i
		}
	}
}

// candidates returns the elements at some positions that can be recognized under
// another name.
func (l *listing) candidates(places, before []int) (list []candidate, at []int) {
	for _, i := range places {
		if c := (candidate{l.names[i], l.items[i].value, l.names[i] != "", before[i]}); !c.blank() {
			list, at = append(list, c), append(at, i)
		}
	}
	return list, at
}

// rest pairs the elements that have no unique name: first a longest common run, then
// equal ones that moved, then those that are at each other's position and similar.
func (m *matching) rest() {
	i, j := m.a.single(), m.b.single()
	switch {
	case len(i) == 0 || len(j) == 0:
		return
	case len(i) == 1 && len(j) == 1: // as in most small lists
		m.findPreviousTwins()
		m.equal(i, j)
		m.gap(i, j)
		return
	}
	options := []linediff.Option{linediff.Context(0)}
	if m.products -= len(i) * len(j); m.products < 0 {
		options = append(options, linediff.Fast()) // by elements that equal no other
	}
	hunks := linediff.Hunks(sums(m.a, i), sums(m.b, j), options...)
	x, y := 0, 0
	for _, h := range hunks {
		for ; x < h.PosX; x, y = x+1, y+1 {
			m.pair(i[x], j[y])
		}
		x, y = h.EndX, h.EndY
	}
	for ; x < len(i); x, y = x+1, y+1 {
		m.pair(i[x], j[y])
	}
	m.equal(i, j)
	m.findPreviousTwins()
	for _, h := range hunks {
		m.gap(i[h.PosX:h.EndX], j[h.PosY:h.EndY])
	}
}

// single returns the positions of the elements without a twin.
func (l *listing) single() []int {
	var places []int
	for i, twin := range l.twin {
		if twin < 0 {
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

// equal pairs equal elements that have no twin, first with first.
func (m *matching) equal(i, j []int) {
	waiting := map[sum][]int{}
	for _, at := range j {
		if m.b.twin[at] < 0 {
			waiting[m.b.items[at].value.sum] = append(waiting[m.b.items[at].value.sum], at)
		}
	}
	for _, at := range i {
		if s := m.a.items[at].value.sum; m.a.twin[at] < 0 && len(waiting[s]) > 0 {
			m.pair(at, waiting[s][0])
			waiting[s] = waiting[s][1:]
		}
	}
}

// gap pairs the remaining elements of a gap: similar ones, then those at the same
// position with the same name, or none.
func (m *matching) gap(i, j []int) {
	lone := func(l *listing, places []int) []int {
		return slices.DeleteFunc(slices.Clone(places), func(at int) bool { return l.twin[at] >= 0 })
	}
	i, j = lone(m.a, i), lone(m.b, j)
	if len(i) != 1 || len(j) != 1 || m.a.names[i[0]] != m.b.names[j[0]] { // else the position decides
		m.matchRenames(i, j)
		i, j = lone(m.a, i), lone(m.b, j)
	}
	for n := range min(len(i), len(j)) {
		p, q := m.a.items[i[n]].value, m.b.items[j[n]].value
		if p.kind == q.kind && m.a.names[i[n]] == m.b.names[j[n]] {
			m.pair(i[n], j[n])
		}
	}
}

// markMoved marks the minimum of elements whose moving explains the new order, and of
// several solutions the one of least weight: all twins except those in the same order
// on both sides.
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

// heaviestRising marks a rising subsequence, of distinct numbers below limit, with the
// maximum sum of weights. best is a Fenwick tree: at each number, the heaviest run
// that ends in one of its range.
func heaviestRising(numbers, weights []int, limit int) []bool {
	type run struct{ weight, last int } // last: the position of its end, counted from 1; 0: no run
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
