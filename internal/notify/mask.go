package notify

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Runbooks hold secrets, and chat keeps what it is given. A mask hides values
// that look like secrets by the name they stand at, by the command they are
// given to, by their own shape, or by the notifier's patterns. It hides rather too
// much than too little.

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
	// maxMasked bounds the lines that are read closely. A longer one that may
	// hold a secret is hidden as a whole.
	maxMasked = 64 << 10
	// maxHead bounds what is looked at of the line in which a command begins.
	maxHead = 256
)

type mask struct {
	patterns []*regexp.Regexp
	commands []command

	keyName *regexp.Regexp // a key that opens something, not one that sorts
	named   *regexp.Regexp // name: key, with the value in a line of its own
	valued  *regexp.Regexp // value: rest of the line
	kind    *regexp.Regexp // kind: Secret
	data    *regexp.Regexp // data: below it
	object  *regexp.Regexp // {…} or <…>, with name and value side by side
	inName  *regexp.Regexp // "name": "key" in an object
	inValue *regexp.Regexp // "value": in an object
	kept    *regexp.Regexp // echo … > a file of secrets
	piped   *regexp.Regexp // echo … | a command that reads a secret
	heredoc *regexp.Regexp // the word that ends a here-document
	send    *regexp.Regexp // of expect, after it was asked for a password
	escape  *regexp.Regexp // of a printable character, in JSON or in an address
	shapes  *regexp.Regexp
	begin   *regexp.Regexp // of a private key of several lines
}

// command leads to a secret by its own grammar. Its pattern ends where that begins.
type command struct {
	words []string // one of them stands in the line, in lower case
	lead  *regexp.Regexp
}

