package coc

import (
	"strconv"
	"strings"
)

// PathFits reports whether a pattern fits the path of an item or one that it lies
// below: steps[*] fits steps[restart].inputs.timeout. Only * is special, and it
// stands for anything.
func PathFits(pattern, path string) bool {
	return Fits(pattern, path) || Fits(pattern+".*", path) || Fits(pattern+"[*", path)
}

// PathWithin is PathFits for those who must not take a path for another: here *
// stands for anything within one name, whatever that name holds.
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

// PathMayFit reports whether a pattern may fit something below a path: all that a
// step holds came with it when it was added.
func PathMayFit(pattern, path string) bool {
	for i, r := range pattern {
		if (r == '.' || r == '[') && Fits(pattern[:i], path) {
			return true
		}
	}
	return false
}

// TaskFits reports whether a pattern fits a task, in every version unless the
// pattern says which: hwc:runbook:scripts fits hwc:runbook:scripts@1.0.0.
func TaskFits(pattern, task string) bool {
	return Fits(pattern, task) || !strings.Contains(pattern, "@") && Fits(pattern+"@*", task)
}

// Fits reports whether the whole of s fits a pattern in which * stands for
// anything, and nothing else is special.
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

// names takes a path apart: steps["a.b"].inputs has steps, a.b and inputs. ok is
// false for what is no path.
func names(path string) (list []pathName, ok bool) {
	for path != "" {
		if path[0] != '[' {
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			if end == 0 {
				return nil, false
			}
			list, path = append(list, pathName{path[:end], false}), path[end:]
		} else if quoted, err := strconv.QuotedPrefix(path[1:]); err == nil && strings.HasPrefix(path[1+len(quoted):], "]") {
			text, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, false
			}
			list, path = append(list, pathName{text, true}), path[len(quoted)+2:]
		} else {
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return nil, false
			}
			list, path = append(list, pathName{path[1:end], true}), path[end+1:]
		}
		if rest, cut := strings.CutPrefix(path, "."); cut {
			if path = rest; path == "" {
				return nil, false
			}
		} else if path != "" && path[0] != '[' {
			return nil, false
		}
	}
	return list, true
}
