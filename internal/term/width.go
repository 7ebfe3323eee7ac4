package term

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// allWidths has the width of every character in any environment, so that a table is
// the same everywhere. For the first character beyond Latin it fills a table of 2 MB:
// that was a quarter of the time of a short log.
var allWidths = runewidth.Condition{StrictEmojiNeutral: true}

// single reports whether a character takes one column next to others of its kind:
// Latin, dashes and quotation marks, arrows, the minus.
func single(r rune) bool {
	return r >= ' ' && r < 0x7f || r >= 0xa0 && r < 0x300 && r != 0xad ||
		r >= 0x2010 && r <= 0x2027 || r >= 0x2190 && r <= 0x21ff || r == '−'
}

// singles counts the characters of a text in which all are single.
func singles(s string) (n int, ok bool) {
	for _, r := range s {
		if !single(r) {
			return 0, false
		}
		n++
	}
	return n, true
}

// Width returns how many columns a text takes.
func Width(s string) int {
	if n, ok := singles(s); ok {
		return n
	}
	return allWidths.StringWidth(s)
}

// truncate returns as much of a text as fits in a number of columns, the last one "…"
// if that is not all.
func truncate(s string, columns int) string {
	n, ok := singles(s)
	switch {
	case !ok:
		return allWidths.Truncate(s, columns, "…")
	case n <= columns:
		return s
	}
	return string([]rune(s)[:max(0, columns-1)]) + "…"
}

// Pad adds spaces to a text that is narrower than a number of columns.
func Pad(s string, columns int) string {
	return s + spaces(columns-Width(s))
}

// spaces returns n spaces, none if n is negative.
func spaces(n int) string { return strings.Repeat(" ", max(0, n)) }
