package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// openQuotes counts the quotes before a place, by kind: " and ' and both behind a
// backslash. An odd one is open there.
type openQuotes [4]bool

func (q *openQuotes) read(s string, from, to int) {
	for i := from; i < to; i++ {
		if k := quote(s, i); k >= 0 {
			q[k] = !q[k]
		}
	}
}

// quote returns the kind of quote that stands at i, or -1.
func quote(s string, i int) int {
	k := strings.IndexByte(`"'`, s[i])
	if k >= 0 && i > 0 && s[i-1] == '\\' {
		k += 2
	}
	return k
}

// word returns where a word that begins at i ends, as a shell reads it and rather
// later: it holds quoted parts, $(…), {{…}} and what is joined to them. A quote
// that was open before it ends it.
func (q *openQuotes) word(s string, i int) int {
	quoted := false // its last part was in quotes
	for i < len(s) {
		slashes := i
		for i < len(s) && s[i] == '\\' {
			i++
		}
		if i == len(s) {
			return i
		}
		c := s[i]
		switch {
		case c == '"' || c == '\'':
			doubled := c == '\'' && q[1] && strings.HasPrefix(s[i:], `''`) && !q.ends(s, i+2)
			if q[quote(s, i)] && q.ends(s, i+1) && !doubled {
				return slashes
			}
			if doubled { // as YAML has it inside single quotes
				i = past(s, i+2, `''`)
			} else {
				i = closing(s, i, i-slashes)
			}
			quoted = true
			continue
		case i > slashes && c != ' ':
			i++
		case strings.IndexByte(" \t\r", c) >= 0 || quoted && strings.HasPrefix(s[i:], "/>") || quoted && strings.IndexByte("}])|<>", c) >= 0:
			return i
		case c == ';' && (i+1 == len(s) || s[i+1] == ' ' || quoted || assigned(s[i+1:])):
			return i
		case c == ',' && quoted && (i+1 == len(s) || strings.IndexByte(" \t\"'{[\\", s[i+1]) >= 0 || assigned(s[i+1:])):
			return i
		case strings.HasPrefix(s[i:], "$("), strings.HasPrefix(s[i:], "<("):
			i = balanced(s, i+1)
		case c == '`':
			i = past(s, i+1, "`")
		case strings.HasPrefix(s[i:], "{{"):
			i = past(s, i, "}}")
		case strings.HasPrefix(s[i:], "${"):
			i = past(s, i, "}")
		default:
			i++
		}
		quoted = false
	}
	return i
}

// ends reports whether nothing is joined to a quote before i.
func (q *openQuotes) ends(s string, i int) bool {
	if i == len(s) || strings.IndexByte(" \t\r,;)]}>", s[i]) >= 0 {
		return true
	}
	for i < len(s)-1 && s[i] == '\\' {
		i++
	}
	k := quote(s, i)
	return k >= 0 && q[k]
}

// assigned reports whether a text begins with a name and = or :.
func assigned(s string) bool {
	n := nameEnd(s[:min(len(s), 40)], 0)
	return n > 0 && n < len(s) && (s[n] == '=' || s[n] == ':')
}

// closing returns what follows the quote that closes the one at i, which stands
// behind so many backslashes, as it does in JSON inside a string.
func closing(s string, i, slashes int) int {
	run := 0
	for k := i + 1; k < len(s); k++ {
		switch {
		case s[k] == '\\':
			run++
			continue
		case s[k] == s[i] && run < slashes:
			return k - run // what is around it ends
		case s[k] == s[i] && (run-slashes)/(slashes+1)%2 == 0:
			return k + 1
		}
		run = 0
	}
	return len(s)
}

// past returns where the first end after i ends, or the text does.
func past(s string, i int, end string) int {
	if n := strings.Index(s[i:], end); n >= 0 {
		return i + n + len(end)
	}
	return len(s)
}

// balanced returns what follows the bracket that closes the one at i.
func balanced(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return i
}

// nameEnd returns where a name that begins at i ends.
func nameEnd(s string, i int) int {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r != '_' && r != '-' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			break
		}
		i += n
	}
	return i
}
