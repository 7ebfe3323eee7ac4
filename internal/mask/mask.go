// Package mask hides secrets in what is sent. It owns the list of secret names, the
// known shapes of keys, and the rules of docs/security.md. It leaves to notify what is
// sent where, and how much of it.
package mask

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Hidden replaces a secret.
const Hidden = "***"

// Masker hides secrets by the rules and by a notifier's own patterns. The zero value
// has no patterns.
type Masker struct {
	Patterns []*regexp.Regexp
}

// Text is a text with its secrets hidden.
type Text struct {
	Lines  []string   // as many as the text has
	hidden [][]string // by line, the parts that are hidden
}

// String returns the lines as one text.
func (t *Text) String() string { return strings.Join(t.Lines, "\n") }

// Hidden returns what is hidden in a line, counted from 0.
func (t *Text) Hidden(line int) []string { return t.hidden[line] }

// Text hides the secrets in a text.
func (m *Masker) Text(s string) *Text {
	return render(s, append(findSecrets(s), m.applyUserPatterns(s)...))
}

// Words hides, in a text about a document and in its names, only keys with a known
// shape and what the patterns match: "password changed" is not a secret.
func (m *Masker) Words(s string) string {
	t := newScan(s)
	t.shapes()
	return render(s, append(t.spans, m.applyUserPatterns(s)...)).String()
}

// applyUserPatterns returns what the patterns match.
func (m *Masker) applyUserPatterns(s string) (list []span) {
	for _, p := range m.Patterns {
		for _, at := range p.FindAllStringIndex(s, -1) {
			if at[1] > at[0] { // a pattern that matches the empty string matches everywhere
				list = append(list, span{at[0], at[1]})
			}
		}
	}
	return list
}

// render writes s with the spans hidden, line by line.
func render(s string, spans []span) *Text {
	spans = merged(spans)
	t := &Text{}
	for from := 0; ; {
		to := lineEnd(s, from)
		var b strings.Builder
		var hidden []string
		done := from
		for len(spans) > 0 && spans[0].from < to {
			part := span{max(spans[0].from, from), min(spans[0].to, to)}
			b.WriteString(s[done:part.from] + Hidden)
			hidden = append(hidden, s[part.from:part.to])
			if done = part.to; spans[0].to > to {
				break // it continues in the next line
			}
			spans = spans[1:]
		}
		b.WriteString(s[done:to])
		t.Lines, t.hidden = append(t.Lines, b.String()), append(t.hidden, hidden)
		for len(spans) > 0 && spans[0].to <= to+1 {
			spans = spans[1:]
		}
		if from = to + 1; to == len(s) {
			return t
		}
	}
}

// merged sorts spans and joins those that overlap or touch.
func merged(spans []span) (list []span) {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	for _, s := range spans {
		if n := len(list); n > 0 && s.from <= list[n-1].to {
			list[n-1].to = max(list[n-1].to, s.to)
		} else {
			list = append(list, s)
		}
	}
	return list
}
