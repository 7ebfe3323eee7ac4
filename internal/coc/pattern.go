package coc

import "strings"

// PathFits reports whether a pattern fits the path of an item or one that it lies
// below: steps[*] fits steps[restart].inputs.timeout. Only * is special, and it
// stands for anything.
func PathFits(pattern, path string) bool {
	return Fits(pattern, path) || Fits(pattern+".*", path) || Fits(pattern+"[*", path)
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
