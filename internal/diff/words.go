package diff

import (
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// maxMiddle bounds the tokens that are compared of two lines, on each side, between
// their common prefix and suffix.
const maxMiddle = 1500

// maxWork bounds the effort for the words of two lines, and for those of all lines of
// a hunk: as much as the longest middle takes, some 10 ms.
const maxWork = maxMiddle * (maxMiddle + 2*tokenWork)

// tokenWork is the cost of one token, in comparisons of two.
const tokenWork = 128

// minPiece is the minimum of bytes of a common part of a word that is not marked.
const minPiece = 16

// minLike is, in thousandths of the weight of two lines, the minimum that one must
// have of the other to have become it.
const minLike = 400

// block is a run old to oldEnd, of tokens or lines, that new to newEnd of the other
// side replace.
type block struct{ old, oldEnd, new, newEnd int }

// Word is a run of bytes that two lines share or that only one of them has.
type Word struct {
	Op   Op
	Text string
}

// refine compares two lines word by word, and subtracts its cost from work. Same and Delete
// words joined give a, Same and Insert words give b, byte for byte; no rune is ever split,
// and refine(b, a) is the mirror of refine(a, b).
//
// It marks whole words, and with two changes the coincidental matches between them. It
// returns nil, which means that the lines are to be shown whole, if they
// have too little in common (lines with the same key before a ":" or "=" never have)
// or are both empty. Of lines that are too long to compare quickly it marks all
// between their common prefix and suffix.
func refine(a, b tokens, work *int) []Word {
	blocks := compareTokens(a, b, work)
	slide(a, b, blocks)
	words := spell(a, b, joinClose(a, b, blocks))
	if sameKey(a.line, b.line) {
		return words
	}
	common := 0
	for _, w := range words {
		if w.Op == Same {
			common += weigh(w.Text)
		}
	}
	if likeness(common, a.total(), b.total()) < minLike {
		return nil
	}
	return words
}

// likeness returns in thousandths how much two lines have in common, by its weight and
// that of both lines. Lines of only white space are equal.
func likeness(common, a, b int) int {
	if a+b == 0 {
		return 1000
	}
	return 2 * common * 1000 / (a + b)
}

// sameKey reports whether both lines start with the same key, in YAML, JSON or an
// assignment, at the same depth.
func sameKey(a, b string) bool {
	k := lineKey(a)
	return k != "" && k == lineKey(b)
}

// lineKey returns a line up to its first ":" or "=", or "" if there is no word before
// that.
func lineKey(line string) string {
	named := false
	for i := 0; i < len(line); {
		kind, size := firstRune(line[i:])
		if line[i] == ':' || line[i] == '=' {
			if named {
				return line[:i]
			}
			return ""
		}
		named = named || kind == wordRune || kind == loneRune
		i += size
	}
	return ""
}

// compareTokens returns the runs of tokens that differ. It always compares the lesser
// line with the greater one, as lines.Changed does.
func compareTokens(a, b tokens, work *int) []block {
	if a.line > b.line {
		blocks := compareTokens(b, a, work)
		for i, x := range blocks {
			blocks[i] = block{x.new, x.newEnd, x.old, x.oldEnd}
		}
		return blocks
	}
	m := block{0, a.count(), 0, b.count()}
	same := func(i, j int) bool { return a.text(i, i+1) == b.text(j, j+1) }
	for m.old < m.oldEnd && m.new < m.newEnd && same(m.old, m.new) {
		m.old, m.new = m.old+1, m.new+1
	}
	for m.old < m.oldEnd && m.new < m.newEnd && same(m.oldEnd-1, m.newEnd-1) {
		m.oldEnd, m.newEnd = m.oldEnd-1, m.newEnd-1
	}
	n, k := m.oldEnd-m.old, m.newEnd-m.new
	if n == 0 || k == 0 || n == 1 && k == 1 || n > maxMiddle || k > maxMiddle {
		return appendBlock(nil, m)
	}
	cost := n*k + tokenWork*(n+k)
	if cost > *work {
		return []block{m}
	}
	*work -= cost
	return compareMiddle(a, b, m)
}

// compareMiddle compares the tokens of a block. Each distinct one becomes one rune, so
// that no token is split and invalid bytes are kept. There are at most 3,000, far
// below the surrogates.
func compareMiddle(a, b tokens, m block) []block {
	ids := map[string]rune{}
	encode := func(t tokens, from, to int) []rune {
		out := make([]rune, 0, to-from)
		for i := from; i < to; i++ {
			id, ok := ids[t.text(i, i+1)]
			if !ok {
				id = rune(len(ids) + 1)
				ids[t.text(i, i+1)] = id
			}
			out = append(out, id)
		}
		return out
	}
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0 // a timeout would make the result depend on load
	var blocks []block
	at := block{m.old, m.old, m.new, m.new}
	for _, d := range dmp.DiffMainRunes(encode(a, m.old, m.oldEnd), encode(b, m.new, m.newEnd), false) {
		n := utf8.RuneCountInString(d.Text)
		switch d.Type {
		case diffmatchpatch.DiffDelete:
			at.oldEnd += n
		case diffmatchpatch.DiffInsert:
			at.newEnd += n
		default:
			blocks = appendBlock(blocks, at)
			at = block{at.oldEnd + n, at.oldEnd + n, at.newEnd + n, at.newEnd + n}
		}
	}
	return appendBlock(blocks, at)
}

// appendBlock appends a block that is not empty.
func appendBlock(blocks []block, b block) []block {
	if b.old == b.oldEnd && b.new == b.newEnd {
		return blocks
	}
	return append(blocks, b)
}

// spell turns the blocks that differ into words, and finds in each the long common
// prefix and suffix.
func spell(a, b tokens, blocks []block) []Word {
	var words []Word
	add := func(op Op, text string) {
		switch last := len(words) - 1; {
		case text == "":
		case last >= 0 && words[last].Op == op:
			words[last].Text += text
		default:
			words = append(words, Word{op, text})
		}
	}
	i := 0
	for _, x := range blocks {
		add(Same, a.text(i, x.old))
		was, is := a.text(x.old, x.oldEnd), b.text(x.new, x.newEnd)
		before, after := sharedEnds(was, is)
		add(Same, was[:before])
		add(Delete, was[before:len(was)-after])
		add(Insert, is[before:len(is)-after])
		add(Same, was[len(was)-after:])
		i = x.oldEnd
	}
	add(Same, a.text(i, a.count()))
	return words
}

// boundary reports whether text can be split at i without splitting a rune, or one
// from its combining marks.
func boundary(text string, i int) bool {
	if i == len(text) {
		return true
	}
	if text[i] < utf8.RuneSelf {
		return true
	}
	kind, _ := firstRune(text[i:])
	return utf8.RuneStart(text[i]) && kind != markRune
}

// sharedEnds returns how many bytes of at least minPiece two texts share at their
// start and at their end, without splitting a rune of either.
func sharedEnds(a, b string) (before, after int) {
	n := min(len(a), len(b))
	for before < n && a[before] == b[before] {
		before++
	}
	for before > 0 && !(boundary(a, before) && boundary(b, before)) {
		before--
	}
	if before < minPiece {
		before = 0
	}
	for after < n-before && a[len(a)-1-after] == b[len(b)-1-after] {
		after++
	}
	for after > 0 && !(boundary(a, len(a)-after) && boundary(b, len(b)-after)) {
		after--
	}
	if after < minPiece {
		after = 0
	}
	return before, after
}
