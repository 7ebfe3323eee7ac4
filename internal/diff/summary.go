package diff

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// told is what a walk has told so far, as far as a summary needs it. It counts
// what was left out of the items too.
type told struct {
	total  int
	wholes [2]wholes // steps and parameters
	said   []saying  // of the fields, the first few that differ
	fields int
}

// wholes is what became of steps, or of parameters, as wholes.
type wholes struct {
	ops    [4]int // how many were added, removed, renamed, moved: see wholeOps
	labels [2]string
	kept   []kept   // the first few that were renamed or moved
	count  int      // of them; those that moved as one are one
	last   spot     // of the last of them
	run    coc.Item // the last one that did nothing but move
}

// spot is a place among those of a list, or of a mapping.
type spot struct {
	up  *place
	now int
}

// kept is what to say of a step or parameter that is still there, or of several
// that moved as one.
type kept struct {
	labels []string
	more   int // that have no room among the labels
	said   string
}

func (k kept) clause() clause {
	s := strings.Join(k.labels, ", ")
	if k.more > 0 {
		s += fmt.Sprintf(" and %d more", k.more)
	}
	return clause{s + k.said, len(k.labels) + k.more}
}

// clause is a part of a summary, and how many differences it tells.
type clause struct {
	text  string
	tells int
}

// saying is how to say what became of a field, and in how many places it did.
type saying struct {
	text, in string
	places   int
	task     bool // it is what a step runs, which is told first
}

const (
	maxSaid = 6    // fields that a summary tells, if there is room
	maxKnow = 24   // that it chooses from
	maxHear = 2000 // that it looks at
	maxKept = 3    // and things renamed or moved, and of several that moved as one
)

// wholeOps are what can become of a step or parameter as a whole, in the order
// of a summary.
func wholeOps() [4]string { return [4]string{Added, Removed, Renamed, Moved} }

// count takes in an item; whole says that it is about a step as a whole.
func (t *told) count(at *place, item coc.Item, whole bool) {
	t.total++
	parameter := at.up != nil && at.up.parameters && item.Op != Changed
	switch {
	case whole:
		t.wholes[0].add(at, item, "")
	case parameter:
		t.wholes[1].add(at, item, "parameter ")
	default:
		t.field(at, item)
	}
}

func (w *wholes) add(at *place, item coc.Item, noun string) {
	for i, op := range wholeOps() {
		if op != item.Op {
			continue
		}
		if w.ops[i]++; i < 2 {
			if w.ops[i] == 1 {
				w.labels[i] = sayWhole(at)
			}
			return
		}
	}
	switch {
	case item.Op == Renamed:
		w.keep(kept{labels: []string{noun + nameLabel(item.Old)}, said: " renamed to " + nameLabel(item.New)})
		w.run = coc.Item{}
	case w.last == (spot{at.up, at.now}): // renamed and moved
		if w.count <= maxKept {
			w.kept[w.count-1].said += " and moved " + sayAfter(at.behind)
		}
	case w.last.up == at.up && w.last.now+1 == at.now && w.run.Op == Moved && w.run.Old == item.Old && w.run.New == item.New:
		if w.count <= maxKept {
			w.kept[w.count-1].add(noun + sayWhole(at))
		}
	default:
		w.keep(kept{labels: []string{noun + sayWhole(at)}, said: " moved " + sayAfter(at.behind)})
		w.run = item
	}
	w.last = spot{at.up, at.now}
}

// keep takes in one of those that are still there.
func (w *wholes) keep(k kept) {
	if w.count++; w.count <= maxKept {
		w.kept = append(w.kept, k)
	}
}

// add takes in one that moved with the others.
func (k *kept) add(label string) {
	if len(k.labels) < maxKept {
		k.labels = append(k.labels, label)
	} else {
		k.more++
	}
}

// say says what became of the wholes.
func (w *wholes) say(noun string) (parts []clause) {
	for i, op := range wholeOps() {
		switch n := w.ops[i]; {
		case n == 0:
		case i < 2 && n == 1:
			parts = append(parts, clause{fmt.Sprintf("%s %s %s", noun, w.labels[i], op), 1})
		case i < 2 || w.count > maxKept:
			parts = append(parts, clause{text.Plural(n, noun) + " " + op, n})
		}
	}
	if w.count <= maxKept {
		for _, k := range w.kept {
			parts = append(parts, k.clause())
		}
	}
	return parts
}

func sayAfter(where string) string {
	if where == "first" {
		return "to the front"
	}
	return where
}

