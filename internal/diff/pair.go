package diff

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// linePair is a line of each side, by its position in a run of changed lines.
type linePair struct{ old, new int }

// pairing pairs the changed lines of one hunk.
type pairing struct {
	steps     int            // remaining effort for the best pairs
	cuts      int            // and for lines that clearly match
	work      int            // and for the words of pairs
	ids       map[string]int // of the tokens seen so far
	weights   []int          // of the tokens, by id
	lineFacts                // what the items say about lines
}

// body returns a line without its "\n".
func body(l *Line) string { return string(bytes.TrimSuffix(l.Text, []byte("\n"))) }

// rows appends the rows of a run of removed lines and of the run of those added in its
// place.
func (p *pairing) rows(rows []Row, old, new []Line) []Row {
	i, j := 0, 0
	unpaired := func(m linePair) {
		for ; i < m.old; i++ {
			rows = append(rows, Row{Old: &old[i]})
		}
		for ; j < m.new; j++ {
			rows = append(rows, Row{New: &new[j]})
		}
	}
	if len(old) > 0 && len(new) > 0 {
		was, is := p.features(old), p.features(new)
		known := p.knownPairs(old, new)
		for i := range was {
			_, was[i].bound = p.became[old[i].Old]
			was[i].wholeStep = p.removed[old[i].Old]
		}
		for j := range is {
			_, is[j].bound = p.was[new[j].New]
			is[j].wholeStep = p.added[new[j].New]
		}
		for _, m := range p.pairs(was, is, known) {
			unpaired(m)
			words := refine(was[i].tokens, is[j].tokens, &p.work)
			rows = append(rows, Row{&old[i], &new[j], words})
			i, j = i+1, j+1
		}
	}
	unpaired(linePair{len(old), len(new)})
	return rows
}

// knownPairs returns the lines of two runs of which, by the items, one became the
// other, in the order of old.
func (p *pairing) knownPairs(old, new []Line) []linePair {
	var list []linePair
	for i := range old {
		if twin, ok := p.became[old[i].Old]; ok && twin >= new[0].New && twin < new[0].New+len(new) {
			list = append(list, linePair{i, twin - new[0].New})
		}
	}
	return list
}

// pairs returns which lines of two runs are shown next to each other, in order: as
// many of the known ones as have one order, and between them similar ones. Like
// lines.Changed it always compares the lesser run with the greater one, so that a
// reversed hunk has the same pairs.
func (p *pairing) pairs(old, new []features, known []linePair) []linePair {
	swap := slices.CompareFunc(old, new, func(a, b features) int { return strings.Compare(a.line, b.line) }) > 0
	if swap {
		old, new = new, old
		turn(known)
	}
	r := runPair{pairing: p, old: old, new: new}
	i, j := 0, 0 // what is after the last pair
	for _, m := range inOrder(known, len(new)) {
		r.align(block{i, m.old, j, m.new}, 0)
		r.found = append(r.found, m)
		i, j = m.old+1, m.new+1
	}
	r.align(block{i, len(old), j, len(new)}, 0)
	if swap {
		turn(r.found)
	}
	return r.found
}

// turn swaps the sides of pairs.
func turn(pairs []linePair) {
	for i, m := range pairs {
		pairs[i] = linePair{m.new, m.old}
	}
}

// inOrder returns as many pairs as have one order on both sides, with each line in one
// pair; the positions on the new side are below limit.
func inOrder(pairs []linePair, limit int) []linePair {
	slices.SortFunc(pairs, func(p, q linePair) int { return cmp.Or(cmp.Compare(p.old, q.old), cmp.Compare(p.new, q.new)) })
	var single []linePair
	var places, weights []int
	taken := map[int]bool{}
	for _, m := range pairs {
		if taken[m.new] || len(single) > 0 && single[len(single)-1].old == m.old {
			continue
		}
		taken[m.new] = true
		single, places, weights = append(single, m), append(places, m.new), append(weights, 1)
	}
	var list []linePair
	for i, stays := range heaviestRising(places, weights, limit) {
		if stays {
			list = append(list, single[i])
		}
	}
	return list
}
