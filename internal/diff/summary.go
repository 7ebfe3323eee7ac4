package diff

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// told is what a walk has told so far, as far as a summary needs it. It counts
// what was left out of the items too.
type told struct {
	total  int
	steps  [4]int          // steps added, removed, renamed, moved: see stepOps
	labels [4]string       // of the first of each
	fields int             // everything else
	said   []string        // how to say the first few of them
	within map[string]bool // the steps they lie in
	beside bool            // some lie in no step
}

// maxSaid is how many fields a summary tells one by one.
const maxSaid = 3

// stepOps are what can become of a step as a whole, in the order of a summary.
func stepOps() [4]string { return [4]string{Added, Removed, Renamed, Moved} }

// count takes in an item; whole says that it is about a step as a whole.
func (t *told) count(at place, item Item, whole bool) {
	t.total++
	if !whole {
		t.fields++
		if len(t.said) < maxSaid {
			t.said = append(t.said, sayField(at, item))
		}
		switch {
		case at.step == "":
			t.beside = true
		case t.within == nil:
			t.within = map[string]bool{at.step: true}
		default:
			t.within[at.step] = true
		}
		return
	}
	for i, op := range stepOps() {
		if op != item.Op {
			continue
		}
		if t.steps[i]++; t.steps[i] == 1 {
			t.labels[i] = sayStep(at, item)
		}
	}
}

// summary says it all in one line.
func (t *told) summary() string {
	var parts []string
	for i, op := range stepOps() {
		switch n := t.steps[i]; n {
		case 0:
		case 1:
			parts = append(parts, t.labels[i])
		default:
			parts = append(parts, count(n, "step")+" "+op)
		}
	}
	if t.fields <= maxSaid {
		parts = append(parts, t.said...)
	} else {
		parts = append(parts, count(t.fields, "field")+" changed"+t.where())
	}
	return oneLine(strings.Join(parts, ", "), maxSummary)
}

// where says where many changed fields are.
func (t *told) where() string {
	elsewhere := ""
	if t.beside {
		elsewhere = " and elsewhere"
	}
	switch len(t.within) {
	case 0:
		return ""
	case 1:
		for step := range t.within {
			return " in " + nameLabel(step) + elsewhere
		}
	}
	return " in " + count(len(t.within), "step") + elsewhere
}

// sayStep says what became of one step.
func sayStep(at place, item Item) string {
	name := at.leaf
	if at.step != "" {
		name = nameLabel(at.step)
	}
	if item.Op == Renamed {
		return fmt.Sprintf("step %s renamed %s", nameLabel(item.Old), nameLabel(item.New))
	}
	return fmt.Sprintf("step %s %s", name, item.Op)
}

// sayField says what became of one field: "timeout 30 → 60 in wait_healthy".
func sayField(at place, item Item) string {
	field, in := cut(at.path, maxLabel), ""
	if at.step != "" {
		field, in = cut(at.leaf, maxLabel), " in "+nameLabel(at.step)
	}
	if field == "" {
		field = "content"
	}
	switch {
	case item.Op == Renamed:
		return fmt.Sprintf("%s renamed from %s%s", field, nameLabel(item.Old), in)
	case item.Op == Changed && tellable(item.Old) && tellable(item.New) && !secretive(at.path):
		return fmt.Sprintf("%s %s → %s%s", field, item.Old, item.New, in)
	}
	return field + " " + item.Op + in
}

// tellable reports whether a value may stand in a summary: one short word that
// holds no JSON or assignment, in which a secret could hide.
func tellable(value string) bool {
	return value != "" && utf8.RuneCountInString(value) <= 40 &&
		!strings.ContainsFunc(value, func(r rune) bool {
			return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("{[=", r)
		})
}

// secretive reports whether a path sounds like the way to a secret.
func secretive(path string) bool {
	path = strings.ToLower(path)
	for _, word := range []string{"pass", "pwd", "secret", "token", "key", "credential", "auth", "cookie", "private", "cert"} {
		if strings.Contains(path, word) {
			return true
		}
	}
	return false
}
