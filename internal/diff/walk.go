package diff

import (
	"bytes"

	"go.yaml.in/yaml/v4"

	"cocsync/internal/coc"
	"cocsync/internal/diff/lines"
)

// MaxItems bounds the items of a coc.Difference; the rest is counted.
const MaxItems = 200

// maxInside bounds the bytes of strings that a walk parses for JSON and compares line
// by line. Only aliases can exceed it, which use one string many times.
const maxInside = 4 * maxContent

// maxAliased bounds the values of aliases that are compared one by one; the rest
// is one item.
const maxAliased = 20_000

// walker collects the differences of two trees.
type walker struct {
	a, b *Text
	// backwards: the new content is the lesser one. Every choice is made as if it were
	// the old one, so that both directions mirror each other.
	backwards bool
	blocks    []lines.Block // that differ
	same      [2][]int      // unchanged lines before a line; nil until it is needed
	items     []coc.Item
	cut       bool                   // a label of an item is truncated
	inside    int                    // bytes of strings parsed
	aliased   int                    // values of aliases that were compared
	jsons     map[[2]*node]bool      // strings whose JSON was compared
	texts     map[[2]*node][2]string // their lines as shown
	spans     []spans                // of all items, those beyond MaxItems too
	forms     []coc.Formatting
	*effort
	counts
	// edit, if not nil, is called with each difference as a whole.
	edit func(op string, at *place, old, new *node)
}

func newWalker(a, b *Text) *walker {
	return &walker{a: a, b: b, backwards: bytes.Compare(a.Content, b.Content) > 0, effort: newEffort()}
}

type spans struct{ old, new coc.Span }

// walk compares two trees. blocks are the lines that differ.
func (w *walker) walk(was, now *tree, blocks []lines.Block) {
	w.blocks = blocks
	was, now = sameForm(was, now)
	root := place{was: -1, now: -1}
	root.old = side{Span: whole(w.a.Lines)}
	root.new = side{Span: whole(w.b.Lines)}
	w.node(&root, was.root, now.root)
}

// whole is all the lines of a content.
func whole(lines [][]byte) coc.Span {
	if len(lines) == 0 {
		return coc.Span{}
	}
	return coc.Span{From: 1, To: len(lines)}
}

// node compares two values at one place.
func (w *walker) node(at *place, old, new *node) {
	switch {
	case old.sum == new.sum:
		w.formatting(at.old, at.new, old, new)
	case old.tag == "!!null" && !at.alias && at.section(new):
		w.record(Changed, at, old, new.none())
		w.parts(at, new.none(), new)
	case new.tag == "!!null" && !at.alias && at.section(old):
		w.parts(at, old, old.none())
		w.record(Changed, at, old.none(), new)
	case old.kind != new.kind || old.tag != new.tag || at.alias && !w.follow(old, new):
		w.value(at, Changed, old, new)
	case old.kind == scalar:
		if !w.json(at, old, new) {
			w.value(at, Changed, old, new)
		}
	default:
		w.form(at.old, at.new, old, new)
		at.old.shared, at.new.shared = old.style&yaml.FlowStyle != 0, new.style&yaml.FlowStyle != 0
		w.parts(at, old, new)
	}
}

// parts compares two collections of one kind, part by part.
func (w *walker) parts(at *place, old, new *node) {
	if old.kind == mapping {
		w.mapping(at, old, new)
	} else {
		w.list(at, old, new)
	}
}

// json compares the JSON of two strings, if both are JSON and it differs.
func (w *walker) json(at *place, old, new *node) bool {
	twins := [2]*node{old, new}
	if old.tag != "!!str" || at.inside || w.jsons[twins] || !w.spend(old, new) {
		return false
	}
	was, now := parseJSON(old.value), parseJSON(new.value)
	if was == nil || now == nil || was.kind != now.kind {
		return false
	}
	if was.sum == now.sum {
		at.sameJSON = true
		return false
	}
	if w.jsons == nil {
		w.jsons = map[[2]*node]bool{}
	}
	w.jsons[twins] = true // what aliases repeat is not compared again
	inside := at.json()
	w.node(&inside, was, now)
	return true
}