// newMask compiles the patterns once for a freeze of many messages.
func newMask(patterns []*regexp.Regexp) *mask {
	re := func(s string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + s) }
	cmd := func(lead string, words ...string) command { return command{words, regexp.MustCompile(lead)} }
	return &mask{
		patterns: patterns,
		commands: []command{
			cmd(`\bsshpass\s[^|;]*?-p[\s=]*`, "sshpass"),
			cmd(`\s(?:-[a-zA-Z]*?[ub]|--user|--proxy-user|--cookie)(?:\s*|=)`, "curl "),
			cmd(`(?:mysql|mariadb)\w*\s(?:[^|;]*?\s)?-p`, "mysql", "mariadb"),
			cmd(`\bmysqladmin\s[^|;]*?\bpassword\s+`, "mysqladmin"),
			cmd(`\blogin\s(?:[^|;]*?\s)?-p[\s=]*`, " login"),
			cmd(`\bredis-cli\s(?:[^|;]*?\s)?-a\s*`, "redis-cli"),
			cmd(`\b(?:gsql|ldap[a-z]+)\s(?:[^|;]*?\s)?-[wW]\s*`, "gsql", "ldap"),
			cmd(`\b(?:sqlcmd|ipmitool|zip|unzip)\s(?:[^|;]*?\s)?-P\s*`, "sqlcmd", "ipmitool", "zip"),
			cmd(`\b(?:useradd|usermod|mongo\w*|psexec|plink|pscp)\s(?:[^|;]*?\s)?-pw?[\s=]+`, "useradd", "usermod", "mongo", "psexec", "plink", "pscp"),
			cmd(`\b7za?\s(?:[^|;]*?\s)?-p`, "7z"),
			cmd(`\s-[ik][=\s]\s*`, "obsutil", "ossutil"),
			cmd(`\bssh-keygen\s(?:[^|;]*?\s)?-N\s*`, "ssh-keygen"),
			cmd(`\bhtpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+`, "htpasswd"),
			cmd(`\bvault\s+login\s+`, "vault login"),
			cmd(`\bmc\s+(?:alias|config)\s[^|;]*?://\S+\s+\S+\s+`, "mc alias", "mc config"),
			cmd(`\bsmb\w+\s(?:[^|;]*?\s)?-U\s*`, "smb"),
			cmd(`(?i)\b(?:password|secret|community|key)\s.*?\bcipher\s+`, " cipher "),
			cmd(`(?i)\bnet\s+use\s.*?\\\\\S+\s+`, "net use"),
			cmd(`(?i)\s/rp\s+`, "schtasks"),
			cmd(`\b(?:sqlplus|expdp|impdp|sqlldr)\s+(?:-\S+\s+)*`, "sqlplus", "expdp", "impdp", "sqlldr"),
			cmd(`\brabbitmqctl\s.*?\b(?:add_user|change_password|authenticate_user)\s+\S+\s+`, "rabbitmqctl"),
			cmd(`(?i)\bnet\s+user\s+[^\s/]\S*\s+`, "net user"),
			cmd(`(?i)\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+|values\s+)?`, "identified"),
			cmd(`(?i)securestring\s+(?:-(?:asplaintext|force|string)\s+)*`, "securestring"),
			cmd(`(?:passwd|stdin)\b[^|;]*<<<\s*`, "<<<"),
			cmd(`--from-literal[=\s]\s*["']?[^=\s]+=`, "from-literal"),
		},
		keyName: re(`(?:access|private|api|auth|ssh|account|master|client|app|shared|hmac|aes|rsa|tls|ssl|consumer|storage|session|` +
			`webhook|security|license|crypt\w*|sign\w*)[._-]?key`),
		named:   re(`^\s*(?:- +)*(?:["']?\w*(?:name|key)["']?\s*:\s*["']?|<\w*(?:name|key)>\s*)([^\s"'<>:=]+)\s*(?:["']?\s*,?|</[^<>]*>)\s*$`),
		valued:  re(`^\s*(?:- +)*(?:["']?\w*(?:value|default)["']?\s*:(?:\s+|$)|<(?:value|string)>)`),
		kind:    regexp.MustCompile(`^\s*(?:- +)*["']?kind["']?\s*:\s*["']?Secret["']?\s*,?\s*$`),
		data:    regexp.MustCompile(`^\s*(?:- +)*["']?(?:data|stringData)["']?\s*:`),
		object:  re(`\{[^{}]*\}|<[^<>]*>`),
		inName:  re(`\b\w*(?:name|key|property|id)\\*["']?\s*[:=]\s*\\*["']?([^\s"'\\,{}<>]+)\\*["']?\s*[\s,}/>]`),
		inValue: re(`\b\w*(?:value|default|content)\\*["']?\s*[:=]\s*`),
		kept:    re(`\b(?:echo|printf)\s+(.+?)>>?\s*[^\s|&;]*(?:passw|secret|token|credential|key)`),
		piped:   regexp.MustCompile(`\b(?:echo|printf)\s+(.+)\|[^|]*(?:passwd\b|stdin\b|\bsudo\s+(?:-\S+\s+)*-\w*S|\bkinit\b|cryptsetup)`),
		heredoc: regexp.MustCompile(`(^|[^<])<<[-~]?\s*\\?["']?([A-Za-z_]\w*)`),
		send:    regexp.MustCompile(`\bsend\s+(?:--\s+)?`),
		escape:  re(`\\+(?:u00|U000000|x)[2-7][0-9a-f]|%[2-7][0-9a-f]|&(?:quot|#34|#39|apos);`),
		shapes: re(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\b(?:LTAI|AKID|AIza)\w{12,}|\bxox[a-z]-[\w-]{8,}|\bxapp-[\w-]{8,}|\bsk-[\w-]{20,}|` +
			`\bgh[pousr]_\w{20,}|\w+_pat_\w{20,}|\bglpat-[\w-]{16,}|\bnpm_\w{30,}|\bhvs\.\w{20,}|` +
			`\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?|\b(?:bearer|basic)\s+[\w.~+/=-]{8,}|LS0tLS1CRUdJTi[\w+/=]*|` +
			`hooks\.slack\.com/\S+|(?:open\.feishu\.cn|open\.larksuite\.com)/open-apis/bot/\S+|/(?:web)?hooks?/[\w-]{8,}\S*|` +
			`webhook\.office\.com/\S+|api\.telegram\.org/bot\S+|thin:[^\s/@]+/\S+@|//[^\s/@:]*:[^\s/]+@|https?://[^\s/@:]{8,}@|` +
			`----[ -] ?BEGIN [\w ]*(?:PRIVATE|STATIC) KEY.*?(?:----[ -] ?END[\w -]*|$)`),
		begin: re(`----[ -] ?BEGIN [\w ]*(?:PRIVATE|STATIC) KEY`),
	}
}

// line hides what it finds in one line or value.
func (m *mask) line(s string) string {
	s, _ = m.inline(m.own(s), "", nil)
	return s
}

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
	if !shapely(strings.ToLower(s)) {
		return s
	}
	return m.shapes.ReplaceAllStringFunc(s, func(hit string) string {
		note(found, hit)
		return masked
	})
}

