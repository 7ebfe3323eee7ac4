package notify

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// suspicious reports whether a text in lower case may hold the name of a secret,
// and shapely whether it may hold a secret's shape. They spare most lines the
// rest, which costs far more.
func suspicious(lower string) bool {
	return containsAny(lower, "pass", "pwd", "psw", "secret", "token", "credential", "auth", "key", "cookie", "jwt", "id_",
		"sig", "ak", "sk", "密码", "口令", "密钥", "令牌")
}

func shapely(lower string) bool {
	return strings.Contains(lower, "//") && containsAny(lower, "@", "hook") || containsAny(lower, "akia", "asia", "ltai", "akid", "aiza", "xox",
		"xapp", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "_pat_", "glpat", "npm_", "hvs.", "eyj", "bearer", "basic", "ls0tls1crudj",
		"hooks.slack", "open-apis/bot", "webhook", "/hook", "/bot", "thin:", "private key", "static key")
}

func containsAny(s string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
}

// secretName reports whether the values of a name are secrets.
func (m *mask) secretName(name string) bool {
	name = strings.ToLower(strings.Trim(name, "._-"))
	if containsAny(name, "passw", "pwd", "pswd", "passphrase", "passcode", "secret", "token", "credential", "authorization", "jwt",
		"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "requirepass", "masterauth", "basicauth", "basic_auth", "密码", "口令", "密钥", "令牌") {
		return true
	}
	switch name[strings.LastIndexAny(name, "._-")+1:] {
	case "ak", "sk", "psw", "cookie":
		return true
	}
	if strings.HasSuffix(name, "pass") {
		// These only end in it, and with some nginx passes requests on.
		innocent := []string{"bypass", "by_pass", "by-pass", "compass", "trespass", "surpass", "overpass", "underpass", "lowpass", "highpass",
			"bandpass", "multipass", "proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass"}
		return !slices.ContainsFunc(innocent, func(w string) bool { return strings.HasSuffix(name, w) })
	}
	return strings.Contains(name, "key") && m.keyName.MatchString(name)
}

// below is what a line says of the lines below it.
type below struct {
	under bool   // those further in belong to a secret name
	items bool   // so do list items that stand as far in
	next  bool   // so does the next line
	until string // so do all up to one with this, or which is this behind a line break
}

// reader goes through the names in one line and hides their values.
type reader struct {
	*mask
	below
	s       string
	found   *[]string
	hidden  strings.Builder
	done    int        // so far of s is in hidden
	open    openQuotes // at read
	read    int
	last    string // the name before, in lower case
	end     int    // where it ended
	before  string // the name before that
	pending bool   // a name was told whose value comes next
}

func (m *mask) names(s string, found *[]string) (string, below) {
	r := &reader{mask: m, s: s, found: found}
	for i := 0; i < len(s); {
		j := nameEnd(s, i)
		if j == i {
			_, n := utf8.DecodeRuneInString(s[i:])
			i += n
			continue
		}
		name := strings.ToLower(s[i:j])
		next := r.name(i, j, name)
		r.before, r.last, r.end = r.last, name, j
		i = max(j, next)
	}
	return r.hidden.String() + s[r.done:], r.below
}

// hide masks a part of the line and returns where it ends.
func (r *reader) hide(from, to int) int {
	v := r.s[from:to]
	r.hidden.WriteString(r.s[r.done:from])
	r.hidden.WriteString(covered(v, r.found))
	r.done = to
	if to == len(r.s) && v != "" {
		r.until = cmp.Or(r.until, unclosed(v))
		r.under = r.under || strings.IndexByte("([{", v[len(v)-1]) >= 0
		r.next = r.next || len(v) > 1 && v[len(v)-1] == '\\'
	}
	return to
}

func (r *reader) wordEnd(i int) int {
	r.open.read(r.s, r.read, i)
	r.read = max(r.read, i)
	return r.open.word(r.s, i)
}

// word hides the word at i, and rest all from there.
func (r *reader) word(i int) int { return r.hide(i, r.wordEnd(i)) }

