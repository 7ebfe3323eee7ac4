package history

import (
	"slices"
	"strings"
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
	for _, n := range names {
		if n == "" {
			continue
		}
		far := distance(low, strings.ToLower(n))
		if strings.Contains(strings.ToLower(n), low) && typed != "" {
			far = 1
		}
		if far <= max(2, len(typed)/3) {
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

// distance is the Levenshtein distance in bytes, bounded to the first 64.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
