package notify

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Runbooks hold secrets, and chat keeps what it is given. A mask hides values
// that look like secrets by the key they stand under, by their own shape, or by
// the notifier's patterns. It hides rather too much than too little.

const (
	masked = "***"
	// minSecret is the length from which a hidden value is hidden wherever else
	// it stands; shorter ones (30, true) stand everywhere.
	minSecret = 5
	// maxFound bounds the values that are looked for elsewhere; with more of
	// them no value is shown.
	maxFound = 500
	// maxBeside is how many lines around a name its value is looked for.
	maxBeside = 40
)

// secretKey is a name whose value is a secret. Whole words only for the short ones.
const secretKey = `(?:[\w.-]*(?:passw|pwd|passphrase|secret|token|credential|authorization|` +
	`(?:access|private|api|auth|encrypt\w*|sign\w*|ssh|account|master)[_.-]?key|_pass\b)[\w.-]*|\b(?:pass|ak|sk)\b)`

// quoted is a text in quotes, which inside JSON inside a string come with
// backslashes; it may end with the line instead.
const quoted = `(?:\\+"(?:[^"\\]|\\+[^"\\])*(?:\\+"|$)|"(?:[^"\\]|\\.)*(?:"|$)|'(?:[^']|'')*(?:'|$))`

type mask struct {
	patterns []*regexp.Regexp

	name    *regexp.Regexp // a name that is a secret's
	pair    *regexp.Regexp // "key": value, as in JSON, also inside strings
	flag    *regexp.Regexp // --key value
	assign  *regexp.Regexp // key=value
	plain   *regexp.Regexp // key: rest of the line, as in YAML
	named   *regexp.Regexp // name: key, with the value in a line of its own
	valued  *regexp.Regexp // value: rest of the line
	object  *regexp.Regexp // {…}, with name and value side by side
	inName  *regexp.Regexp // "name": "key" in an object
	inValue *regexp.Regexp // "value": … in an object
	shapes  *regexp.Regexp
	begin   *regexp.Regexp // of a private key of several lines
}

// newMask compiles the patterns once for a freeze of many messages.
func newMask(patterns []*regexp.Regexp) *mask {
	re := func(s string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + s) }
	return &mask{
		patterns: patterns,
		name:     re(secretKey),
		pair:     re(`(\\*["']` + secretKey + `\\*["']\s*:\s*)(` + quoted + `|[^\s,}\]]+)`),
		flag:     re(`(--?` + secretKey + `\s+)(` + quoted + `|[^\s-]\S*)`),
		assign:   re(`(` + secretKey + `\s*=>?\s*)(` + quoted + `|[^\s,;&"']+)`),
		plain:    re(`^(\s*(?:- +)*["']?` + secretKey + `["']?\s*:(?:\s+|$)|.*?[\s{,"']` + secretKey + `:\s+)(.*)$`),
		named:    re(`^\s*(?:- +)*["']?\w*(?:name|key)["']?\s*:\s*["']?` + secretKey + `["']?\s*,?\s*$`),
		valued:   re(`^(\s*(?:- +)*["']?\w*(?:value|default)["']?\s*:(?:\s+|$))(.*)$`),
		object:   re(`\{[^{}]*\}`),
		inName:   re(`\b\w*(?:name|key)\\*["']?\s*:\s*\\*["']?` + secretKey + `\\*["']?\s*[,}]`),
		inValue:  re(`(\b\w*(?:value|default)\\*["']?\s*:\s*)(` + quoted + `|[^\s,}\]]+)`),
		shapes: re(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bxox[a-z]-[\w-]{8,}|\bgh[pousr]_\w{20,}|\bglpat-[\w-]{16,}|` +
			`\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?|\b(?:bearer|basic)\s+[\w.~+/=-]{8,}|` +
			`hooks\.slack\.com/\S+|-----BEGIN [\w ]*PRIVATE KEY-----.*?(?:-----END[\w -]*|$)|//[^\s/@:]*:[^\s/@]+@`),
		begin: re(`-----BEGIN [\w ]*PRIVATE KEY-----`),
	}
}

