package coc

import (
	"strconv"
	"strings"
)

// PathFits reports whether a pattern matches the path of an item or a path above it:
// steps[*] matches steps[restart].inputs.timeout. Only * is special, and matches
// anything.
func PathFits(pattern, path string) bool {
	return Fits(pattern, path) || Fits(pattern+".*", path) || Fits(pattern+"[*", path)
}

// PathWithin is PathFits for callers that must not confuse two paths: here * matches
// anything within one name.
func PathWithin(pattern, path string) bool {
	want, ok := names(pattern)
	have, ok2 := names(path)
	if !ok || !ok2 || len(want) > len(have) {
		return false
	}
	for i, w := range want {
		if w.inBrackets != have[i].inBrackets || !Fits(w.text, have[i].text) {
			return false
		}
	}
	return len(want) > 0
}

// PathMayFit reports whether a pattern may match something below a path: everything in
// a step was added with it.
func PathMayFit(pattern, path string) bool {
	for i, r := range pattern {
		if (r == '.' || r == '[') && Fits(pattern[:i], path) {
			return true
		}
	}
	return false
}

// TaskFits reports whether a pattern matches a task, in every version unless the
// pattern has one: hwc:runbook:scripts matches hwc:runbook:scripts@1.0.0.
func TaskFits(pattern, task string) bool {
	return Fits(pattern, task) || !strings.Contains(pattern, "@") && Fits(pattern+"@*", task)
}

// Fits reports whether a pattern matches the whole of s. * matches anything, and
// nothing else is special.
func Fits(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, parts[0])
	for _, part := range parts[1:last] {
		at := strings.Index(s, part)
		if ok = ok && at >= 0; !ok {
			return false
		}
		s = s[at+len(part):]
	}
	return ok && strings.HasSuffix(s, parts[last])
}

// pathName is one name of a path.
type pathName struct {
	text       string
	inBrackets bool
}

// names splits a path: steps["a.b"].inputs has steps, a.b and inputs. ok is false for
// an invalid path.
func names(path string) (list []pathName, ok bool) {
	for path != "" {
		if inner, ok := strings.CutPrefix(path, "["); ok {
			text, rest, ok := strings.Cut(inner, "]")
			if quoted, err := strconv.QuotedPrefix(inner); err == nil {
				text, _ = strconv.Unquote(quoted)
				rest, ok = strings.CutPrefix(inner[len(quoted):], "]")
			}
			if !ok {
				return nil, false
			}
			list, path = append(list, pathName{text, true}), rest
			continue
		}
		name, dotted := strings.CutPrefix(path, ".")
		end := strings.IndexAny(name+".", ".[")
		if end == 0 || dotted != (len(list) > 0) {
			return nil, false
		}
		list, path = append(list, pathName{name[:end], false}), name[end:]
	}
	return list, true
}