// sayWhole names a step or parameter.
func sayWhole(at *place) string {
	switch {
	case at.parameter != "":
		return nameLabel(at.parameter)
	case at.step != "":
		return nameLabel(at.step)
	}
	return at.leaf()
}

// field takes in what became of anything else.
func (t *told) field(at *place, item coc.Item) {
	if t.fields++; t.fields > maxHear {
		return
	}
	in := ""
	switch {
	case at.step != "":
		in = nameLabel(at.step)
	case at.parameter != "" && !at.up.parameters:
		in = "parameter " + nameLabel(at.parameter)
	}
	text := sayField(at, item, in != "")
	for i := range t.said {
		if s := &t.said[i]; s.text == text && in != "" && s.in != "" {
			s.places++
			return
		}
	}
	if len(t.said) < maxKnow {
		t.said = append(t.said, saying{text, in, 1, at.key != nil && isTask(at.key.value)})
	}
}

// sayField says what became of one field: "timeout 30 → 60".
func sayField(at *place, item coc.Item, short bool) string {
	field := text.Truncate(at.path(), maxLabel)
	if short {
		field = text.Truncate(at.leaf(), maxLabel)
	}
	if field == "" {
		field = "content"
	}
	old, new := item.Old, item.New
	if family, was, now, ok := taskVersions(old, new); ok && at.key != nil && isTask(at.key.value) {
		field, old, new = field+" "+family, was, now
	}
	switch {
	case item.Op == Renamed:
		return fmt.Sprintf("%s renamed from %s", field, nameLabel(item.Old))
	case item.Op == Moved && tellable(strings.TrimPrefix(at.behind, "after ")) && !at.secret:
		return field + " moved " + sayAfter(at.behind)
	case at.sameJSON:
		return field + " written anew (the same JSON)"
	case item.Op == Changed && tellable(old) && tellable(new) && !at.secret:
		return fmt.Sprintf("%s %s → %s", field, old, new)
	}
	return field + " " + item.Op
}

// taskVersions splits two tasks that differ in their version only.
func taskVersions(old, new string) (task, was, now string, ok bool) {
	a, was, found := strings.Cut(old, "@")
	b, now, also := strings.Cut(new, "@")
	return a, was, now, found && also && a == b && tellable(a)
}

// summary says it all, part by part, and how many fields it leaves out.
func (t *told) summary() (parts []clause, more int) {
	parts = append(t.wholes[0].say("step"), t.wholes[1].say("parameter")...)
	more = t.fields
	slices.SortStableFunc(t.said, func(p, q saying) int {
		switch {
		case p.task == q.task:
			return 0
		case p.task:
			return -1
		}
		return 1
	})
	for _, s := range t.said[:min(maxSaid, len(t.said))] {
		text := s.text
		switch {
		case s.places > 1:
			text += fmt.Sprintf(" in %d places", s.places)
		case s.in != "":
			text += " in " + s.in
		}
		parts = append(parts, clause{text, s.places})
		more -= s.places
	}
	return parts, more
}

// fit joins the parts of a summary, as many as there is room for; more are the
// differences that no part tells.
func fit(parts []clause, more int) string {
	const rest = ", and %d more"
	s := ""
	for i, p := range parts {
		next := text.Line(p.text, maxSummary)
		if i > 0 {
			next = s + ", " + next
		}
		room := maxSummary
		if i+1 < len(parts) || more > 0 {
			room -= len(rest) + len("12345")
		}
		if i > 0 && utf8.RuneCountInString(next) > room {
			for _, p := range parts[i:] {
				more += p.tells
			}
			break
		}
		s = next
	}
	if more > 0 {
		s += fmt.Sprintf(rest, more)
	}
	return text.Line(s, maxSummary)
}

// tellable reports whether a value may stand in a summary: one short word that
// holds no JSON or assignment, in which a secret could hide.
func tellable(value string) bool {
	return value != "" && utf8.RuneCountInString(value) <= 40 && !(strings.Contains(value, "://") && strings.Contains(value, "@")) &&
		!strings.ContainsFunc(value, func(r rune) bool {
			return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("{[=", r)
		})
}

// secretive reports whether a key or name sounds like that of a secret.
func secretive(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"ak", "sk"} { // Huawei's words for a key pair
		if strings.Contains(name, word) && slices.Contains(nameWords(name), word) {
			return true
		}
	}
	for _, word := range []string{"pass", "pwd", "secret", "token", "key", "credential", "auth", "cookie", "private", "cert"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
