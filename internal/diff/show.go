package diff

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"cocsync/internal/text"
)

// Bounds of what is shown, in runes.
const (
	maxValue   = 500
	maxPath    = 300
	maxLabel   = 80 // one key or name
	maxSummary = 200
	maxName    = 500 // bytes of what an element is matched by
)

// Of the common prefix of two long values only contextBefore is shown if it is longer
// than maxShared: the difference must not be truncated.
const (
	maxShared     = 200
	contextBefore = 40
)

// window removes the common prefix of two values if one of them is too long to be
// shown, and puts "…" in its place.
func window(old, new string) (was, now string) {
	if utf8.RuneCountInString(old) <= maxValue && utf8.RuneCountInString(new) <= maxValue {
		return old, new
	}
	shared := 0
	for shared < min(len(old), len(new)) && old[shared] == new[shared] {
		shared++
	}
	for shared > 0 && !(boundary(old, shared) && boundary(new, shared)) {
		shared--
	}
	runes := utf8.RuneCountInString(old[:shared])
	if runes <= maxShared {
		return old, new
	}
	from := shared
	for at := range old[:shared] {
		if runes--; runes < contextBefore && boundary(old, at) {
			from = at
			break
		}
	}
	return "…" + old[from:], "…" + new[from:]
}

// join adds a key's label to a path. It stops at the length that is shown: deep
// structures have long paths.
func join(path, label string) string {
	if len(path) > maxPath*utf8.UTFMax {
		return path
	}
	if path == "" || label == "" || label[0] == '[' {
		return path + label
	}
	return path + "." + label
}

// long reports whether a label is truncated.
func long(label string) bool { return text.Truncate(label, maxLabel) != label }

// keyLabel writes a key as a part of a path: bare if it is a plain word, else quoted
// in brackets.
func keyLabel(k key) string {
	if plain(k.value) {
		return text.Truncate(k.value, maxLabel)
	}
	return "[" + strconv.Quote(text.Truncate(k.value, maxLabel)) + "]"
}

// nameLabel writes a name for the brackets of a path.
func nameLabel(name string) string {
	if plain(name) {
		return text.Truncate(name, maxLabel)
	}
	return strconv.Quote(text.Truncate(name, maxLabel))
}

// placeLabel writes an index. No plain word starts with a digit.
func placeLabel(i int) string { return strconv.Itoa(i) }

// plain reports whether a word can be in a path as it is: letters, digits, "_" and
// "-", a letter or "_" first.
func plain(word string) bool {
	for i, r := range word {
		switch {
		case unicode.IsLetter(r) || r == '_':
		case i > 0 && (unicode.IsDigit(r) || r == '-'):
		default:
			return false
		}
	}
	return word != ""
}

// isText reports whether two values are texts of which at least one has several lines.
func isText(old, new *node) bool {
	return old.tag == "!!str" && new.tag == "!!str" && old.kind == scalar && new.kind == scalar &&
		strings.Contains(old.value+new.value, "\n")
}

// showBoth writes the values of a difference; nil is a side without one.
func showBoth(old, new *node) (was, now string) {
	if old == nil || new == nil {
		return show(old, false), show(new, false)
	}
	quote := old.kind != new.kind || old.tag != new.tag && !(old.textual() && new.textual())
	a, b := *old, *new
	if a.kind == scalar && b.kind == scalar {
		a.value, b.value = window(old.value, new.value)
	}
	was, now = show(&a, quote), show(&b, quote)
	if was == now && old.tag != new.tag { // only a tag differs
		was, now = old.explicit()+was, new.explicit()+now
	}
	return was, now
}

// textual reports whether a value is a string for the parser.
func (n *node) textual() bool { return n.tag == "!!str" || n.tag == oldTag }

// explicit is the tag of a value as a document could write it.
func (n *node) explicit() string {
	if n.tag == oldTag {
		return ""
	}
	return n.tag + " "
}

// showLines writes the lines that differ in two texts, with "…" for those between them
// that do not.
func showLines(old, new string) (was, now string) {
	var b [2]strings.Builder
	for i, h := range Hunks(Read([]byte(old)), Read([]byte(new)), Options{}) {
		for side := range b {
			if i > 0 && b[side].Len() > 0 {
				b[side].WriteString("…\n")
			}
		}
		for _, l := range h.Lines {
			side := 0
			if l.Op == Insert {
				side = 1
			}
			if b[side].Len() <= maxValue*utf8.UTFMax { // the rest is truncated
				b[side].Write(l.Text)
			}
		}
	}
	return window(b[0].String(), b[1].String())
}

// show writes a value in at most a little more than maxValue runes: a scalar as it is,
// a collection on one line. quote puts quotes around a string, if its type matters;
// one that could be read as another type always has them. A nil value is "".
func show(n *node, quote bool) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	n.write(&b, quote)
	return b.String()
}

func (n *node) write(b *strings.Builder, quote bool) {
	if strings.HasPrefix(n.tag, "!") && !strings.HasPrefix(n.tag, "!!") {
		b.WriteString(text.Line(n.tag, maxLabel) + " ")
	}
	switch n.kind {
	case scalar:
		s := text.Truncate(n.value, maxValue)
		if n.tag == "!!str" && (quote || !unquoted(s)) {
			s = strconv.Quote(s)
		}
		b.WriteString(s)
	case list:
		b.WriteByte('[')
		for i, item := range n.items {
			if !next(b, i) {
				return
			}
			item.value.write(b, true)
		}
		b.WriteByte(']')
	case mapping:
		b.WriteByte('{')
		for i, p := range n.pairs {
			if !next(b, i) {
				return
			}
			if plain(p.key.value) {
				b.WriteString(text.Truncate(p.key.value, maxLabel))
			} else {
				b.WriteString(strconv.Quote(text.Truncate(p.key.value, maxLabel)))
			}
			b.WriteString(": ")
			p.value.write(b, true)
		}
		b.WriteByte('}')
	}
}

// next writes the separator before element i, and reports whether there is space for
// the element: otherwise it would be truncated.
func next(b *strings.Builder, i int) bool {
	if i > 0 {
		b.WriteString(", ")
	}
	return b.Len() <= maxValue*utf8.UTFMax
}
