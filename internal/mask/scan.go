package mask

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// scan finds the secrets of one text.
type scan struct {
	src    string
	plain  string // see plainText; of the same length
	spans  []span // what is hidden
	rows   []int  // start of each line of a tree
	levels map[string]level
	refs   map[string]bool // variables used as secrets
	body   int             // end of the last here-document
	first  int             // start of the current line, without white space
}

// span is a part of a text.
type span struct{ from, to int }

// findSecrets returns what must be hidden in s.
func findSecrets(s string) []span {
	t := newScan(s)
	t.shapes()
	t.tree()
	t.lines()
	t.pairs()
	t.inputs()
	t.referenced()
	return t.spans
}

func newScan(s string) *scan {
	return &scan{src: s, plain: plainText(s), levels: map[string]level{}, refs: map[string]bool{}}
}

func (t *scan) level(name string) level {
	l, ok := t.levels[name]
	if !ok {
		l = levelOf(name)
		t.levels[name] = l
	}
	return l
}

// lines applies the rules for text to each line. A line that ends in a backslash
// continues in the next one.
func (t *scan) lines() {
	lower := strings.ToLower(t.plain)
	if len(lower) != len(t.plain) { // a letter has another length in lower case
		lower = t.plain
	}
	programs := programsIn(programs(), lower)
	t.eachLine(func(from, to int) {
		t.names(from, to)
		t.options(programsIn(programs, lower[from:to]), from, to)
	})
}

func (t *scan) eachLine(visit func(from, to int)) {
	for from := 0; from < len(t.plain); {
		to := lineEnd(t.plain, from)
		visit(from, to)
		from = to + 1
	}
}