// line hides what it finds in one line or value.
func (m *mask) line(s string) string { return m.inline(m.own(s), nil) }

// own applies the notifier's patterns, leaving the number of lines as it is.
func (m *mask) own(s string) string {
	for _, re := range m.patterns {
		s = re.ReplaceAllStringFunc(s, func(hit string) string {
			if hit == "" {
				return "" // a pattern that fits nothing fits everywhere
			}
			return masked + strings.Repeat("\n"+masked, strings.Count(hit, "\n"))
		})
	}
	return s
}

// shaped hides in our own words what looks like a key by itself, and what the
// notifier's patterns say. Their talk of passwords and keys is no secret.
func (m *mask) shaped(s string) string { return hide(m.shapes, m.own(s), nil) }

// suspicious reports whether a text in lower case may hold the name of a secret.
// It spares most lines the regular expressions, which cost a thousand times more.
func (m *mask) suspicious(lower string) bool {
	if containsAny(lower, "pass", "pwd", "secret", "token", "credential", "authorization", "key") {
		return true
	}
	return containsAny(lower, "ak", "sk") && m.name.MatchString(lower)
}

func containsAny(s string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
}

// inline hides the values within one line, and notes them in found.
func (m *mask) inline(s string, found *[]string) string {
	lower := strings.ToLower(s)
	if containsAny(lower, "akia", "asia", "xox", "gh", "glpat", "eyj", "bearer", "basic", "hooks.slack", "private key", "@") {
		s = hide(m.shapes, s, found)
	}
	if !m.suspicious(lower) {
		return s
	}
	s = m.object.ReplaceAllStringFunc(s, func(o string) string {
		if m.inName.MatchString(o) {
			return hide(m.inValue, o, found)
		}
		return o
	})
	for _, re := range []*regexp.Regexp{m.pair, m.flag, m.assign, m.plain} {
		s = hide(re, s, found)
	}
	return s
}

// hide masks the second group of each match, or all of it where there is none.
func hide(re *regexp.Regexp, s string, found *[]string) string {
	return re.ReplaceAllStringFunc(s, func(hit string) string {
		sub := re.FindStringSubmatch(hit)
		if len(sub) < 3 {
			note(found, hit)
			return masked
		}
		if strings.Trim(sub[2], " \t\r\"'\\,;{}[]") == masked {
			return hit // hidden by an earlier pattern
		}
		if sub[2] == "" || reference(sub[2]) {
			return hit
		}
		note(found, sub[2])
		return sub[1] + around(sub[2])
	})
}

// reference reports whether a value is {{$globals.password}} and the like, which
// names a secret and is none.
func reference(value string) bool {
	inner, ok := strings.CutPrefix(strings.Trim(value, " \t\r\"'\\"), "{{")
	inner, closed := strings.CutSuffix(inner, "}}")
	return ok && closed && !strings.ContainsAny(inner, "{}\"'")
}

