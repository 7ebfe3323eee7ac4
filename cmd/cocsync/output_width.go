package main

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// ruler measures columns on a terminal. The environment has no say in it, so that the
// same table looks the same everywhere.
type ruler struct{}

func widths() ruler { return ruler{} }

// The library that knows the width of every character fills a table of 2 MB when it is
// first asked about one beyond Latin: that was a quarter of the time of a short log.
var everyWidth = runewidth.Condition{StrictEmojiNeutral: true}

// single reports whether a character takes one cell wherever others like it stand beside
// it: Latin, dashes and quotation marks, arrows, the minus.
func single(r rune) bool {
	return r >= ' ' && r < 0x7f || r >= 0xa0 && r < 0x300 && r != 0xad ||
		r >= 0x2010 && r <= 0x2027 || r >= 0x2190 && r <= 0x21ff || r == '−'
}

// singles counts the characters of a text that are all single.
func singles(s string) (n int, ok bool) {
	for _, r := range s {
		if !single(r) {
			return 0, false
		}
		n++
	}
	return n, true
}

// StringWidth is how many cells a text takes.
func (ruler) StringWidth(s string) int {
	if n, ok := singles(s); ok {
		return n
	}
	return everyWidth.StringWidth(s)
}

// RuneWidth is how many cells a character takes that stands alone.
func (ruler) RuneWidth(r rune) int {
	if single(r) {
		return 1
	}
	return everyWidth.RuneWidth(r)
}

// Truncate cuts a text that takes more cells than there are, and ends it with an ellipsis.
func (ruler) Truncate(s string, cells int) string {
	n, ok := singles(s)
	switch {
	case !ok:
		return everyWidth.Truncate(s, cells, "…")
	case n <= cells:
		return s
	}
	return string([]rune(s)[:max(0, cells-1)]) + "…"
}

// FillRight adds spaces to a text that takes fewer cells than there are.
func (w ruler) FillRight(s string, cells int) string {
	return s + strings.Repeat(" ", max(0, cells-w.StringWidth(s)))
}
