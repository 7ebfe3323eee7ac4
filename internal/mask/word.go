package mask

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWord bounds the search for the end of a word or a quote, in bytes, so that the
// time is linear in the text. A longer secret is hidden completely: whole then finds
// its end, and the search continues after it.
const maxWord = 4 << 10

// word is a value as a shell, a program or JSON writes it.
type word struct {
	from, to int
	literals []span   // its parts that are not references
	refs     []string // names of the variables that it refers to
	code     bool     // it has code and is shown
	cut      bool     // it is longer than maxWord
	limit    int      // the last possible end
	opened   int      // of a truncated quoted one: the position of its quote
	slashes  int      // and the number of backslashes before it
}

// word reads the value that starts at i, up to white space, an operator of a shell, or
// the end of the string around it. It ends before to.
func (t *scan) word(i, to int) word {
	w := word{from: i, limit: to, opened: -1}
	p := t.plain[:min(to, i+maxWord)]
	for last := false; i < len(p) && !last; {
		slashes := 0
		for i+slashes < len(p) && p[i+slashes] == '\\' {
			slashes++
		}
		switch at := i + slashes; {
		case at == len(p):
			i = at
		case p[at] == '"' || p[at] == '\'':
			i, last = t.quoted(&w, p, at, slashes)
		case slashes > 0:
			w.add(i, at+1)
			i = at + 1
		case t.ends(p, i):
			last = true
		default:
			i = w.read(t, p, i)
		}
	}
	w.to = i
	w.cut = len(p) < to && (i >= len(p) || w.opened >= 0)
	return w
}

// whole returns w up to its end, also if that is after maxWord. Code in the rest ends
// an unquoted word, and shows a quoted one.
func (t *scan) whole(w word) word {
	if !w.cut {
		return w
	}
	end := wordEnd(t.plain[:w.limit], w.to)
	if w.opened >= 0 {
		if closed, ok := closing(t.plain[:w.limit], w.opened, w.slashes); ok {
			end = closed - 1 - w.slashes
		}
		w.code = isCode(t.plain[w.to:end])
	} else if at := substitution().FindStringIndex(t.plain[w.to:end]); at != nil {
		end = w.to + at[0]
	}
	w.add(w.to, end)
	w.to, w.cut = end, false
	return w
}

// quoted reads the string whose quote is at i, after a number of backslashes, as a
// part of a word. It returns where the string ends, and whether it is the last part:
// what follows the quote is outside the string around the word, or in another line.
func (t *scan) quoted(w *word, p string, i, slashes int) (end int, last bool) {
	first := w.from == i-slashes
	if !first && t.inside(i, slashes) {
		return i - slashes, true
	}
	end, ok := closing(p, i, slashes)
	switch {
	case !first && slashes > 0: // an escaped quote in an unquoted word
		w.add(i, i+1)
		return i + 1, false
	case !first && !ok:
		return i - slashes, true
	case !ok && len(p) < w.limit && strings.IndexByte(p[i:], '\n') < 0:
		w.opened, w.slashes, end = i, slashes, len(p)
		w.literal(t, i+1, end, p[i] == '\'')
		w.code = w.code || isCode(p[i+1:])
		return end, true
	case !ok:
		end = wordEnd(p, i+1)
		w.literal(t, i+1, end, false)
		return end, true
	}
	w.literal(t, i+1, end-1-slashes, p[i] == '\'')
	w.code = w.code || isCode(p[i+1:end-1-slashes])
	return end, false
}

// read adds the reference or the character at i, and returns what follows it.
func (w *word) read(t *scan, p string, i int) int {
	if n := w.reference(t, p, i, i > w.from && isWordByte(p[i-1])); n > 0 {
		return i + n
	}
	w.add(i, i+1)
	return i + 1
}

// ends reports whether an unquoted word ends at i.
func (t *scan) ends(p string, i int) bool {
	next := byte(' ')
	if i+1 < len(p) {
		next = p[i+1]
	}
	switch p[i] {
	case ' ', '\t', '\r', '\n', ';', '|', '&', '<', '>':
		return true
	case ')', ']', '}':
		return strings.IndexByte(" \t\r\n,:;|&)}]\"'\\", next) >= 0
	case ',':
		if strings.IndexByte(" \t\r\n\"'[{\\", next) >= 0 {
			return true
		}
		n := nameEnd(p[:min(len(p), i+40)], i+1)
		return n > i+1 && n < len(p) && (p[n] == '=' || p[n] == ':')
	}
	return false
}

func wordEnd(p string, i int) int {
	if n := strings.IndexAny(p[i:], " \t\r\n;|&<>"); n >= 0 {
		return i + n
	}
	return len(p)
}

