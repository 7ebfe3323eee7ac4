package history

import (
	"slices"
	"strings"

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
	for _, n := range names {
		if n == "" {
			continue
		}
		far := hint.Distance(low, strings.ToLower(n))
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
