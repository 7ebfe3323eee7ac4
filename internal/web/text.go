package web

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text is something a document or a person wrote, made fit to be shown.
type text []piece

// piece is a run of text of one kind.
type piece struct {
	Mark string // "ins" or "del" around words that only one side has, else ""
	Raw  bool   // stands for characters that can't be seen or would be obeyed
	Text string
}

// visible makes a text of s in which every character can be seen: as `less`
// shows them, ^A stands for a control character, <U+202E> for one that hides or
// turns what is around it, and <FF> for a byte that is no UTF-8. Control
// characters in keep stay themselves.
func visible(s, keep string) text {
	return text(nil).add("", s, keep)
}

// add appends s, marked, to a text.
func (t text) add(mark, s, keep string) text {
	for s != "" {
		raw, n := run(s, keep)
		p := piece{Mark: mark, Raw: raw, Text: s[:n]}
		if raw {
			p.Text = spell(s[:n])
		}
		t = append(t, p)
		s = s[n:]
	}
	return t
}

// run returns the length of the first run of s that is all raw or all not.
func run(s, keep string) (raw bool, n int) {
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		is := hidden(r, size) && !strings.ContainsRune(keep, r)
		if n == 0 {
			raw = is
		}
		if is != raw {
			break
		}
		n += size
	}
	return raw, n
}

// spell writes hidden characters in characters that can be seen.
func spell(s string) string {
	var b strings.Builder
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "<%02X>", s[0])
		case r < ' ':
			b.WriteString("^" + string(r+'@'))
		case r == 0x7f:
			b.WriteString("^?")
		default:
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
		s = s[size:]
	}
	return b.String()
}

// hidden reports whether a reader would not see a character of size bytes for
// what it is: controls, formats such as those that turn the direction, what has
// no glyph, and spaces that look like the plain one but are not to YAML. The
// ideographic space is as wide as it looks and stays.
func hidden(r rune, size int) bool {
	switch {
	case r == utf8.RuneError:
		return size == 1
	case r == ' ' || r == '\u3000':
		return false
	}
	return !unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}