func lineEnd(p string, i int) int {
	if n := strings.IndexByte(p[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(p)
}

// names hides what is assigned to secret names in a line.
func (t *scan) names(from, to int) {
	t.first = skipSpace(t.plain[:to], from)
	for i := from; i < to; {
		j := nameEnd(t.plain[:to], i)
		if j == i {
			_, n := utf8.DecodeRuneInString(t.plain[i:])
			i += n
			continue
		}
		if l := t.level(t.plain[i:j]); l != never {
			if v, spaced := t.valueAt(i, j, to, l); v >= 0 {
				j = max(j, t.assigned(l, t.plain[i:j], v, to, spaced))
			}
		}
		i = j
	}
}

// valueAt returns where the value of the name between i and j starts, or -1. spaced
// means that it follows a colon and a space, as in YAML and in prose.
func (t *scan) valueAt(i, j, to int, l level) (v int, spaced bool) {
	p := t.plain[:to]
	if strings.HasSuffix(p[:i], "${") { // word reads ${NAME:-default}
		return i - 2, false
	}
	e := j // after quotes and closing brackets
	for e < to && e < j+16 && strings.IndexByte("\\\"'])\x00", p[e]) >= 0 {
		e++
	}
	closed := strings.ContainsAny(p[j:e], `"'`)
	k := skipSpace(p, e)
	if k == to {
		return -1, false
	}
	switch n := operator(p[k:]); {
	case n > 0:
		return skipSpace(p, k+n), false
	case p[k] == ':' && k+1 < to:
		if closed || isSpace(p[k+1]) {
			return skipSpace(p, k+1), isSpace(p[k+1])
		}
		if i > 0 && strings.IndexByte(":/.@", p[i-1]) >= 0 && !strings.HasSuffix(p[:i], " /") || p[k+1] == ':' || p[k+1] == '/' && p[i] != '/' {
			return -1, false // hwc:secret:get, ://
		}
		return k + 1, false
	}
	return t.nextTo(p, i, j, k, l), false
}

// nextTo returns where the value of a name starts that no operator assigns: that of an
// option, a default, a string, a here-string, or what a sentence says it is.
func (t *scan) nextTo(p string, i, j, k int, l level) int {
	closed := strings.ContainsAny(p[j:k], `"'`)
	string := func(at int) bool {
		s := strings.TrimLeft(p[at:], `\`)
		return s != "" && (s[0] == '"' || s[0] == '\'')
	}
	next := skipSpace(p, k+1)
	sets := strings.EqualFold(p[i:j], "password") || strings.HasPrefix(p[i:j], "set")
	switch option := p[i] == '-'; {
	case option && k > j && !closed && p[k] != '-':
		return k
	case p[k] == ',' && closed && string(next) && (option || i > 1 && p[i-2] == '('), p[k] == '(' && k == j && sets && string(next):
		return next
	case strings.HasPrefix(p[k:], "<<<"):
		return skipSpace(p, k+3)
	case k == j || l == random || option:
	case string(k):
		if w := t.word(k, len(p)); !strings.ContainsAny(p[w.from:w.to], " \t") {
			return k
		}
	case strings.HasPrefix(p[k:], "is "):
		if v := skipSpace(p, k+3); v < len(p) && (string(v) || isPasswordLike(p[v:wordEnd(p, v)])) {
			return v
		}
	case cipherOf().MatchString(p[k:min(len(p), k+60)]):
		return k + cipherOf().FindStringIndex(p[k:])[1]
	case i == t.first && strings.EqualFold(p[i:j], "password") && wordEnd(p, k) == len(p): // .netrc
		return k
	}
	return -1
}

// cipherOf matches how a switch or a router stores the password that follows.
var cipherOf = lazy(`^(?:level\s+\d+\s+)?(?:[05789]|cipher|irreversible-cipher|simple|ascii-text|hash)\s+`)

// operator returns the length of the operator that assigns or compares, or 0.
func operator(s string) int {
	for _, op := range []string{"==", "=>", ":=", "+=", "?=", "!=", "="} {
		if strings.HasPrefix(s, op) && !strings.HasPrefix(s, "=~") {
			return len(op)
		}
	}
	return 0
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

func skipSpace(p string, i int) int {
	for i < len(p) && (isSpace(p[i]) || p[i] == filler) {
		i++
	}
	return i
}

// assigned hides the one word or string at v that is the value of a name. It returns
// where to continue.
func (t *scan) assigned(l level, name string, v, to int, spaced bool) int {
	p := t.plain[:to]
	if v >= to || spaced && p[v] == '*' { // an alias of YAML
		return v
	}
	if scheme := scheme(p[v:]); scheme > 0 && l != random { // Authorization: Bearer …
		v += scheme
	}
	if v+1 < to && strings.IndexByte("rbfuLR@$N", p[v]) >= 0 && (p[v+1] == '"' || p[v+1] == '\'') {
		v++
	}
	w := t.word(v, to)
	value := t.text(w)
	switch {
	case strings.IndexByte("\"'\\", p[v]) >= 0:
	case spaced && isProse(value, p[w.to:]), !spaced && (isSameName(name, value, p[w.to:]) || callValue().MatchString(p[v:])):
		return v
	}
	return t.hide(l, w)
}

// scheme returns the length of the name of an authentication scheme and the separator
// after it.
func scheme(s string) int {
	for _, name := range []string{"bearer ", "basic ", "token ", "digest ", "apikey ", "bot "} {
		if len(s) > len(name) && strings.EqualFold(s[:len(name)], name) {
			return len(name)
		}
	}
	return 0
}

// isProse reports whether a value is a word of a sentence: "token: see the vault".
func isProse(value, rest string) bool {
	lower := func(s string) bool {
		return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz'-.,") == ""
	}
	next := strings.TrimLeft(rest, " ")
	return lower(value) && len(next) < len(rest) && lower(next[:wordEnd(next, 0)])
}

// isSameName reports whether a value is a variable of the same name: f(token=token).
func isSameName(name, value, rest string) bool {
	return strings.EqualFold(strings.Trim(name, "-"), value) && (rest == "" || strings.ContainsAny(rest[:1], ",)"))
}

// text is a word without its references.
func (t *scan) text(w word) string {
	var b strings.Builder
	for _, s := range w.literals {
		b.WriteString(t.plain[s.from:s.to])
	}
	return b.String()
}

// hide hides a word that is a secret of level l, unless it is code or harmless. The
// variables that it refers to are hidden where they are assigned. It returns where to
// continue: within the word if it is shown.
func (t *scan) hide(l level, w word) int {
	if w.code {
		return w.from
	}
	for _, name := range w.refs {
		if l != random && strings.IndexFunc(name, unicode.IsLetter) == 0 {
			t.refs[name] = true
		}
	}
	if harmless(l, t.text(w)) {
		return w.from
	}
	if w = t.whole(w); w.code {
		return w.from
	}
	for _, s := range w.literals {
		t.add(s.from, s.to)
	}
	return w.to
}

// add hides a part of the text, without white space at its ends.
func (t *scan) add(from, to int) {
	s := strings.TrimLeft(t.plain[from:to], " \t\r\x00")
	from = to - len(s)
	to = from + len(strings.TrimRight(s, " \t\r\n"))
	if strings.Trim(t.plain[from:to], "/:@.,\"'\\\x00-") != "" {
		t.spans = append(t.spans, span{from, to})
	}
}

// referenced hides what is assigned to the variables that are used as secrets
// elsewhere.
func (t *scan) referenced() {
	for round := 0; round < 3 && len(t.refs) > 0; round++ {
		refs := t.refs
		t.refs = map[string]bool{}
		for name := range refs {
			if t.levels[name] == never {
				t.levels[name] = secret
			} else {
				delete(refs, name)
			}
		}
		if len(refs) == 0 {
			return
		}
		t.eachLine(t.names)
	}
}
