package hint

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"cocsync/internal/text"
)

// DidYouMean suggests the names that are similar to what was typed; "" without one.
func DidYouMean(typed string, names []string) string {
	return DidYouMeanIn(typed, slices.Values(names))
}

// DidYouMeanIn is DidYouMean for names that are read one by one.
func DidYouMeanIn(typed string, names iter.Seq[string]) string {
	if near := nearest(typed, names); len(near) > 0 {
		return "did you mean " + text.Visible(strings.Join(near, ", ")) + "?"
	}
	return ""
}

// OneOf is DidYouMean, or lists all names if none is near.
func OneOf(typed string, names []string) string {
	if near := DidYouMean(typed, names); near != "" || len(names) == 0 {
		return cmp.Or(near, "there are none yet")
	}
	return "known: " + text.Visible(strings.Join(names, ", "))
}

// maxNear is how many similar names are suggested.
const maxNear = 3

// Nearest returns up to three names that are similar to what was typed, the most similar
// first.
func Nearest(typed string, names []string) []string { return nearest(typed, slices.Values(names)) }

func nearest(typed string, names iter.Seq[string]) []string {
	type near struct {
		name     string
		distance int
	}
	var best []near
	typed = strings.ToLower(typed)
	letters, limit := utf8.RuneCountInString(typed), max(2, len(typed)/3)
	for n := range names {
		name := strings.ToLower(n)
		length := utf8.RuneCountInString(name)
		d := limit + 1
		switch {
		case len(typed) > 1 && strings.Contains(name, typed):
			d = 1
		case max(letters-length, length-letters) <= limit:
			d = distance(typed, name)
		}
		if d > limit || d >= max(letters, length) || slices.ContainsFunc(best, func(b near) bool { return b.name == n }) {
			continue
		}
		best = append(best, near{n, d})
		slices.SortStableFunc(best, func(a, b near) int { return a.distance - b.distance })
		best = best[:min(len(best), maxNear)]
	}
	var out []string
	for _, n := range best {
		out = append(out, n.name)
	}
	return out
}

// distance returns how many letters must be added, removed, replaced or swapped with
// their neighbour to turn one word into the other. It compares the first 64 letters.
func distance(from, to string) int {
	a, b := []rune(from), []rune(to)
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	d, all := make([][]int, len(a)+1), make([]int, (len(a)+1)*(len(b)+1))
	for i := range d {
		d[i] = all[i*(len(b)+1):][:len(b)+1]
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := d[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			d[i][j] = min(replace, d[i-1][j]+1, d[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
