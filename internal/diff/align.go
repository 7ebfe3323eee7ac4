package diff

import (
	"slices"
	"strings"
	"unicode"

	linediff "znkr.io/diff"
)

// features is a line with the data for its similarity.
type features struct {
	tokens
	ids       []int // of its tokens, sorted
	key       string
	bound     bool // an item pairs this line with a line that similarity would not find
	wholeStep bool // the line belongs to an added or removed step
}

// features prepares the lines of a run.
func (p *pairing) features(lines []Line) []features {
	out := make([]features, len(lines))
	for i := range lines {
		t := tokenize(body(&lines[i]))
		ids := make([]int, t.count())
		for k := range ids {
			token := t.text(k, k+1)
			id, ok := p.ids[token]
			if !ok {
				id = len(p.weights)
				p.ids[token] = id
				p.weights = append(p.weights, t.weigh(k, k+1))
			}
			ids[k] = id
		}
		slices.Sort(ids)
		out[i] = features{tokens: t, ids: ids, key: lineKey(t.line)}
	}
	return out
}

// runPair is a run of removed lines and the run of those added in its place, during
// pairing.
type runPair struct {
	*pairing
	old, new []features
	found    []linePair
}

// align pairs the lines of a block as well as the remaining effort allows: so that the
// sum of similarities is the maximum; else by splitting the block at lines that
// clearly match, first those with the same letters and digits, then those with the
// same key; else by position.
func (r *runPair) align(b block, level int) {
	if b.old == b.oldEnd || b.new == b.newEnd {
		return
	}
	if cost := r.cost(b); cost <= r.steps {
		r.steps -= cost
		r.best(b)
		return
	}
	switch level {
	case 0:
		r.cut(b, level, letters)
	case 1:
		r.cut(b, level, func(f features) string {
			if f.key != "" {
				return strings.TrimLeft(f.key, " -")
			}
			return letters(f)
		})
	default:
		r.inPlace(b)
	}
}

// cost is what best costs for a block: the bytes that are compared, and a constant for
// each pair.
func (r *runPair) cost(b block) int {
	old, new := r.old[b.old:b.oldEnd], r.new[b.new:b.newEnd]
	cost := 16 * len(old) * len(new)
	for _, f := range old {
		cost += len(f.line) * len(new)
	}
	for _, f := range new {
		cost += len(f.line) * len(old)
	}
	return cost
}

// best pairs the lines of a block so that the sum of similarities is the maximum. Each
// pair counts by how much it exceeds the minimum.
func (r *runPair) best(b block) {
	old, new := r.old[b.old:b.oldEnd], r.new[b.new:b.newEnd]
	width := len(new) + 1
	gain := make([]int32, len(old)*width)
	total := make([]int32, (len(old)+1)*width) // of the lines from i and j on
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(new) - 1; j >= 0; j-- {
			at := i*width + j
			gain[at] = int32(max(0, r.similarity(old[i], new[j])-minLike+1))
			total[at] = max(total[at+width], total[at+1], gain[at]+total[at+width+1])
		}
	}
	for i, j := 0, 0; i < len(old) && j < len(new); {
		switch at := i*width + j; {
		case gain[at] > 0 && total[at] == gain[at]+total[at+width+1]:
			r.found = append(r.found, linePair{b.old + i, b.new + j})
			i, j = i+1, j+1
		case total[at] == total[at+width]:
			i++
		default:
			j++
		}
	}
}

// cut pairs the lines of a block that have the same key, and aligns the lines between
// them.
func (r *runPair) cut(b block, level int, key func(features) string) {
	keys := func(lines []features, side string) []string {
		out := make([]string, len(lines))
		for i, f := range lines {
			out[i] = f.kind(side) + key(f)
		}
		return out
	}
	i, j := b.old, b.new
	same := func(until int) {
		for ; i < until; i, j = i+1, j+1 {
			r.found = append(r.found, linePair{i, j})
		}
	}
	options := []linediff.Option{linediff.Context(0)}
	if cost := (b.oldEnd - b.old) * (b.newEnd - b.new); cost <= r.cuts {
		r.cuts -= cost
	} else {
		options = append(options, linediff.Fast()) // by lines whose key is unique
	}
	old, new := keys(r.old[b.old:b.oldEnd], "-"), keys(r.new[b.new:b.newEnd], "+")
	for _, h := range linediff.Hunks(old, new, options...) {
		gap := block{b.old + h.PosX, b.old + h.EndX, b.new + h.PosY, b.new + h.EndY}
		same(gap.old)
		r.align(gap, level+1)
		i, j = gap.oldEnd, gap.newEnd
	}
	same(b.oldEnd)
}

// kind separates lines that must not be paired by their key: for a bound one it returns
// the side, which no line of the other side has, and for one of a whole step "a".
func (f features) kind(side string) string {
	switch {
	case f.bound:
		return side
	case f.wholeStep:
		return "a"
	}
	return " "
}

// inPlace pairs each line of a block with the one at its position, if they are
// similar.
func (r *runPair) inPlace(b block) {
	for i, j := b.old, b.new; i < b.oldEnd && j < b.newEnd; i, j = i+1, j+1 {
		if r.similarity(r.old[i], r.new[j]) >= minLike {
			r.found = append(r.found, linePair{i, j})
		}
	}
}

// letters returns the letters and digits of a line, which do not change if it is
// indented, quoted or punctuated differently; for a line without any, everything
// except white space.
func letters(f features) string {
	s := strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return c
		}
		return -1
	}, f.line)
	if s == "" {
		return strings.TrimSpace(f.line)
	}
	return s
}

// similarity returns in thousandths how similar two lines are: by the tokens that both
// have, in any order, or by a long common prefix and suffix, which finds the change in
// one long word. The same key makes two lines more similar.
func (r *runPair) similarity(a, b features) int {
	if a.bound || b.bound || a.wholeStep != b.wholeStep {
		return 0
	}
	common := 0
	for i, j := 0, 0; i < len(a.ids) && j < len(b.ids); {
		switch x, y := a.ids[i], b.ids[j]; {
		case x < y:
			i++
		case x > y:
			j++
		default:
			common += r.weights[x]
			i, j = i+1, j+1
		}
	}
	like := likeness(common, a.total(), b.total())
	if like < minLike {
		before, after := sharedEnds(a.line, b.line)
		like = max(like, 2*(before+after)*1000/(len(a.line)+len(b.line)))
	}
	if a.key != "" && a.key == b.key {
		like = (1000 + like) / 2
	}
	return like
}
