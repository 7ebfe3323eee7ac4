package mask

import (
	"cmp"
	"slices"
	"strings"

	"cocsync/internal/coc"
)

const (
	// minKnown is the minimum length of a hidden value that is also hidden where a part
	// of its text is quoted; shorter ones occur everywhere.
	minKnown = 5
	// MaxKnown bounds these values. If there are more, no value should be shown.
	MaxKnown = 500
)

// Known are the values hidden in a text. A structural difference quotes parts of the
// text without the name that makes them secrets.
type Known struct {
	values   []string
	replacer *strings.Replacer
}

// NewKnown collects what was hidden in the texts; nil texts are ignored.
func NewKnown(texts ...*Text) *Known {
	k := &Known{}
	for _, t := range texts {
		if t != nil {
			k.values = append(k.values, slices.Concat(t.hidden...)...)
		}
	}
	slices.SortFunc(k.values, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	k.values = slices.DeleteFunc(slices.Compact(k.values), func(v string) bool { return len(v) < minKnown })
	var pairs []string
	for _, v := range k.values {
		pairs = append(pairs, v, Hidden)
	}
	k.replacer = strings.NewReplacer(pairs...)
	return k
}

// Len returns the number of values.
func (k *Known) Len() int { return len(k.values) }

// Hide hides the values in a quoted part of a text, including a value that an ellipsis
// at either end truncates.
func (k *Known) Hide(s string) string {
	s = k.replacer.Replace(s)
	end, before := strings.CutPrefix(s, "…")
	end, after := strings.CutSuffix(end, "…")
	for _, v := range k.values {
		if n := overlap(v, end); before && n > 0 {
			end = Hidden + end[n:]
		}
		if n := overlap(end, v); after && n > 0 {
			end = end[:len(end)-n] + Hidden
		}
		if (before || after) && len(end) >= minKnown && strings.Contains(v, end) {
			end = Hidden
		}
	}
	if before {
		end = "…" + end
	}
	if after {
		end += "…"
	}
	return end
}

// overlap returns how many bytes, minKnown or more, end a and start b.
func overlap(a, b string) int {
	for n := min(len(a), len(b)); n >= minKnown; n-- {
		if a[len(a)-n:] == b[:n] {
			return n
		}
	}
	return 0
}

// Item hides the secrets in the values of a structural difference and in its names. It
// returns the values it hid.
func (m *Masker) Item(it coc.Item, known *Known) (coc.Item, []string) {
	l := pathLevel(it.Path, it.Step)
	if it.Op == "moved" && it.Step != "" { // after a step: names are not values
		l = never
	}
	old, now := m.value(l, it.Old), m.value(l, it.New)
	hidden := slices.Concat(slices.Concat(old.hidden...), slices.Concat(now.hidden...))
	it.Old, it.New = known.Hide(old.String()), known.Hide(now.String())
	it.Path, it.Step, it.Task = m.Words(it.Path), m.Words(it.Step), m.Words(it.Task)
	return it, hidden
}

// value hides the secrets in the value of a name of level l.
func (m *Masker) value(l level, v string) *Text {
	spans := append(findSecrets(v), m.applyUserPatterns(v)...)
	t := newScan(v)
	switch {
	case l == never || strings.Contains(v, "\n"):
	case isCode(v):
		t.assigned(l, "", 0, len(v), false)
	default:
		w := word{to: len(v)}
		w.literal(t, 0, len(v), false)
		t.hide(l, w)
	}
	return render(v, append(spans, t.spans...))
}

// pathLevel returns the level of the last name of a path: of steps[a].inputs.password,
// of passwords[0], and of params[password].value. The name of the step says nothing
// about its values.
func pathLevel(path, step string) level {
	if _, rest, ok := strings.Cut(path, step); ok && step != "" {
		path = rest
	}
	parts := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(`.[]"'`, r) })
	for i := len(parts) - 1; i >= 0; i-- {
		if l := levelOf(parts[i]); l != never {
			return l
		}
		plural := i > 0 && strings.HasSuffix(parts[i-1], "s") && levelOf(parts[i-1]) > random
		if !isValueKey(parts[i]) && !numberValue().MatchString(parts[i]) && !plural {
			return never
		}
	}
	return never
}
