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

// counts is what a summary needs of the items, those that were left out included.
type counts struct {
	total      int
	wholes     [2]wholes   // steps and parameters
	fields     []fieldText // of the fields, the first few that differ
	fieldCount int
}

// wholes is what happened to steps, or parameters, as wholes.
type wholes struct {
	ops    [4]int // how many were added, removed, renamed, moved: see wholeOps
	labels [2]string
	kept   []relocated // the first few that were renamed or moved
	count  int         // of them; those that moved as one are one
	last   spot        // of the last of them
	run    coc.Item    // the last one that only moved
}

// spot is a position in a list, or in a mapping.
type spot struct {
	up  *place
	now int
}

// relocated is a step or parameter that is renamed or moved, or several that moved as one.
type relocated struct {
	labels []string
	more   int // that do not fit among the labels
	text   string
}

func (k relocated) clause() clause {
	s := strings.Join(k.labels, ", ")
	if k.more > 0 {
		s += fmt.Sprintf(" and %d more", k.more)
	}
	return clause{s + k.text, len(k.labels) + k.more}
}

// clause is a part of a summary, and how many differences it describes.
type clause struct {
	text  string
	count int
}

// fieldText is the text for a field, and at how many places it applies.
type fieldText struct {
	text, in string
	places   int
	task     bool // it is the task of a step, which is first
}

const (
	maxFields = 6    // fields in a summary, if they fit
	maxChoice = 24   // that it chooses from
	maxSeen   = 2000 // that it looks at
	maxKept   = 3    // and renamed or moved things, and several that moved as one
)

// wholeOps are what can happen to a step or parameter as a whole, in the order of a
// summary.
func wholeOps() [4]string { return [4]string{Added, Removed, Renamed, Moved} }

// count adds an item; whole means that it is about a step as a whole.
func (t *counts) count(at *place, item coc.Item, whole bool) {
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
				w.labels[i] = describeWhole(at)
			}
			return
		}
	}
	switch {
	case item.Op == Renamed:
		w.keep(noun+nameLabel(item.Old), " renamed to "+nameLabel(item.New))
		w.run = coc.Item{}
	case w.last == (spot{at.up, at.now}): // renamed and moved
		if w.count <= maxKept {
			w.kept[w.count-1].text += " and moved " + describeMove(at.after)
		}
	case w.last.up == at.up && w.last.now+1 == at.now && w.run.Op == Moved && w.run.Old == item.Old && w.run.New == item.New:
		if w.count <= maxKept {
			w.kept[w.count-1].add(noun + describeWhole(at))
		}
	default:
		w.keep(noun+describeWhole(at), " moved "+describeMove(at.after))
		w.run = item
	}
	w.last = spot{at.up, at.now}
}

// keep adds a renamed or moved one.
func (w *wholes) keep(label, text string) {
	if w.count++; w.count <= maxKept {
		w.kept = append(w.kept, relocated{labels: []string{label}, text: text})
	}
}

// add adds one that moved with the others.
func (k *relocated) add(label string) {
	if len(k.labels) < maxKept {
		k.labels = append(k.labels, label)
	} else {
		k.more++
	}
}

// describe returns clauses about added, removed, renamed and moved wholes.
func (w *wholes) describe(noun string) (parts []clause) {
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

func describeMove(where string) string {
	if where == "first" {
		return "to the front"
	}
	return where
}

// describeWhole names a step or parameter.
func describeWhole(at *place) string {
	switch {
	case at.parameter != "":
		return nameLabel(at.parameter)
	case at.step != "":
		return nameLabel(at.step)
	}
	return at.leaf()
}

// field adds a difference of anything else.
func (t *counts) field(at *place, item coc.Item) {
	if t.fieldCount++; t.fieldCount > maxSeen {
		return
	}
	in := ""
	switch {
	case at.step != "":
		in = nameLabel(at.step)
	case at.parameter != "" && !at.up.parameters:
		in = "parameter " + nameLabel(at.parameter)
	}
	text := describeField(at, item, in != "")
	for i := range t.fields {
		if s := &t.fields[i]; s.text == text && in != "" && s.in != "" {
			s.places++
			return
		}
	}
	if len(t.fields) < maxChoice {
		t.fields = append(t.fields, fieldText{text, in, 1, at.key != nil && isTask(at.key.value)})
	}
}

// describeField describes a difference of one field: "timeout 30 → 60".
func describeField(at *place, item coc.Item, short bool) string {
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
	case item.Op == Moved && inSummary(strings.TrimPrefix(at.after, "after ")) && !at.secret:
		return field + " moved " + describeMove(at.after)
	case at.sameJSON:
		return field + " reformatted (the same JSON)"
	case item.Op == Changed && inSummary(old) && inSummary(new) && !at.secret:
		return fmt.Sprintf("%s %s → %s", field, old, new)
	}
	return field + " " + item.Op
}

// taskVersions splits two tasks of which only the version differs.
func taskVersions(old, new string) (task, was, now string, ok bool) {
	a, was, found := strings.Cut(old, "@")
	b, now, also := strings.Cut(new, "@")
	return a, was, now, found && also && a == b && inSummary(a)
}

// summary describes everything, part by part, and returns how many fields it leaves
// out.
func (t *counts) summary() (parts []clause, more int) {
	parts = append(t.wholes[0].describe("step"), t.wholes[1].describe("parameter")...)
	more = t.fieldCount
	slices.SortStableFunc(t.fields, func(p, q fieldText) int {
		switch {
		case p.task == q.task:
			return 0
		case p.task:
			return -1
		}
		return 1
	})
	for _, s := range t.fields[:min(maxFields, len(t.fields))] {
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

// fit joins the parts of a summary, as many as fit; more are the differences that no
// part describes.
func fit(parts []clause, more int) string {
	const rest = ", and %d more"
	s := ""
	for i, p := range parts {
		next := text.Line(p.text, maxSummary)
		if i > 0 {
			next = s + ", " + next
		}
		space := maxSummary
		if i+1 < len(parts) || more > 0 {
			space -= len(rest) + len("12345")
		}
		if i > 0 && utf8.RuneCountInString(next) > space {
			for _, p := range parts[i:] {
				more += p.count
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

// inSummary reports whether a value may be in a summary: one short word without JSON or an
// assignment, which could contain a secret.
func inSummary(value string) bool {
	return value != "" && utf8.RuneCountInString(value) <= 40 && !(strings.Contains(value, "://") && strings.Contains(value, "@")) &&
		!strings.ContainsFunc(value, func(r rune) bool {
			return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("{[=", r)
		})
}

// maySecret reports whether a key or name may be that of a secret.
func maySecret(name string) bool {
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
