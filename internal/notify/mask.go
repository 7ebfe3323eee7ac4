package notify

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
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
	// maxMasked bounds the lines that are read closely, in bytes. A longer one that
	// may hold a secret is hidden as a whole.
	maxMasked = 64 << 10
)

// secretKey is a name whose value is a secret. Whole words only for the short ones.
const secretKey = `(?:[\w.-]*(?:passw|pwd|passcode|passphrase|secret|token|credential|authorization|` +
	`(?:access|private|api|auth|encrypt\w*|sign\w*|ssh|account|master)[_.-]?key|_pass\b|\bjwt\b|id_rsa|密码|口令|密钥|令牌|` +
	`(?:db|user|usr|admin|root|login|mysql|pg|redis|ssh|smtp|mail|app|svc|my|ftp|http|proxy)pass\b)[\w.-]*|\b(?:pass|ak|sk)\b)`

// quoted is a text in quotes, which inside JSON inside a string come with
// backslashes; it may end with the line instead.
const quoted = `(?:\\"(?:[^"\\]|\\\\\\"|\\+[^"\\])*(?:\\+"|$)|\\+"(?:[^"\\]|\\+[^"\\])*(?:\\+"|$)|"(?:[^"\\]|\\.)*(?:"|$)|'(?:[^']|'')*(?:'|$))`

// shellWord is a value as a shell reads it: quoted parts, $(…), and what is joined to
// them. A quote behind which the line goes on in another way only closes one that
// was opened before the name.
const shellWord = `(?:` + quoted + `(?:` + quoted + `|[^\s,;&"'{}()\[\]\\])*|(?:\$\([^)]*\)|\x60[^\x60]*\x60|["'][^\s"',;:)}\]&|\\]|[^\s"';\\])+)`

type mask struct {
	patterns []*regexp.Regexp

	name     *regexp.Regexp   // a name that is a secret's
	pair     *regexp.Regexp   // "key": value, as in JSON, also inside strings
	flag     *regexp.Regexp   // --key value
	assign   *regexp.Regexp   // key=value
	plain    *regexp.Regexp   // key: rest of the line, as in YAML
	named    *regexp.Regexp   // name: key, with the value in a line of its own
	valued   *regexp.Regexp   // value: rest of the line
	object   *regexp.Regexp   // {…}, with name and value side by side
	inName   *regexp.Regexp   // "name": "key" in an object
	inValue  *regexp.Regexp   // "value": … in an object
	commands []*regexp.Regexp // words of a command that a secret follows
	calls    *regexp.Regexp   // one of them may be in the line
	asked    *regexp.Regexp   // ? key, with the value in the next line
	element  *regexp.Regexp   // <…>, with name and value side by side
	tagged   *regexp.Regexp   // <key>value</key>
	inQuery  *regexp.Regexp   // ?key=value of an address
	escaped  *regexp.Regexp   // a letter that JSON or YAML spells out
	shapes   *regexp.Regexp
	begin    *regexp.Regexp // of a private key of several lines
}

