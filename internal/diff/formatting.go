package diff

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"cocsync/internal/coc"
)

// The kinds of coc.Formatting, in the order of the summary.
const (
	comments   = "comments"
	anchors    = "anchors"
	keyOrder   = "key order"
	quoting    = "quoting"
	spelling   = "spelling" // null for ~
	layout     = "layout"   // flow or block style, document markers
	whiteSpace = "white space"
	shifted    = coc.FormattingShifted
)

// formatting notes how two equal values are written differently.
func (w *walker) formatting(was, now side, old, new *node) {
	if old == new || was.fixed || now.fixed || w.sameText(was.Span, now.Span) {
		return
	}
	w.form(was, now, old, new)
	switch old.kind {
	case scalar:
		if old.style != new.style {
			w.noteForm(quoting, was.Span, now.Span)
		}
	case list:
		for i := range old.items {
			w.slots(was, now, &old.items[i], &new.items[i])
		}
	default:
		for i := range new.pairs {
			p := &new.pairs[i]
			w.slots(was, now, old.get(p.key), &p.slot)
		}
	}
}

// slots is formatting for two parts of values.
func (w *walker) slots(was, now side, old, new *slot) {
	was, now = was.part(*old), now.part(*new)
	if old.alias || new.alias {
		if old.alias != new.alias || old.value.anchor != new.value.anchor {
			w.noteForm(anchors, was.Span, now.Span)
		}
		return // its target is compared where it is
	}
	w.formatting(was, now, old.value, new.value)
}

// form notes how two values differ in the form of their collection.
func (w *walker) form(was, now side, old, new *node) {
	if was.fixed || now.fixed {
		return
	}
	if old.anchor != new.anchor {
		w.noteForm(anchors, was.first(), now.first())
	}
	if old.kind == scalar {
		return
	}
	if (old.style^new.style)&yaml.FlowStyle != 0 {
		w.noteForm(layout, was.Span, now.Span)
	}
	if old.kind == mapping {
		w.keyOrder(was, now, old, new)
	}
}

// first returns the first line of a side.
func (s side) first() coc.Span { return coc.Span{From: s.From, To: s.From} }

// keyOrder notes the keys whose moving explains the order of those that both mappings
// have; the line diff says which of them moved. Of several solutions it takes the same
// one whichever content is the old one.
func (w *walker) keyOrder(was, now side, old, new *node) {
	first, second := old, new
	if w.backwards {
		first, second = new, old
	}
	var places []int // in first, in the order of second
	var pairs [][2]coc.Span
	var weights []int
	for _, p := range second.pairs {
		if i, ok := first.find(p.key); ok {
			a, b := first.pairs[i].slot, p.slot
			if w.backwards {
				a, b = b, a
			}
			lines := [2]coc.Span{was.part(a).Span, now.part(b).Span}
			places, pairs = append(places, i), append(pairs, lines)
			weights = append(weights, 1+w.unchangedLines(lines[0], lines[1])<<16)
		}
	}
	if slices.IsSorted(places) {
		return
	}
	for n, stays := range heaviestRising(places, weights, len(first.pairs)) {
		if !stays {
			w.noteForm(keyOrder, pairs[n][0], pairs[n][1])
		}
	}
}

func (w *walker) noteForm(kind string, old, new coc.Span) {
	w.forms = append(w.forms, coc.Formatting{Kind: kind, OldLines: old, NewLines: new})
}

// sameText reports whether two runs of lines are the same bytes.
func (w *walker) sameText(old, new coc.Span) bool {
	if old.To-old.From != new.To-new.From || old.From == 0 || new.From == 0 {
		return false
	}
	a, b := w.a.Lines[old.From-1:old.To], w.b.Lines[new.From-1:new.To]
	for i := range a {
		if string(a[i]) != string(b[i]) {
			return false
		}
	}
	return true
}

// maxRanges is the maximum number of line ranges in a formatting note.
const maxRanges = 5

// FormattingNotes describes changed lines with the same meaning, one note for each kind of
// change: "quoting (lines 7-9, line 12)". lines names the lines of a change. Lines that only
// shifted are omitted: the change that shifted them is shown.
func FormattingNotes(list []coc.Formatting, lines func(old, now coc.Span) string) []string {
	var notes []string
	ranges := map[string][]string{}
	for _, f := range list {
		if f.Kind == shifted {
			continue
		}
		if ranges[f.Kind] == nil {
			notes = append(notes, f.Kind)
		}
		ranges[f.Kind] = append(ranges[f.Kind], lines(f.OldLines, f.NewLines))
	}
	for i, kind := range notes {
		where, more := ranges[kind], ""
		if n := len(where) - maxRanges; n > 0 {
			where, more = where[:maxRanges], fmt.Sprintf(" and %d more", n)
		}
		notes[i] = fmt.Sprintf("%s (%s%s)", kind, strings.Join(where, ", "), more)
	}
	return notes
}
