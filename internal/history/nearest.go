package history

import (
	"slices"
	"strings"
	"unicode/utf8"

	"cocsync/internal/hint"
)

// Nearest returns up to three of the names that are likest to what was typed,
// the likest first; none when nothing is like it.
func Nearest(typed string, names []string) []string {
	type near struct {
		name string
		far  int
	}
	var list []near
	low := strings.ToLower(typed)
	letters, most := utf8.RuneCountInString(low), max(2, len(typed)/3)
	for _, n := range names {
		name, far := strings.ToLower(n), most+1
		switch {
		case name == "":
		case typed != "" && strings.Contains(name, low):
			far = 1
		case max(letters-utf8.RuneCountInString(name), utf8.RuneCountInString(name)-letters) <= most: // else more came or went
			far = hint.Distance(low, name)
		}
		if far <= most {
			list = append(list, near{n, far})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int { return a.far - b.far })
	var out []string
	for _, n := range list {
		if !slices.Contains(out, n.name) && len(out) < 3 {
			out = append(out, n.name)
		}
	}
	return out
}
