package diff

import "strings"

// slide moves each change that could as well be some tokens to the left or right to
// where a reader would put it: of all positions the one with the most natural borders,
// the last of several. A diff algorithm stops anywhere: in {"a": 1, "b": 2, "c": 3} it
// may find `b": 2, "` added.
func slide(a, b tokens, blocks []block) {
	for i := range blocks {
		x := &blocks[i]
		// The change may move within the tokens that did not change.
		left, right := x.old, a.count()-x.oldEnd
		if i > 0 {
			left -= blocks[i-1].oldEnd
		}
		if i+1 < len(blocks) {
			right = blocks[i+1].old - x.oldEnd
		}
		var by int
		switch {
		case x.old == x.oldEnd:
			by = b.slide(x.new, x.newEnd, left, right)
		case x.new == x.newEnd:
			by = a.slide(x.old, x.oldEnd, left, right)
		}
		*x = block{x.old + by, x.oldEnd + by, x.new + by, x.newEnd + by}
	}
}

// slide returns by how many tokens those from i to j should move, at most left or
// right.
func (t tokens) slide(i, j, left, right int) (by int) {
	same := func(i, j int) bool { return t.text(i, i+1) == t.text(j, j+1) }
	from := 0
	for -from < left && same(i+from-1, j+from-1) {
		from--
	}
	best := -1
	for at := from; ; at++ {
		if score := t.border(i+at) + t.border(j+at); score >= best {
			best, by = score, at
		}
		if at == right || !same(i+at, j+at) {
			return by
		}
	}
}

// border returns how natural it is to end one thing and start another before token i.
func (t tokens) border(i int) int {
	if i == 0 || i == t.count() {
		return 5
	}
	before, after := t.text(i-1, i), t.text(i, i+1)
	if kind, _ := firstRune(before); kind == spaceRune || before == "," || before == ";" {
		return 4
	}
	if kind, _ := firstRune(after); kind == spaceRune {
		return 3
	}
	if strings.Contains(")]}", before) || strings.Contains("([{", after) {
		return 2
	}
	return 1
}

// joinClose joins changes whose common tokens between them weigh no more than either
// change: such matches are coincidental and make the difference harder to read. The
// order of joining makes no difference.
func joinClose(a, b tokens, blocks []block) []block {
	weight := func(x block) int {
		return max(a.weigh(x.old, x.oldEnd), b.weigh(x.new, x.newEnd))
	}
	out := blocks[:0]
	for _, x := range blocks {
		for len(out) > 0 {
			last := out[len(out)-1]
			if a.weigh(last.oldEnd, x.old) > min(weight(last), weight(x)) {
				break
			}
			x.old, x.new = last.old, last.new
			out = out[:len(out)-1]
		}
		out = append(out, x)
	}
	return out
}