func (r *reader) rest(i int) int {
	end := r.wordEnd(i)
	if end < len(r.s) && reference(r.s[i:end]) && strings.IndexByte(`"'\`, r.s[i]) >= 0 && strings.IndexByte(",}]", r.s[end]) >= 0 {
		return end
	}
	end = len(r.s)
	if strings.HasSuffix(r.s, ",") && end > i+1 {
		end--
	}
	r.until = cmp.Or(r.until, unclosed(r.s[i:end]))
	r.hide(i, end)
	return len(r.s)
}

// name hides the value of the name between i and j, should that be a secret, and
// returns where to go on.
func (r *reader) name(i, j int, name string) int {
	s, secret := r.s, r.secretName(name)
	if !secret && i > 0 && s[i-1] == '\\' && strings.IndexByte("nrt", name[0]) >= 0 {
		secret = r.secretName(name[1:])
	}
	if r.told(i) {
		r.pending = secret
	}
	e, closed := after(s, j)
	sign := byte(' ')
	if e < len(s) {
		sign = s[e]
	}
	switch {
	case r.pending && containsAny(name, "value", "default") && (sign == ':' || sign == '='):
		r.pending = false
		return r.json(i, e+1)
	case secret:
	case sign == '=' && i > 0 && (strings.IndexByte("?&", s[i-1]) >= 0 || strings.HasSuffix(s[:i], "&amp;")) &&
		slices.Contains([]string{"key", "sign", "sig", "signature", "x-amz-signature"}, name): // of an address
	case name == "_auth" && sign == '=', name == "auth" && (closed && sign == ':' && strings.HasPrefix(strings.TrimLeft(s[e+1:], " \\"), `"`) || sign == '=' && strings.HasPrefix(s[e+1:], "(")):
	default:
		return j
	}
	if end := r.chinese(i, j); end > 0 {
		return end
	}
	return r.value(i, j, e, closed)
}

// told reports whether what stands at i is the value of a name: or a key:.
func (r *reader) told(i int) bool {
	gap := r.s[r.end:i]
	return len(gap) < 12 && strings.ContainsAny(gap, ":=") && strings.Trim(gap, " \t\\\"':=") == "" &&
		(strings.HasSuffix(r.last, "name") || strings.HasSuffix(r.last, "key") || strings.HasSuffix(r.last, "property"))
}

// after returns what follows a name behind quotes and brackets that close and
// spaces, and whether a quote closed.
func after(s string, j int) (e int, closed bool) {
	for e = j; e < len(s) && e < j+8 && strings.IndexByte("\\\"'])}", s[e]) >= 0; e++ {
		closed = closed || s[e] == '"' || s[e] == '\''
	}
	return spaces(s, e), closed
}

// spaces returns where the spaces at i end.
func spaces(s string, i int) int { return len(s) - len(strings.TrimLeft(s[i:], " \t")) }

// value hides what a secret's name is followed by.
func (r *reader) value(i, j, e int, closed bool) int {
	s, next := r.s, r.s[e:]
	if i > 1 && s[i-2:i] == "${" { // ${PASSWORD:-default}
		v := i + strings.IndexAny(s[i:]+"}", ":-=?+}")
		v = len(s) - len(strings.TrimLeft(s[v:], ":-=?+"))
		return r.hide(v, max(v, past(s, v, "}")-1))
	}
	if v := r.element(i, j, closed); v > 0 {
		return v
	}
	for _, wide := range []string{"：", "＝"} {
		if strings.HasPrefix(next, wide) {
			return r.rest(spaces(s, e+len(wide)))
		}
	}
	first := leads(s, i)
	if n := operator(next); n > 0 {
		small := s[i] != '-' && s[i:j] != strings.ToUpper(s[i:j])
		return r.assigned(e+n, first && small || e > j && s[e-1] == ' ')
	}
	switch {
	case next == "" || next == `\`:
		r.next = r.next || s[i] == '-' && !strings.HasSuffix(s[:j], "stdin")
		if first && strings.Contains(s[:i], "? ") { // YAML's key of its own
			r.under, r.items = true, true
		}
	case next == "{" && r.last == "variable": // of Terraform, with a default
		r.under = true
	case strings.HasPrefix(next, "<<<"):
		return r.word(spaces(s, e+3))
	case next[0] == ':' && closed:
		return r.json(i, e+1)
	case next == ":" && !first:
		r.next = true
	case next == ":" || next[0] == ':' && strings.IndexByte(" \t\r", next[1]) >= 0:
		v := spaces(s, e+1)
		if r.under = true; strings.TrimSpace(s[v:]) != "" {
			return r.rest(v)
		}
		r.items = true
	case next[0] == ':' && (i == 0 || strings.IndexByte(":/.@", s[i-1]) < 0 || strings.HasSuffix(s[:i], " /")) && next[1] != ':' && !strings.HasPrefix(next, "://"):
		return r.word(e + 1)
	case next[0] == ',' && closed && (s[i] == '-' || i > 1 && s[i-2] == '('):
		return r.list(spaces(s, e+1))
	case next[0] == '(' && e == j:
		return r.list(spaces(s, e+1))
	case e > j && (s[e-1] == ' ' || s[e-1] == '\t'):
		return r.beside(i, j, e)
	}
	return j
}

// leads reports whether the name at i begins its line, as a key does in YAML.
func leads(s string, i int) bool { return strings.TrimLeft(s[:i], " \t-\"'?#") == "" }

// operator returns how long the operator is that assigns or compares.
func operator(s string) int {
	for _, op := range []string{"==", "=>", "=~", ":=", "+=", "?=", "!=", "="} {
		if strings.HasPrefix(s, op) {
			return len(op)
		}
	}
	return 0
}

// assigned hides what follows an operator: a word as in a shell, or the rest of the
// line as in a program or an ini file, where the operator stands free or the line
// is loose.
func (r *reader) assigned(v int, loose bool) int {
	s, at := r.s, spaces(r.s, v)
	if at == len(s) {
		return at
	}
	bracket := strings.IndexByte("([{", s[at]) >= 0 && !strings.HasPrefix(s[at:], "{{")
	end := r.wordEnd(at)
	if !bracket && !loose && at == v {
		return r.hide(at, end)
	}
	lead := strings.TrimLeft(s[at:min(len(s), at+3)], "rbfuLR@$") // Python's r"" and the like
	if !bracket && lead != "" && strings.IndexByte(`"'\`, lead[0]) >= 0 {
		tail := strings.TrimLeft(s[end:], " \t\r")
		if tail == "" || tail == `\` || strings.IndexByte(",;)]}#", tail[0]) >= 0 || strings.HasPrefix(tail, "//") ||
			strings.IndexByte(`"'\`, s[end]) >= 0 {
			return r.hide(at, end)
		}
	}
	return r.rest(at)
}

