package diff

import (
	"strconv"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// side is the position of a walk in one of the two contents. The zero value is a side
// without a value there.
type side struct {
	coc.Span
	// fixed: the parts have no lines of their own. They are inside a string, at an
	// alias, or in a collection that is empty on the other side.
	fixed bool
	// shared: the parts share lines, so that adding or removing one changes lines of the
	// others.
	shared bool
	// oneSided: the other side has nothing there, so the key belongs to the first part.
	oneSided bool
}

// part is the side of a value in a slot.
func (s side) part(v slot) side {
	if s.From == 0 || s.fixed {
		return s
	}
	return side{Span: coc.Span{From: v.at + 1, To: v.at + v.lines}}
}

// above adds the comments above part i of a collection: the lines after the previous
// part, of which last is the last, and after the collection's own.
func (s side) above(at side, i int, last func(i int) slot) side {
	from := at.From + 1
	switch {
	case i > 0:
		from = at.part(last(i-1)).To + 1
	case at.oneSided:
		from = at.From
	}
	if !s.fixed && s.From > 0 {
		s.From = min(s.From, max(from, at.From))
	}
	return s
}

// place is the position of a walk in the structure.
type place struct {
	up       *place   // nil at the root
	key      *key     // that leads here from a mapping
	list     *listing // or the element's index in a list
	index    int
	was, now int  // indexes in the two lists, -1 if it is not there
	inside   bool // the JSON in a string

	step, task string
	parameter  string // the parameter it is in; "" in a step
	element    bool   // of a list without steps: its keys need it in the leaf
	steps      bool   // at a list of steps
	secret     bool   // under a key that may name a secret
	alias      bool   // at an alias, on either side
	parameters bool   // at the parameters of a job
	outputs    bool   // at its outputs
	emptying   bool   // one side is empty
	sameJSON   bool   // at two strings with the same JSON, written differently
	cut        bool   // a label of its path, or the step or task, is truncated
	after      string // the element before a moved element now

	old, new side
}

// label is the last part of the place's path.
func (at *place) label() string {
	switch {
	case at.key != nil:
		return keyLabel(*at.key)
	case at.list != nil:
		return "[" + at.list.label(at.index) + "]"
	}
	return ""
}

// path is computed only if it is needed: few places have a difference.
func (at *place) path() string {
	if at.up == nil {
		return ""
	}
	return join(at.up.path(), at.label())
}

// leaf is the path without the step or parameter, and without outer keys.
func (at *place) leaf() string {
	if at.up == nil || at.key != nil && !at.up.element {
		return at.label()
	}
	return join(at.up.leaf(), at.label())
}

// pair is the place of a mapping's value.
func (at *place) pair(k key, old, new *slot) place {
	to := place{up: at, key: &k, was: -1, now: -1, step: at.step, task: at.task, parameter: at.parameter}
	to.secret = at.secret || maySecret(k.value)
	to.cut = at.cut || long(k.value)
	for _, s := range []*slot{old, new} {
		if s != nil {
			to.steps = to.steps || isSteps(k, s.value)
			to.parameters = to.parameters || at.up == nil && isInputs(k) && s.value.kind == mapping
		}
	}
	to.outputs = at.up == nil && k.value == "outputs"
	if at.parameters {
		to.parameter = text.Truncate(k.value, maxLabel)
	}
	to.setSides(at, old, new)
	return to
}

// section reports whether a value at the place is a list of steps, the parameters or
// the outputs of a job, and is not empty: each part then has its own item.
func (at *place) section(n *node) bool {
	return n.size() > 0 && (at.steps && n.kind == list || at.parameters && n.kind == mapping || at.outputs)
}

// emptied marks that one side has no parts: its parts use the whole collection's lines,
// and the other side's first part also gets the collection's first line.
func (at *place) emptied(old, new *node) *place {
	if old.size() > 0 && new.size() > 0 || at.up == nil || at.old.From == 0 || at.new.From == 0 {
		return at
	}
	to := *at
	to.emptying = true
	for _, side := range []struct {
		*side
		*node
	}{{&to.old, old}, {&to.new, new}} {
		if side.size() == 0 {
			side.fixed = true
		} else {
			side.oneSided = true
		}
	}
	return &to
}

// withoutPart returns the side for part i that is missing there; only the first part
// keeps the line of an empty collection.
func (s side) withoutPart(at *place, i int) side {
	if at.emptying && i > 0 {
		return side{}
	}
	return s
}

// setSides sets the positions of both sides of a part of at.
func (to *place) setSides(at *place, old, new *slot) {
	if old != nil {
		to.old = at.old.part(*old)
	} else if at.old.fixed || at.old.shared {
		to.old.Span = at.old.Span
	}
	if new != nil {
		to.new = at.new.part(*new)
	} else if at.new.fixed || at.new.shared {
		to.new.Span = at.new.Span
	}
	to.alias = old != nil && old.alias || new != nil && new.alias
	if old != nil && new != nil && (old.alias || new.alias) && (old.value.anchor != new.value.anchor || old.alias != new.alias) {
		to.old.fixed, to.new.fixed = true, true // it is the alias that changed
	}
}

// item is the place of the element of a list at index i in the old one and j in the
// new one, -1 if it is not there.
func (at *place) item(was, now *listing, i, j int) place {
	to := place{up: at, was: i, now: j, step: at.step, task: at.task, parameter: at.parameter}
	l, n, twin := now, j, (*node)(nil)
	var old, new *slot
	if i >= 0 {
		old = &was.items[i]
		twin = old.value
	}
	if j >= 0 {
		new = &now.items[j]
	} else {
		l, n, twin = was, i, nil
	}
	value := l.items[n].value
	to.list, to.index = l, n
	to.cut = at.cut || long(value.name())
	to.element = !at.steps
	// {key: DB_PASSWORD, value: …} names its secret next to it. The name of a step says
	// nothing about its values: rotate_password has a timeout.
	to.secret = at.secret || !at.steps && maySecret(value.name()+" "+value.text("key", "Key", "id", "variable", "ParameterKey"))
	if at.steps && value.kind == mapping {
		to.step, to.task = text.Truncate(value.name(), maxLabel), text.Truncate(value.task(), maxLabel)
		if to.task == "" && twin != nil {
			to.task = text.Truncate(twin.task(), maxLabel)
		}
		to.cut = to.cut || long(value.task()) || value.task() == "" && twin != nil && long(twin.task())
	}
	to.setSides(at, old, new)
	return to
}

// json is the place inside a string with JSON.
func (at *place) json() place {
	to := *at
	to.up, to.inside, to.key, to.list, to.was, to.now = at, true, nil, nil, -1, -1
	to.element = true // its keys mean nothing without their field
	to.old.fixed, to.new.fixed = true, true
	return to
}

// runStart returns the first indexes of the run that moved together with elements i and
// j.
func runStart(was, now *listing, i, j int) (from, to int) {
	for i > 0 && j > 0 && was.twin[i-1] == j-1 && now.moved[j-1] {
		i, j = i-1, j-1
	}
	return i, j
}

// after returns the position of the element at n of a list: "first", "after drain", or
// without a name, a short value, or an index counted from 0.
func (l *listing) after(n int) string {
	if n == 0 {
		return "first"
	}
	before := l.items[n-1].value
	switch {
	case l.unique(n - 1):
		return "after " + nameLabel(l.names[n-1])
	case before.kind == scalar && before.value != "" && len(before.value) <= maxLabel:
		return "after " + text.Line(show(before, !plain(before.value)), maxLabel)
	}
	return "after [" + strconv.Itoa(n-1) + "]"
}