// follow reports whether the limit allows comparing the targets of aliases.
func (w *walker) follow(old, new *node) bool {
	w.aliased += old.values + new.values
	return w.aliased <= maxAliased
}

// spend reports whether the limit allows parsing two strings.
func (w *walker) spend(old, new *node) bool {
	w.inside += len(old.value) + len(new.value)
	return w.inside <= maxInside
}

// addOneSided adds a value that only one side has. A section of the job is added part
// by part, as if the other side had an empty one.
func (w *walker) addOneSided(at *place, old, new *node) {
	at.old.oneSided, at.new.oneSided = true, true
	switch {
	case new == nil && at.section(old):
		w.parts(at, old, old.none())
		w.record(Removed, at, old.none(), nil)
	case new == nil:
		w.value(at, Removed, old, nil)
	case old == nil && at.section(new):
		w.record(Added, at, nil, new.none())
		w.parts(at, new.none(), new)
	default:
		w.value(at, Added, nil, new)
	}
}

func (w *walker) list(at *place, old, new *node) {
	here := at.emptied(old, new)
	was, now := newListing(old), newListing(new)
	match(w.effort, was, now, func(i, j int) int {
		return w.unchangedLines(here.old.part(was.items[i]).Span, here.new.part(now.items[j]).Span)
	})
	for i, j := range was.twin {
		if j < 0 {
			to := here.item(was, now, i, -1)
			to.old = to.old.above(here.old, i, old.slot)
			to.new = to.new.withoutPart(here, i)
			w.element(&to, Removed, old.items[i].value, nil)
		}
	}
	for j, i := range now.twin {
		if i >= 0 && !now.moved[j] && w.unchanged(here, &was.items[i], &now.items[j]) {
			continue
		}
		to := here.item(was, now, i, j)
		whole := to
		whole.new = to.new.above(here.new, j, new.slot)
		if i < 0 {
			whole.old = whole.old.withoutPart(here, j)
			w.element(&whole, Added, nil, new.items[j].value)
			continue
		}
		a, b := was.items[i].value, now.items[j].value
		if now.renamed[j] {
			x, y := a.pairs[a.nameAt()], b.pairs[b.nameAt()]
			w.renamed(&to, x.value, y.value, to.old.part(x.slot), to.new.part(y.slot))
			a = a.withName(y.value)
		}
		if now.moved[j] {
			whole.old = to.old.above(here.old, i, old.slot)
			a, b := runStart(was, now, i, j)
			whole.after = now.after(j)
			w.addItem(&whole, coc.Item{Op: Moved, Old: was.after(a), New: now.after(b)}, at.steps)
			w.record(Moved, &whole, nil, nil)
		}
		w.node(&to, a, b)
	}
}

// unchangedLines counts the unchanged lines of two runs.
func (w *walker) unchangedLines(old, new coc.Span) int {
	if w.same[0] == nil {
		w.countSame()
	}
	n := 0
	for s, run := range []coc.Span{old, new} {
		if run.From > 0 {
			n += w.same[s][min(run.To, len(w.same[s])-1)] - w.same[s][run.From-1]
		}
	}
	return n
}

// countSame counts the unchanged lines.
func (w *walker) countSame() {
	w.same[0], w.same[1] = make([]int, len(w.a.Lines)+1), make([]int, len(w.b.Lines)+1)
	for _, b := range w.blocks {
		for i := b.Old; i < b.OldEnd; i++ {
			w.same[0][i+1] = -1
		}
		for i := b.New; i < b.NewEnd; i++ {
			w.same[1][i+1] = -1
		}
	}
	for _, same := range w.same {
		for i := 1; i < len(same); i++ {
			same[i] += same[i-1] + 1
		}
	}
}

// unchanged reports whether two parts of a place have the same bytes.
func (w *walker) unchanged(at *place, old, new *slot) bool {
	return old.value == new.value || old.value.sum == new.value.sum && !at.old.fixed && !at.new.fixed &&
		w.sameText(at.old.part(*old).Span, at.new.part(*new).Span)
}
