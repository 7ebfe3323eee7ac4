package web

import (
	"bytes"
	"strconv"
	"strings"
)

// The most of a content that one page shows.
const (
	maxLines = 20000
	maxShown = 1 << 20 // bytes; COC takes 64 KB
)

// sourceLine is a line of a content.
type sourceLine struct {
	Number int
	Text   []token
	NoEnd  bool // it is the last, and no newline ends it
}

// token is a piece of a line in one colour.
type token struct {
	Class string // key, string, literal or comment; "" for the rest
	Text  pieces
}

// source lays out the lines of a content, as far as there is room for them. more is how
// many of them there are besides.
func source(all [][]byte) (lines []sourceLine, more int) {
	var p painter
	room := maxShown
	for i, line := range all {
		if room -= len(line); room < 0 || i == maxLines {
			return lines, len(all) - i
		}
		lines = append(lines, sourceLine{i + 1, p.line(line), !bytes.HasSuffix(line, []byte("\n"))})
	}
	return lines, 0
}

// painter colours the lines of a content one after the other, in time with their
// length. It knows of YAML what one sees at a glance; whatever it takes a text for, it
// alters none of it.
type painter struct {
	block  bool // in a block scalar,
	indent int  // whose lines stand further in than this
}

// maxPainted is how much of a line is coloured, in bytes.
const maxPainted = 2000

// line returns a line without its end, in colours.
func (p *painter) line(line []byte) []token {
	s := strings.TrimSuffix(string(line), "\n")
	body := strings.TrimLeft(s, " ")
	in := len(s) - len(body)
	if p.block = p.block && (body == "" || in > p.indent); p.block || len(s) > maxPainted {
		return []token{{"", visible(s, "\t")}}
	}
	for strings.HasPrefix(body, "- ") {
		in += 2
		body = body[2:]
	}
	var t tokens
	t.add("", s[:len(s)-len(body)])
	n := keyLength(body)
	t.add("key", body[:n])
	if n == 0 {
		in -= 2 // of a dash: a block stands further in than that
	}
	p.value(body[n:], in, &t)
	return t
}

// tokens is a line that is being coloured.
type tokens []token

func (t *tokens) add(class, s string) {
	if s != "" {
		*t = append(*t, token{class, visible(s, "\t")})
	}
}

// value colours what stands behind a key, or in its place.
func (p *painter) value(s string, in int, t *tokens) {
	word := strings.TrimLeft(s, ": ")
	t.add("", s[:len(s)-len(word)])
	class := ""
	end := strings.Index(" "+word, " #") // where a comment begins
	switch n := quotedLength(word); {
	case n > 0:
		class, end = "string", n
	case strings.HasPrefix(word, "|") || strings.HasPrefix(word, ">"):
		p.block, p.indent = true, in
		fallthrough
	default:
		if end < 0 {
			end = len(word)
		}
		class = literal(word[:end])
	}
	t.add(class, word[:end])
	rest := word[end:]
	if class = ""; strings.HasPrefix(strings.TrimLeft(rest, " "), "#") {
		class = "comment"
	}
	t.add(class, rest)
}

// keyLength is the length of the key that a text begins with; 0 for none.
func keyLength(s string) int {
	n := quotedLength(s)
	if n == 0 {
		n = strings.IndexByte(s, ':')
	}
	if n <= 0 || n == len(s) || s[n] != ':' || n+1 < len(s) && s[n+1] != ' ' {
		return 0
	}
	if s[0] != '"' && s[0] != '\'' && strings.ContainsAny(s[:n], "{}[],#&*!|>%@`") {
		return 0
	}
	return n
}

// quotedLength is the length of the quoted string that a text begins with, up to its
// end where no quote closes it; 0 for none.
func quotedLength(s string) int {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] == s[0] && s[0] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return len(s)
}

// literal is the class of a word that is no text to YAML.
func literal(word string) string {
	switch word = strings.TrimSpace(word); word {
	case "":
		return ""
	case "true", "false", "null", "~":
		return "literal"
	}
	if c := word[0]; c != '-' && c != '+' && (c < '0' || c > '9') {
		return ""
	}
	if _, err := strconv.ParseFloat(word, 64); err != nil {
		return ""
	}
	return "literal"
}
