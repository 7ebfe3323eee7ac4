package diff

import "strings"

// isNumber reports whether a text could be a number: in YAML 1.2, or in YAML 1.1, in
// which numbers have underscores and base 60.
// https://yaml.org/spec/1.2.2/#1032-tag-resolution, https://yaml.org/type/int.html,
// https://yaml.org/type/float.html
func isNumber(s string) bool {
	s = strings.TrimLeft(s[:1], "+-") + s[1:]
	switch {
	case s == "":
		return false
	case len(s) > 2 && s[0] == '0' && strings.IndexByte("xXoObB", s[1]) >= 0:
		return only(s[2:], "0123456789abcdefABCDEF_")
	case strings.Contains(s, ":"):
		return isSixties(s)
	}
	whole, exponent, has := strings.Cut(strings.ToLower(s), "e")
	if has && (exponent == "" || !only(strings.TrimLeft(exponent[:1], "+-")+exponent[1:], digits)) {
		return false
	}
	before, after, _ := strings.Cut(whole, ".")
	return only(before+after, digits+"_")
}

const digits = "0123456789"

// isSixties reports whether a text is a number in base 60, such as 12:30.
func isSixties(s string) bool {
	s, fraction, has := strings.Cut(s, ".")
	first, rest, _ := strings.Cut(s, ":")
	if has && fraction != "" && !only(fraction, digits+"_") || !only(first, digits+"_") {
		return false
	}
	for part := range strings.SplitSeq(rest, ":") {
		if !only(part, digits) || len(part) > 2 || len(part) == 2 && part[0] > '5' {
			return false
		}
	}
	return true
}

// isTime reports whether a text could be a date or a time: it has the prefix of one.
// https://yaml.org/type/timestamp.html
func isTime(s string) bool {
	year, rest, ok := strings.Cut(s, "-")
	month, rest, also := strings.Cut(rest, "-")
	if !ok || !also || len(year) != 4 || len(month) > 2 || rest == "" || !only(year+month, digits) {
		return false
	}
	return only(rest, digits+":.+-TtZz \t")
}

// unquoted reports whether a string can be shown without quotes and cannot be read as
// another type.
func unquoted(s string) bool {
	switch strings.ToLower(s) {
	case "~", "null", "true", "false", ".nan", ".inf", "-.inf", "+.inf":
		return false
	}
	return plainTag(s) == "!!str"
}

// only reports whether a text has only some characters, and is not empty.
func only(s, characters string) bool { return s != "" && strings.Trim(s, characters) == "" }