// json hides the value behind a name in quotes and a colon.
func (r *reader) json(i, v int) int {
	s, first := r.s, leads(r.s, i)
	if v = spaces(s, v); v == len(s) {
		r.under, r.items, r.next = first, first, true
		return v
	}
	r.under = r.under || first
	if end := r.wordEnd(v); strings.IndexByte(`"'\`, s[v]) >= 0 || reference(s[v:end]) {
		if first && strings.Trim(s[end:], " \t\r,") != "" {
			return r.rest(v)
		}
		return r.hide(v, end)
	}
	end := nameEnd(s, v)
	if tail := strings.TrimLeft(s[end:], " \t\r"); end > v && (tail == "" || strings.IndexByte(",}]", tail[0]) >= 0) {
		return r.hide(v, end) // a number, null
	}
	return r.rest(v)
}

// list hides the texts in quotes at v, one behind the other.
func (r *reader) list(v int) int {
	s := r.s
	r.next = r.next || v == len(s)
	for v < len(s) && strings.IndexByte(`"'\`, s[v]) >= 0 {
		end := r.word(v)
		if end == v {
			break
		}
		if v = end; v < len(s) && s[v] == ',' {
			v = spaces(s, v+1)
		}
	}
	return v
}

// element hides what stands between tags of XML, of which the name is one, or in
// which it is the name or the key.
func (r *reader) element(i, j int, closed bool) int {
	const near = 300
	s := r.s
	from := max(0, i-near)
	tag := strings.LastIndexByte(s[from:i], '<') // before the name
	n := strings.IndexByte(s[j:min(len(s), j+near)], '>')
	if tag < 0 || n < 0 {
		return 0
	}
	v, between := j+n+1, s[from+tag+1:i]
	switch {
	case strings.HasPrefix(s[j:], "</") && strings.HasSuffix(between, ">"): // <name>password</name><value>
		m := strings.IndexByte(s[v:min(len(s), v+near)], '>')
		if open := strings.TrimLeft(s[v:], " \t"); m < 0 || !strings.HasPrefix(open, "<") || strings.HasPrefix(open, "</") {
			return 0
		}
		v += m + 1
	case s[v-2] == '/' || strings.Contains(between, "/") || strings.Contains(between, ">"):
		return 0
	case between == "" || strings.HasSuffix(between, ":") && nameEnd(between, 0) == len(between)-1:
	case !closed || !r.pending:
		return 0
	}
	if strings.TrimSpace(s[v:]) == "" {
		r.next = true
		return len(s)
	}
	end := strings.Index(s[v:], "</")
	if end < 0 {
		end = len(s) - v
	}
	return r.hide(v, v+end)
}

