package diff

import (
	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// element adds an item for an element that only one side has: for a step, that it was
// added or removed; for anything else, its value.
func (w *walker) element(at *place, op string, old, new *node) {
	v := new
	if v == nil {
		v = old
	}
	if !at.up.steps || v.kind != mapping {
		w.value(at, op, old, new)
		return
	}
	w.addItem(at, coc.Item{Op: op}, true)
	w.record(op, at, old, new)
}

// renamed adds an element that had another name. The lines are those of the names.
func (w *walker) renamed(at *place, old, new *node, was, now side) {
	to := *at
	to.old, to.new = was, now
	w.addItem(&to, coc.Item{Op: Renamed, Old: old.value, New: new.value}, at.up.steps)
	w.record(Renamed, at, old, new)
}

// value adds a difference of values; nil is a side without one.
func (w *walker) value(at *place, op string, old, new *node) {
	item := coc.Item{Op: op}
	if len(w.items) < MaxItems { // else it is not needed
		if old != nil && new != nil && isText(old, new) && w.spend(old, new) {
			item.Old, item.New = w.showLines(old, new)
		} else {
			item.Old, item.New = showBoth(old, new)
		}
	}
	w.addItem(at, item, false)
	w.record(op, at, old, new)
}

// showLines calls showLines once for all aliases of two texts.
func (w *walker) showLines(old, new *node) (was, now string) {
	twins := [2]*node{old, new}
	shown, ok := w.texts[twins]
	if !ok {
		shown[0], shown[1] = showLines(old.value, new.value)
		if w.texts == nil {
			w.texts = map[[2]*node][2]string{}
		}
		w.texts[twins] = shown
	}
	return shown[0], shown[1]
}

func (w *walker) record(op string, at *place, old, new *node) {
	if w.edit != nil {
		w.edit(op, at, old, new)
	}
}

// addItem counts an item, and keeps it if there is space. whole means that it is about a
// step as a whole.
func (w *walker) addItem(at *place, item coc.Item, whole bool) {
	w.spans = append(w.spans, spans{at.old.Span, at.new.Span})
	w.count(at, item, whole)
	if len(w.items) < MaxItems {
		path := at.path()
		item.Path, item.Step, item.Task = text.Truncate(path, maxPath), at.step, at.task
		w.cut = w.cut || at.cut || item.Path != path
		item.Old, item.New = text.Truncate(item.Old, maxValue), text.Truncate(item.New, maxValue)
		item.OldLines, item.NewLines = at.old.Span, at.new.Span
		w.items = append(w.items, item)
	}
}
