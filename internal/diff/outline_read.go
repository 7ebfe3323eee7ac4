package diff

import (
	"strconv"
	"strings"
)

// segment is one key, name or index of a path.
type segment struct {
	start, end int // in the path, brackets included
	label      string
	bracket    bool
}

// place reports whether the segment is an index of a list.
func (s segment) place() bool {
	return s.bracket && s.label != "" && strings.Trim(s.label, "0123456789") == ""
}

// cutPath splits a path into its segments. A path may be truncated anywhere: an open
// bracket or quote extends to its end.
func cutPath(path string) []segment {
	var list []segment
	for at := 0; at < len(path); {
		s := segment{start: at, end: len(path)}
		if s.bracket = path[at] == '['; s.bracket {
			inner := at + 1 + quotedLen(path[at+1:])
			if n := strings.IndexByte(path[inner:], ']'); n >= 0 {
				s.end = inner + n + 1
			}
			s.label = strings.TrimSuffix(path[at+1:s.end], "]")
		} else {
			if n := strings.IndexAny(path[at:], ".["); n >= 0 {
				s.end = at + n
			}
			s.label = path[at:s.end]
		}
		list = append(list, s)
		at = s.end
		if at < len(path) && path[at] == '.' {
			at++
		}
	}
	return list
}

// quotedLen returns the length of the quoted string at the start of a text; 0 if there
// is none or it is not closed.
func quotedLen(text string) int {
	if !strings.HasPrefix(text, `"`) {
		return 0
	}
	quoted, err := strconv.QuotedPrefix(text)
	if err != nil {
		return 0
	}
	return len(quoted)
}

// mappingFields parses the keys and values of a mapping as written in an item's value:
// {type: "string", default: 30}. It returns nil for anything else, and for a truncated
// value.
func mappingFields(value string) [][2]string {
	if len(value) < 2 || value[0] != '{' || value[len(value)-1] != '}' {
		return nil
	}
	rest := value[1 : len(value)-1]
	var fields [][2]string
	for rest != "" {
		n := quotedLen(rest)
		if n == 0 {
			n = max(strings.IndexByte(rest, ':'), 0)
		}
		key := rest[:n]
		after, ok := strings.CutPrefix(rest[n:], ": ")
		if name, err := strconv.Unquote(key); err == nil && !plain(name) {
			key = "[" + key + "]"
		} else if !plain(key) {
			return nil
		}
		end := valueLen(after)
		if !ok || end == 0 {
			return nil
		}
		fields = append(fields, [2]string{key, after[:end]})
		if rest, ok = strings.CutPrefix(after[end:], ", "); !ok && rest != "" {
			return nil
		}
	}
	return fields
}

// valueLen returns the length of the value at the start of a text, up to the ", "
// after it; 0 if its quotes or brackets do not close.
func valueLen(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			n := quotedLen(text[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 && strings.HasPrefix(text[i:], ", ") {
				return i
			}
		}
		if depth < 0 {
			return 0
		}
	}
	if depth != 0 {
		return 0
	}
	return len(text)
}