// chinese hides what follows 密码为 and the like, where no sign parts the two.
func (r *reader) chinese(i, j int) int {
	for _, word := range []string{"密码", "口令", "密钥", "令牌"} {
		n := strings.Index(r.s[i:j], word)
		if n < 0 {
			continue
		}
		at := i + n + len(word)
		v := at
		for _, is := range []string{"设置", "重置", "修改", "改", "设", "为", "是", "（", "【", "“", "「"} {
			if strings.HasPrefix(r.s[v:], is) {
				v += len(is)
			}
		}
		if v > at {
			v = spaces(r.s, v)
		}
		if v < len(r.s) && (v < j || v > at) && (nameEnd(r.s[:v+1], v) > v || v > at && strings.IndexByte("\"'`", r.s[v]) >= 0) {
			return r.word(v)
		}
	}
	return 0
}

// beside hides a word that stands beside a name with no sign between them, where
// the two are no prose. Our own words are prose.
func (r *reader) beside(i, j, e int) int {
	s, name := r.s, strings.ToLower(r.s[i:j])
	if s[e] == '$' || s[e] == '<' { // what is no secret itself
		if name[0] != '-' {
			return j
		}
	}
	end := r.wordEnd(e)
	word := s[e:end]
	kind := strings.ToLower(strings.Trim(word, ".,"))
	is := func(s string, words ...string) bool { return slices.Contains(words, s) }
	switch {
	case word == "":
	case name[0] == '-':
		if word[0] != '-' && !strings.HasSuffix(name, "stdin") {
			return r.hide(e, end)
		}
	case strings.IndexByte(`"'\`, s[e]) >= 0 && strings.Trim(word, `"'\ `) != "":
		return r.hide(e, end)
	case is(kind, "is", "to", "as", "cipher", "simple", "irreversible-cipher", "0", "5", "7", "8", "9"):
		v := spaces(s, end)
		next := s[v:r.wordEnd(v)]
		if random(next) || next != "" && (strings.IndexByte(`"'`, next[0]) >= 0 || r.found != nil && (is(kind, "cipher", "simple", "irreversible-cipher") || is(r.before, "username"))) {
			return r.hide(v, v+len(next))
		}
	case !containsAny(name, "secret", "credential") && random(word):
		return r.hide(e, end)
	case r.found == nil || is(kind, "for", "in", "of", "on", "at", "and", "or", "with", "from", "via", "then", "was", "must", "has", "should"):
	case is(r.last, "set", "setx", "setenv", "env", "arg"), is(r.before, "login", "user", "username", "connect") && !is(r.last, "and", "or", "the", "with", "whose"), is(name, "requirepass", "masterauth"),
		is(name, "password", "passwd", "passphrase") && strings.TrimSpace(s[:i]+s[end:]) == "":
		return r.hide(e, end)
	}
	return j
}

// random reports whether a word is rather a password than one of a language.
func random(w string) bool {
	w = strings.Trim(w, `"'.,;()`)
	return len(w) >= 7 && strings.ContainsAny(w, "0123456789") && strings.ContainsFunc(w, unicode.IsLetter) &&
		strings.IndexByte("/.$-<{", w[0]) < 0 && !strings.Contains(w, "://") && !strings.Contains(w, masked)
}
