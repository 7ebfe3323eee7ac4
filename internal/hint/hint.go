// Package hint attaches advice to an error: how a person can fix it. The error says
// what went wrong and why; the hint is added where the fix is known and shown where
// the error is reported. It also has the hints that several packages need: "did you
// mean" for a typo, and advice on network errors.
package hint

import "strings"

type hinted struct {
	error
	advice string
}

func (h *hinted) Unwrap() error { return h.error }

// Wrap attaches advice to err. A nil error stays nil.
func Wrap(err error, advice string) error {
	if err == nil || advice == "" {
		return err
	}
	return &hinted{err, advice}
}

// Of returns all advice attached to err and to the errors it wraps, each once, a line
// each; "" if there is none.
func Of(err error) string {
	var lines []string
	seen := map[string]bool{}
	var walk func(error)
	walk = func(err error) {
		if h, ok := err.(*hinted); ok && !seen[h.advice] {
			seen[h.advice] = true
			lines = append(lines, h.advice)
		}
		switch u := err.(type) {
		case interface{ Unwrap() error }:
			walk(u.Unwrap())
		case interface{ Unwrap() []error }:
			for _, e := range u.Unwrap() {
				walk(e)
			}
		}
	}
	walk(err)
	return strings.Join(lines, "\n")
}
