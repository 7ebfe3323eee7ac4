package text

import (
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible returns s with every character that a reader would not see, or that a
// terminal would interpret, in the notation of less: ^A for a control character,
// <U+202E> for a format character, and <FF> for a byte that is not UTF-8.
func Visible(s string) string { return VisibleExcept(s, "") }

// VisibleExcept is Visible, except that the characters in keep are unchanged.
func VisibleExcept(s, keep string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return Hidden(r) && !strings.ContainsRune(keep, r) }) {
		return s
	}
	var b strings.Builder
	for run := range Runs(s, keep) {
		b.WriteString(run)
	}
	return b.String()
}

// Runs returns the parts of VisibleExcept(s, keep), and for each whether it replaces
// hidden characters.
func Runs(s, keep string) iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		for s != "" {
			replaced, n := notation(s, keep) != "", 0
			var b strings.Builder
			for n < len(s) {
				seen := notation(s[n:], keep)
				if (seen != "") != replaced {
					break
				}
				_, size := utf8.DecodeRuneInString(s[n:])
				n += size
				b.WriteString(seen)
			}
			run := s[:n]
			if replaced {
				run = b.String()
			}
			if !yield(run, replaced) {
				return
			}
			s = s[n:]
		}
	}
}

// notation returns how the first character of s is written, "" if unchanged.
func notation(s, keep string) string {
	switch r, size := utf8.DecodeRuneInString(s); {
	case r == utf8.RuneError && size == 1:
		return fmt.Sprintf("<%02X>", s[0])
	case !Hidden(r) || strings.ContainsRune(keep, r):
		return ""
	case r < ' ' || r == 0x7f:
		return "^" + string(r^0x40)
	default:
		return fmt.Sprintf("<U+%04X>", r)
	}
}

// Hidden reports whether a reader would not see a character correctly: control and
// format characters such as those that change the direction of writing, characters
// without a glyph, and spaces that are not white space in YAML. The ideographic space
// is as wide as it looks, and is not hidden.
func Hidden(r rune) bool {
	if r < 0x7f {
		return r < ' '
	}
	return r != '\u3000' && (!unicode.IsGraphic(r) || unicode.In(r, unicode.Zs, unicode.Other_Default_Ignorable_Code_Point))
}