// inline hides the values within one line and notes them in found, which is nil
// for our own words. The line may go on a command that begins with head. It tells what the line says of those below it.
func (m *mask) inline(s, head string, found *[]string) (string, below) {
	lower := strings.ToLower(s)
	if len(s) > maxMasked && (suspicious(lower) || shapely(lower) || m.commanded(lower)) {
		note(found, s)
		return masked, below{under: true}
	}
	s = m.byShape(s, found)
	if containsAny(lower, "echo", "printf") {
		s = hideAll(m.kept, hideAll(m.piped, s, found), found)
	}
	command := strings.ToLower(head) + lower
	for _, c := range m.commands {
		if containsAny(command, c.words...) && !(c.words[0] == "from-literal" && strings.Contains(command, "configmap")) {
			if hidden, ok := strings.CutPrefix(hideAfter(c.lead, head+s, found), head); ok {
				s = hidden
			}
		}
	}
	if plain := m.unescape(s); plain != s && suspicious(strings.ToLower(plain)) {
		if hidden, b := m.names(plain, found); hidden != plain {
			return hidden, b
		}
	}
	if !suspicious(lower) {
		return s, below{}
	}
	s = m.object.ReplaceAllStringFunc(s, func(o string) string {
		if sub := m.inName.FindStringSubmatch(o); sub != nil && m.secretName(sub[1]) {
			return hideAfter(m.inValue, o, found)
		}
		return o
	})
	return m.names(s, found)
}

func (m *mask) commanded(lower string) bool {
	return containsAny(lower, "stdin", "sudo", "kinit", "cryptsetup") ||
		slices.ContainsFunc(m.commands, func(c command) bool { return containsAny(lower, c.words...) })
}

// unescape spells out characters that JSON, YAML, XML or an address may escape.
func (m *mask) unescape(s string) string {
	if !strings.ContainsAny(s, `\%&`) {
		return s
	}
	return m.escape.ReplaceAllStringFunc(s, func(e string) string {
		if e[0] == '&' {
			return `"`
		}
		if c, err := strconv.ParseUint(e[len(e)-2:], 16, 7); err == nil && c > ' ' && c < 0x7f && c != '\\' {
			return string(rune(c))
		}
		return e
	})
}

// hideAll hides the first group of each match.
func hideAll(re *regexp.Regexp, s string, found *[]string) string {
	var b strings.Builder
	done := 0
	for _, at := range re.FindAllStringSubmatchIndex(s, -1) {
		b.WriteString(s[done:at[2]])
		b.WriteString(covered(s[at[2]:at[3]], found))
		done = at[3]
	}
	return b.String() + s[done:]
}

// hideAfter hides the word that begins where a match ends.
func hideAfter(re *regexp.Regexp, s string, found *[]string) string {
	var b strings.Builder
	var open openQuotes
	done := 0
	for done < len(s) {
		at := re.FindStringIndex(s[done:])
		if at == nil {
			break
		}
		start := done + at[1]
		open.read(s, done, start)
		end := open.word(s, start)
		b.WriteString(s[done:start])
		b.WriteString(covered(s[start:end], found))
		if done = end; end == start { // no word
			_, n := utf8.DecodeRuneInString(s[done:])
			open.read(s, done, done+n)
			b.WriteString(s[done : done+n])
			done += n
		}
	}
	return b.String() + s[done:]
}