// closing returns the end of the string that the quote at i opens after a number of
// backslashes, as a string in a string has them.
func closing(p string, i, slashes int) (end int, ok bool) {
	run := 0
	for k := i + 1; k < len(p); k++ {
		switch {
		case p[k] == '\\':
			run++
			continue
		case p[k] == '\n':
			return 0, false
		case p[k] == p[i] && p[i] == '\'' && slashes == 0 && run > 0 && !(k+1 < len(p) && isWordByte(p[k+1])):
			return k + 1, true // a shell has no escapes here
		case p[k] == p[i] && run < slashes:
			return k - run, false // the string around it ends
		case p[k] == p[i] && (run-slashes)/(slashes+1)%2 == 0:
			return k + 1, true
		}
		run = 0
	}
	return 0, false
}

// inside reports whether the quote at i, after slashes backslashes, closes a string
// that was opened before in the same line.
func (t *scan) inside(i, slashes int) bool {
	line := t.plain[max(0, i-slashes-maxWord) : i-slashes]
	line = line[strings.LastIndexByte(line, '\n')+1:]
	quote := t.plain[i : i+1]
	escaped := strings.Count(line, `\`+quote)
	if slashes > 0 {
		return escaped%2 == 1
	}
	return (strings.Count(line, quote)-escaped)%2 == 1
}

// literal adds the content of a string, without the references in it. A shell expands
// no variables in single quotes; ${…}, $(…) and the whole of '$NAME' may be of another
// program.
func (w *word) literal(t *scan, from, to int, single bool) {
	for i := from; i < to; {
		if single && i > from && t.plain[i] == '$' && !strings.HasPrefix(t.plain[i:to], "${") && !strings.HasPrefix(t.plain[i:to], "$(") {
			w.add(i, i+1)
			i++
			continue
		}
		i = w.read(t, t.plain[:to], i)
	}
}

func (w *word) add(from, to int) {
	if n := len(w.literals); n > 0 && w.literals[n-1].to == from {
		w.literals[n-1].to = to
		return
	}
	w.literals = append(w.literals, span{from, to})
}

// reference returns the length of the reference or substitution at i, or 0. The
// default in ${NAME:-default} is a literal. after means that a letter or digit is
// before i, where $NAME is more likely a part of a password.
func (w *word) reference(t *scan, p string, i int, after bool) int {
	s := p[i:]
	switch {
	case strings.HasPrefix(s, "$("), strings.HasPrefix(s, "<("), strings.HasPrefix(s, ">("):
		return balanced(s, 1, '(', ')')
	case s[0] == '`':
		return through(s, 1, "`")
	case strings.HasPrefix(s, "{{"):
		n := through(s, 2, "}}")
		fields := strings.FieldsFunc(s[2:n], func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })
		if len(fields) > 0 && len(fields) <= 2 {
			w.refs = append(w.refs, fields[len(fields)-1])
		}
		return n
	case strings.HasPrefix(s, "${"):
		n := balanced(s, 1, '{', '}')
		end := 2 + strings.IndexFunc(s[2:n]+" ", func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })
		w.refs = append(w.refs, s[2:end])
		if d := strings.TrimLeft(s[end:n], ":"); d != "" && (d[0] == '-' || d[0] == '=') && !isCode(d) {
			w.literal(t, i+n-len(d)+1, i+n-1, false)
		}
		return n
	case s[0] == '$' && len(s) > 1 && !after:
		n := 1
		for n < len(s) && (isWordByte(s[n]) || n == 4 && s[n] == ':' && s[1:4] == "env") {
			n++
		}
		name := strings.TrimPrefix(s[1:n], "env:")
		if n == 1 || s[1] >= '0' && s[1] <= '9' && n > 2 || n < len(s) && s[n] == '$' {
			return 0 // pa$$word, $6$salt
		}
		w.refs = append(w.refs, name)
		return n
	case s[0] == '%' && len(s) > 2:
		n := nameEnd(s, 1)
		if n > 1 && n < len(s) && s[n] == '%' {
			w.refs = append(w.refs, s[1:n])
			return n + 1
		}
	}
	return 0
}

// balanced returns the length of s up to the bracket that closes the one at i, or of
// all of it.
func balanced(s string, i int, open, end byte) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case open:
			depth++
		case end:
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// through returns the length of s up to the next end after i, or of all of it.
func through(s string, i int, end string) int {
	if n := strings.Index(s[i:], end); n >= 0 {
		return i + n + len(end)
	}
	return len(s)
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

// nameEnd returns the end of the name that begins at i.
func nameEnd(p string, i int) int {
	for i < len(p) {
		r, n := utf8.DecodeRuneInString(p[i:])
		if r != '_' && r != '-' && r != '.' && r != filler && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			break
		}
		i += n
	}
	return i
}
