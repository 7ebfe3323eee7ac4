package diff

import (
	"bytes"
	"slices"
	"strings"
)

// linePair is a line of each side, by its place in a run of changed lines.
type linePair struct{ old, new int }

// pairing pairs the changed lines of one hunk.
type pairing struct {
	steps   int            // that may still be spent on finding the best pairs
	cuts    int            // and on finding lines that are clearly each other's
	work    int            // and on the words of pairs
	ids     map[string]int // of the tokens seen so far
	weights []int          // of the tokens, by id
}

// body returns a line without its "\n".
func body(l *Line) string { return string(bytes.TrimSuffix(l.Text, []byte("\n"))) }

// rows appends the rows of a run of removed lines and of the run of those added
// in its place.
func (p *pairing) rows(rows []Row, old, new []Line) []Row {
	i, j := 0, 0
	alone := func(m linePair) {
		for ; i < m.old; i++ {
			rows = append(rows, Row{Old: &old[i]})
		}
		for ; j < m.new; j++ {
			rows = append(rows, Row{New: &new[j]})
		}
	}
	if len(old) > 0 && len(new) > 0 {
		was, is := p.features(old), p.features(new)
		for _, m := range p.pairs(was, is) {
			alone(m)
			words := refine(was[i].tokens, is[j].tokens, &p.work)
			rows = append(rows, Row{&old[i], &new[j], words})
			i, j = i+1, j+1
		}
	}
	alone(linePair{len(old), len(new)})
	return rows
}

// pairs returns which lines of two runs are alike, in order. Like lines.Changed
// it always works from the lesser run to the greater one, so that a hunk read
// backwards has the same pairs.
func (p *pairing) pairs(old, new []features) []linePair {
	swap := slices.CompareFunc(old, new, func(a, b features) int { return strings.Compare(a.line, b.line) }) > 0
	if swap {
		old, new = new, old
	}
	r := runPair{pairing: p, old: old, new: new}
	r.align(block{0, len(old), 0, len(new)}, 0)
	if swap {
		for i, m := range r.found {
			r.found[i] = linePair{m.new, m.old}
		}
	}
	return r.found
}
