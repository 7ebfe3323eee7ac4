package coc

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Number returns N of a version label vN. The second result is false for any
// other label ("v", "v01", "draft").
func Number(label string) (int, bool) {
	digits, ok := strings.CutPrefix(label, "v")
	if !ok || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

func (l Listed) listed() Listed { return l }

// SortListed orders versions oldest first: by number if every label is vN, else by
// create_time. Elements are Listed, or embed it.
func SortListed[T interface{ listed() Listed }](list []T) {
	numbered := !slices.ContainsFunc(list, func(v T) bool {
		_, ok := Number(v.listed().Label)
		return !ok
	})
	slices.SortStableFunc(list, func(v, w T) int {
		a, b := v.listed(), w.listed()
		if numbered {
			m, _ := Number(a.Label)
			n, _ := Number(b.Label)
			return cmp.Compare(m, n)
		}
		return cmp.Or(a.MadeAt.Compare(b.MadeAt), cmp.Compare(a.Label, b.Label))
	})
}

// RevisionLabel returns the label of a revision: v3 if it is the only one of its
// version, v3#1 and v3#2 if there are two. So a printed label names the same content
// when it is typed again: v3 is always the newest.
func RevisionLabel(label string, number, revisions int) string {
	if revisions <= 1 && number <= 1 || number == 0 {
		return label
	}
	return fmt.Sprintf("%s#%d", label, number)
}