// around masks a value and keeps quotes that enclose it, so that the line reads on.
func around(value string) string {
	rest := strings.TrimLeft(value, `\`)
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return masked
	}
	q := value[:len(value)-len(rest)+1]
	if len(value) < 2*len(q) || !strings.HasSuffix(value, q) {
		return masked
	}
	return q + masked + q
}

// note keeps a hidden value, so that it is known where it stands elsewhere.
func note(found *[]string, value string) {
	value = strings.TrimPrefix(strings.Trim(value, " \t\r\"'\\,"), "- ")
	if found != nil && len(value) >= minSecret && value != masked && len(*found) <= maxFound {
		*found = append(*found, value)
	}
}

// text hides what it finds in a whole content. It returns the lines, as many as
// the content has, and the values that it hid.
func (m *mask) text(content string) (lines, found []string) {
	lines = strings.Split(m.own(content), "\n")
	values := m.pairs(lines)
	under := -1    // lines further in than this belong to a secret key
	items := false // so do list items that stand as far in
	until := ""    // all lines up to one with this are inside a secret
	for i, l := range lines {
		in := indent(l)
		switch {
		case until != "":
			note(&found, l)
			lines[i] = l[:in] + masked
			if strings.Contains(l, until) {
				until = ""
			}
		case strings.TrimSpace(l) == "":
		case under >= 0 && (in > under || items && in == under && strings.HasPrefix(l[in:], "- ")):
			until = m.armour(l)
			note(&found, l)
			lines[i] = l[:in] + masked
		default:
			until = m.armour(l)
			under, items = -1, false
			var sub []string
			if values[i] {
				sub = m.valued.FindStringSubmatch(l)
			} else if m.suspicious(strings.ToLower(l)) {
				sub = m.plain.FindStringSubmatch(l)
			}
			if sub != nil {
				under, items = column(l), strings.TrimSpace(sub[2]) == ""
				until = cmp.Or(until, unclosed(sub[2]))
			}
			if values[i] && sub != nil {
				l = hide(m.valued, l, &found)
			}
			lines[i] = m.inline(l, &found)
		}
	}
	return lines, found
}

// armour returns what ends a private key that begins in the line, or "".
func (m *mask) armour(l string) string {
	if strings.Contains(l, "-----BEGIN") && m.begin.MatchString(l) && !strings.Contains(l, "-----END") {
		return "-----END"
	}
	return ""
}

// unclosed returns the quote that a value opens and does not close in its line,
// or "". YAML lets such a text go on anywhere.
func unclosed(value string) string {
	value = strings.ReplaceAll(value, `\"`, "")
	for _, q := range []string{`"`, `'`} {
		if strings.HasPrefix(value, q) && strings.Count(value, q)%2 == 1 {
			return q
		}
	}
	return ""
}

// pairs finds the lines that hold the value of a "name: password" beside them.
func (m *mask) pairs(lines []string) map[int]bool {
	values := map[int]bool{}
	for i, l := range lines {
		if !m.suspicious(strings.ToLower(l)) || !m.named.MatchString(l) {
			continue
		}
		col := column(l)
		mark := func(j int) {
			if m.valued.MatchString(lines[j]) {
				values[j] = true
			}
		}
		for j := i + 1; j < min(len(lines), i+maxBeside) && !dashed(lines[j]) && column(lines[j]) >= col; j++ {
			mark(j)
		}
		for j := i - 1; j >= max(0, i-maxBeside) && !dashed(lines[j+1]) && column(lines[j]) >= col; j-- {
			mark(j)
		}
	}
	return values
}

// indent is the number of spaces that a line begins with.
func indent(l string) int { return len(l) - len(strings.TrimLeft(l, " ")) }

// column is where a line's key begins: behind its indent and its dashes.
func column(l string) int { return len(l) - len(strings.TrimLeft(l, " -")) }

func dashed(l string) bool { return indent(l) != column(l) }

// secretPath reports whether a path leads through a key whose value is a secret.
// The name of the step itself says nothing of its values: rotate_password has a
// timeout.
func (m *mask) secretPath(path, step string) bool {
	if step != "" {
		if _, below, ok := strings.Cut(path, step); ok {
			path = below
		}
	}
	return m.name.MatchString(path)
}

// told reports whether s holds one of the values that were hidden, or is cut
// from one, or holds what a cut left of one at either of its ends.
func told(s string, found []string) bool {
	end, before := strings.CutPrefix(s, "…")
	end, after := strings.CutSuffix(end, "…")
	return slices.ContainsFunc(found, func(v string) bool {
		return strings.Contains(end, v) || len(end) >= minSecret && strings.Contains(v, end) ||
			before && overlap(v, end) || after && overlap(end, v)
	})
}

// overlap reports whether b begins with what a ends with, minSecret bytes of it or
// more.
func overlap(a, b string) bool {
	for n := min(len(a), len(b)); n >= minSecret; n-- {
		if a[len(a)-n:] == b[:n] {
			return true
		}
	}
	return false
}