// covered is a value masked and noted, unless it needs no mask. Quotes that
// enclose it stay, so that the line reads on.
func covered(value string, found *[]string) string {
	inner := strings.Trim(value, " \t\r\"'\\,;{}[]()")
	if inner == masked || strings.Trim(value, " \t\r") == "" || reference(value) {
		return value
	}
	note(found, value)
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

// reference reports whether a value is {{$globals.password}} and the like, which
// names a secret and is none.
func reference(value string) bool {
	inner, ok := strings.CutPrefix(strings.Trim(value, " \t\r\"'\\"), "{{")
	inner, closed := strings.CutSuffix(inner, "}}")
	return ok && closed && !strings.ContainsAny(inner, "{}\"'")
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
	marked := m.marked(lines)
	under := -1 // lines further in than this belong to a secret
	asked := -9 // the last line that told of a password
	head := ""  // of the command that the line goes on
	began := 0  // where that stands
	var b below // what the lines before said
	for i, l := range lines {
		in := indent(l)
		switch {
		case b.until != "":
			note(&found, l)
			lines[i] = l[:in] + masked
			if strings.Contains(l, b.until) || "\n"+strings.TrimSpace(l) == b.until {
				b.until = ""
			}
		case strings.TrimSpace(l) == "":
		case under >= 0 && (in > under || b.items && in == under && (strings.HasPrefix(l[in:], "- ") || l[in] == ':')):
			b.until = m.armour(l)
			note(&found, l)
			lines[i] = l[:in] + masked
		case b.next && !strings.HasPrefix(strings.TrimLeft(strings.TrimPrefix(l[in:], "- "), `"' `), "-"):
			b = below{until: unclosed(strings.TrimLeft(l[in:], "- "))}
			note(&found, l)
			lines[i] = l[:in] + masked
		default:
			if strings.Contains(l, "assword") {
				asked = i
			}
			if l, b = m.first(l, head, marked[i], i-asked <= 2, &found); b.under {
				under = column(lines[i])
			} else {
				under = -1
			}
			if before, goesOn := strings.CutSuffix(l, "\\"); !goesOn || i-began > maxBeside {
				head, began = "", i
			} else if head == "" && len(l) <= maxHead {
				head, began = before, i
			}
			lines[i] = l
		}
	}
	return lines, found
}

// first hides what it finds in a line that is not below another's secret. Its value
// is one when it is marked; the answer to a password's prompt is one.
func (m *mask) first(l, head string, marked, asked bool, found *[]string) (string, below) {
	var b below
	until := cmp.Or(m.armour(l), m.here(l))
	if marked {
		v := spaces(l, strings.IndexAny(l, ":>")+1)
		b = below{under: true, items: strings.TrimSpace(l[v:]) == "", until: unclosed(l[v:])}
		end := len(l)
		if n := strings.LastIndex(l, "</"); n > v {
			end = n
		} else if strings.HasSuffix(l, ",") && len(l) > v+1 {
			end--
		}
		l = l[:v] + covered(l[v:end], found) + l[end:]
	}
	if asked && strings.Contains(l, "send ") {
		l = hideAfter(m.send, l, found)
	}
	l, more := m.inline(l, head, found)
	return l, below{b.under || more.under, b.items || more.items, more.next, cmp.Or(until, b.until, more.until)}
}

// armour returns what ends a private key that begins in the line, or "".
func (m *mask) armour(l string) string {
	if strings.Contains(l, "BEGIN") && m.begin.MatchString(l) && !strings.Contains(l, "---END") && !strings.Contains(l, "--- END") {
		return "END"
	}
	return ""
}

// here returns the line that ends a here-document which holds secrets, behind a
// line break, or "".
func (m *mask) here(l string) string {
	if !strings.Contains(l, "<<") || len(l) > maxMasked {
		return ""
	}
	sub := m.heredoc.FindStringSubmatch(l)
	if lower := strings.ToLower(l); sub == nil || !containsAny(lower, "passwd", "stdin", "pgpass", "netrc", "secret", "credential", "token", "id_rsa", ".key", ".pem") &&
		!(strings.Contains(lower, "= <<") && suspicious(lower)) {
		return ""
	}
	return "\n" + sub[2]
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

// marked finds the lines whose value is a secret by the lines beside them: that of
// a "name: password", and the data of a Kubernetes Secret.
func (m *mask) marked(lines []string) map[int]bool {
	found := map[int]bool{}
	for i, l := range lines {
		if len(l) > maxMasked {
			continue
		}
		if strings.Contains(l, "Secret") && m.kind.MatchString(l) {
			beside(lines, i, len(lines), func(l string) bool { return strings.TrimSpace(l) == "---" || m.kind.MatchString(l) }, func(j int) {
				found[j] = found[j] || column(lines[j]) == column(l) && m.data.MatchString(lines[j])
			})
		} else if suspicious(strings.ToLower(l)) {
			if sub := m.named.FindStringSubmatch(l); sub != nil && m.secretName(sub[1]) {
				beside(lines, i, maxBeside, func(string) bool { return false }, func(j int) {
					found[j] = found[j] || len(lines[j]) <= maxMasked && m.valued.MatchString(lines[j])
				})
			}
		}
	}
	return found
}

// beside visits the lines around line i that belong to the same map, most of them
// at the most, up to one that ends it.
func beside(lines []string, i, most int, ends func(string) bool, visit func(int)) {
	col := column(lines[i])
	inside := func(j int) bool { return strings.TrimSpace(lines[j]) == "" || column(lines[j]) >= col }
	for j := i + 1; j < min(len(lines), i+most) && inside(j) && !starts(lines[j], col) && !ends(lines[j]); j++ {
		visit(j)
	}
	for j := i - 1; j >= max(0, i-most) && !starts(lines[j+1], col) && inside(j) && !ends(lines[j]); j-- {
		visit(j)
	}
}

// starts reports whether a line begins the next item of the list that a map whose
// keys stand in col is in.
func starts(l string, col int) bool { return column(l) <= col && indent(l) != column(l) }

// indent is the number of spaces that a line begins with.
func indent(l string) int { return len(l) - len(strings.TrimLeft(l, " ")) }

// column is where a line's key begins: behind its indent and its dashes.
func column(l string) int { return len(l) - len(strings.TrimLeft(l, " -")) }

// secretPath reports whether a path leads through a key whose value is a secret.
// The name of the step itself says nothing of its values: rotate_password has a
// timeout.
func (m *mask) secretPath(path, step string) bool {
	if step != "" {
		if _, below, ok := strings.Cut(path, step); ok {
			path = below
		}
	}
	parts := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(`.[]"'`, r) })
	return slices.ContainsFunc(parts, m.secretName)
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