// newMask compiles the patterns once for a freeze of many messages.
func newMask(patterns []*regexp.Regexp) *mask {
	re := func(s string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + s) }
	return &mask{
		patterns: patterns,
		name:     re(secretKey),
		pair:     re(`(\\*["']` + secretKey + `\\*["']\s*:\s*)(` + quoted + `|[^\s,}\]]+)`),
		flag:     re(`(--?` + secretKey + `(?:\s+|["']\s*,\s*))(` + quoted + `|[^\s-]\S*)`),
		assign:   re(`(` + secretKey + `["']?\]?\s*(?::=|=>?)\s*)(` + shellWord + `)`),
		plain:    re(`^(\s*(?:- +)*["']?` + secretKey + `["']?\s*:(?:\s+|$)|.*?[\s{,"']` + secretKey + `:\s+)(.*)$`),
		named:    re(`^\s*(?:- +)*["']?\w*(?:name|key)["']?\s*:\s*["']?` + secretKey + `["']?\s*,?\s*$`),
		valued:   re(`^(\s*(?:- +)*["']?\w*(?:value|default)["']?\s*:(?:\s+|$))(.*)$`),
		object:   re(`\{[^{}]*\}`),
		inName:   re(`\b\w*(?:name|key)\\*["']?\s*[:=]\s*\\*["']?` + secretKey + `\\*["']?\s*[\s,}/>]`),
		inValue:  re(`(\b\w*(?:value|default)\\*["']?\s*[:=]\s*)(` + quoted + `|[^\s,}\]]+)`),
		commands: []*regexp.Regexp{
			re(`(\bsshpass\s+(?:\S+\s+)*?-p[\s=]*)(` + shellWord + `)`),
			re(`(\bcurl\s(?:.*?\s)?(?:-u|--user|--proxy-user)[\s=]*["']?[^\s:]*:)(` + shellWord + `)`),
			re(`(\b(?:mysql|mariadb)\w*\s(?:.*?\s)?-p)([^\s-]\S*)`),
			re(`(\bredis-cli\s(?:.*?\s)?-a\s*)(` + shellWord + `)`),
			re(`(\b(?:docker|podman|helm|az)\s.*?login\s(?:.*?\s)?-p[\s=]*)(` + shellWord + `)`),
			re(`(\bnet\s+user\s+[^\s/]\S*\s+)(` + shellWord + `)`),
			re(`(\b(?:setx|set|configure set|config set)\s+` + secretKey + `\s+)(` + shellWord + `)`),
			re(`(\b(?:requirepass|masterauth)\s+)(` + shellWord + `)`),
			re(`(\blogin\s+\S+\s+(?:password|passwd)\s+)(` + shellWord + `)`),
			re(`(^\s*password\s+)("[^"]*"|'[^']*'|\S+\s*$)`),
			re(`(\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+)?)(` + shellWord + `)`),
			re(`(securestring\s+(?:-(?:asplaintext|force|string)\s+)*)(` + shellWord + `)`),
			re(`(--from-literal[=\s]\s*["']?[^=\s]+=)(` + shellWord + `)`),
			re(`(\b(?:echo|printf)\s+)([^|]+)(\|[^|]*(?:passwd|stdin|\bsudo\s+(?:-\S+\s+)*-\w*S|\bkinit\b))`),
			re(`(\b` + secretKey + `\s*<<<\s*)(` + shellWord + `)`),
		},
		calls: re(`sshpass|curl|mysql|mariadb|redis-cli|login|net\s+user|setx|\bset\s|requirepass|masterauth|^\s*password\s|` +
			`identified|securestring|from-literal|passwd|stdin|sudo|kinit|<<<`),
		asked:   re(`^\s*\?\s+["']?` + secretKey + `["']?\s*$`),
		element: re(`<[^<>]*>`),
		tagged:  re(`(<\w*:?` + secretKey + `(?:\s[^<>]*)?>\s*)([^<]+)`),
		inQuery: re(`([?&](?:key|sign|sig|signature|access_token|code)=)([^\s&"'#]+)`),
		escaped: re(`\\+(?:u00|x)[4-7][0-9a-f]`),
		shapes: re(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bxox[a-z]-[\w-]{8,}|\bgh[pousr]_\w{20,}|\bglpat-[\w-]{16,}|` +
			`\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?|\b(?:bearer|basic)\s+[\w.~+/=-]{8,}|` +
			`hooks\.slack\.com/\S+|/(?:web)?hook/[\w-]{8,}\S*|\bLTAI\w{12,}|-----BEGIN [\w ]*PRIVATE KEY-----.*?(?:-----END[\w -]*|$)|//[^\s/@:]*:[^\s/@]+@`),
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
func (m *mask) shaped(s string) string { return m.byShape(m.own(cut(s, maxMasked)), nil) }

func (m *mask) byShape(s string, found *[]string) string {
	if !containsAny(strings.ToLower(s), "akia", "asia", "ltai", "xox", "gh", "glpat", "eyj", "bearer", "basic", "hooks.slack", "hook/",
		"private key", "@") {
		return s
	}
	return hide(m.shapes, s, found)
}

// suspicious reports whether a text in lower case may hold the name of a secret.
// It spares most lines the regular expressions, which cost a thousand times more.
func (m *mask) suspicious(lower string) bool {
	if containsAny(lower, "pass", "pwd", "secret", "token", "credential", "authorization", "key", "jwt", "id_rsa", "密码", "口令", "密钥", "令牌") {
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
	suspicious := m.suspicious(lower)
	if len(s) > maxMasked {
		if suspicious || m.called(lower) || m.byShape(s, nil) != s {
			note(found, s)
			return masked
		}
		return s
	}
	s = m.byShape(s, found)
	if strings.Contains(s, "://") {
		s = hide(m.inQuery, s, found)
	}
	// Our own words, which are noted nowhere, are no commands.
	if found != nil && m.called(lower) {
		for _, re := range m.commands {
			s = hide(re, s, found)
		}
	}
	if strings.Contains(s, `\`) {
		if plain := m.unescape(s); plain != s && m.suspicious(strings.ToLower(plain)) {
			s, suspicious = plain, true
		}
	}
	if !suspicious {
		return s
	}
	beside := func(o string) string {
		if m.inName.MatchString(o) {
			return hide(m.inValue, o, found)
		}
		return o
	}
	s = m.object.ReplaceAllStringFunc(s, beside)
	if strings.Contains(s, "<") {
		s = hide(m.tagged, m.element.ReplaceAllStringFunc(s, beside), found)
	}
	for _, by := range []struct {
		sign string // without it the pattern can't fit
		re   *regexp.Regexp
	}{{":", m.pair}, {"-", m.flag}, {"=", m.assign}, {":", m.plain}} {
		if strings.Contains(s, by.sign) {
			s = hide(by.re, s, found)
		}
	}
	return s
}

// called reports whether one of the commands may be in a line in lower case.
func (m *mask) called(lower string) bool {
	return containsAny(lower, "sshpass", "curl", "mysql", "mariadb", "redis-cli", "login ", "net user", "set ", "setx", "requirepass", "masterauth", "password ",
		"identified", "securestring", "from-literal", "passwd", "stdin", "sudo", "kinit", "<<<") && m.calls.MatchString(lower)
}

// unescape spells out letters that JSON or YAML may escape.
func (m *mask) unescape(s string) string {
	return m.escaped.ReplaceAllStringFunc(s, func(e string) string {
		c, err := strconv.ParseUint(e[len(e)-2:], 16, 7)
		if r := rune(c); err == nil && (r == '_' || unicode.IsLetter(r)) {
			return string(r)
		}
		return e
	})
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
		hidden := sub[1] + around(sub[2])
		if len(sub) > 3 {
			hidden += sub[3]
		}
		return hidden
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
			if i > 0 && m.asked.MatchString(lines[i-1]) && strings.HasPrefix(strings.TrimSpace(l), ": ") {
				note(&found, strings.TrimSpace(l)[2:])
				l = l[:in] + ": " + masked
			} else if values[i] {
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
