package diff

import "fmt"

// maxItems bounds the items of a Result; what is beyond is counted.
const maxItems = 200

// place is where in the structure a walk stands.
type place struct {
	path       string
	step, task string
	leaf       string // path without what leads to the step, and without outer keys
	element    bool   // of a list that holds no steps: its keys need it in the leaf
	steps      bool   // at a list of steps
}

// key is the place of a mapping's value.
func (at place) key(k key, v *node) place {
	label := keyLabel(k)
	leaf := label
	if at.element {
		leaf = at.leaf + "." + label
	}
	at.path, at.leaf, at.element, at.steps = join(at.path, label), leaf, false, isSteps(k, v)
	return at
}

// item is the place of element i of a list; twin is what it was before or
// became, nil if there is none.
func (at place) item(l *listing, i int, twin *node) place {
	n, label := l.items[i], "["+l.label(i)+"]"
	at.path += label
	at.leaf += label
	at.element = !at.steps
	if at.steps && n.kind == mapping {
		at.step, at.task = cut(n.name(), maxLabel), cut(n.task(), maxLabel)
		if at.task == "" && twin != nil {
			at.task = cut(twin.task(), maxLabel)
		}
	}
	at.steps = false
	return at
}

// walker collects the differences of two trees.
type walker struct {
	items []Item
	told
}

// node compares two values at one place.
func (w *walker) node(at place, old, new *node) {
	switch {
	case old.sum == new.sum:
	case old.kind != new.kind || old.tag != new.tag || old.kind == scalar:
		w.add(at, Changed, old, new)
	case old.kind == mapping:
		w.mapping(at, old, new)
	default:
		w.list(at, old, new)
	}
}

func (w *walker) mapping(at place, old, new *node) {
	for _, p := range old.pairs {
		if new.get(p.key) == nil {
			w.alone(at.key(p.key, p.value), p.value, nil)
		}
	}
	for _, p := range new.pairs {
		if was := old.get(p.key); was == nil {
			w.alone(at.key(p.key, p.value), nil, p.value)
		} else {
			w.node(at.key(p.key, p.value), was, p.value)
		}
	}
}

// alone tells a value that only one side has. A list of steps is told step by
// step, as if the other side had an empty one.
func (w *walker) alone(at place, old, new *node) {
	switch {
	case new == nil && at.steps && len(old.items) > 0:
		w.list(at, old, &node{kind: list})
	case new == nil:
		w.add(at, Removed, old, nil)
	case old == nil && at.steps && len(new.items) > 0:
		w.list(at, &node{kind: list}, new)
	default:
		w.add(at, Added, nil, new)
	}
}

func (w *walker) list(at place, old, new *node) {
	was, now := newListing(old), newListing(new)
	match(was, now)
	for i, j := range was.twin {
		if j < 0 {
			w.element(at, Removed, was, i)
		}
	}
	for j, i := range now.twin {
		if i < 0 {
			w.element(at, Added, now, j)
			continue
		}
		here := at.item(now, j, was.items[i])
		if now.renamed[j] {
			w.tell(here, Item{Op: Renamed, Old: was.items[i].name(), New: now.items[j].name()}, at.steps)
		}
		if now.moved[j] {
			w.tell(here, Item{Op: Moved, Old: fmt.Sprint(i), New: fmt.Sprint(j)}, at.steps)
		}
		if !now.renamed[j] { // the same but for its name
			w.node(here, was.items[i], now.items[j])
		}
	}
}

// element tells an element that only one side has. Of a step it tells that it
// came or went, of anything else the value.
func (w *walker) element(at place, op string, l *listing, i int) {
	here := at.item(l, i, nil)
	switch {
	case at.steps && l.items[i].kind == mapping:
		w.tell(here, Item{Op: op}, true)
	case op == Added:
		w.add(here, op, nil, l.items[i])
	default:
		w.add(here, op, l.items[i], nil)
	}
}

// add tells a difference of values; nil is a side without one.
func (w *walker) add(at place, op string, old, new *node) {
	if len(w.items) >= maxItems { // spare the writing
		w.tell(at, Item{Op: op}, false)
		return
	}
	quote := old != nil && new != nil && (old.kind != new.kind || old.tag != new.tag)
	w.tell(at, Item{Op: op, Old: show(old, quote), New: show(new, quote)}, false)
}

// tell counts an item, and keeps it while there is room. whole says that it is
// about a step as a whole.
func (w *walker) tell(at place, item Item, whole bool) {
	item.Path, item.Step, item.Task = cut(at.path, maxPath), at.step, at.task
	item.Old, item.New = cut(item.Old, maxValue), cut(item.New, maxValue)
	w.count(at, item, whole)
	if len(w.items) < maxItems {
		w.items = append(w.items, item)
	}
}

// note says how many items were left out.
func (w *walker) note() string {
	if more := w.total - len(w.items); more > 0 {
		return count(more, "more difference") + " not listed"
	}
	return ""
}
