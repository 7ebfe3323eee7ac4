package web

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
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
	Text  text
}

// source lays a content out in lines. more is how many of them there are besides.
func source(content []byte) (lines []sourceLine, more int) {
	var p painter
	for number := 1; len(content) > 0; number++ {
		if number > maxLines {
			return lines, bytes.Count(content, []byte("\n")) + 1 - b2i(bytes.HasSuffix(content, []byte("\n")))
		}
		line, rest, ended := bytes.Cut(content, []byte("\n"))
		lines = append(lines, sourceLine{number, p.line(line), !ended})
		content = rest
	}
	return lines, 0
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
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

func (p *painter) line(line []byte) []token {
	s := strings.TrimSuffix(string(line), "\n")
	body := strings.TrimLeft(s, " ")
	in := len(s) - len(body)
	if p.block = p.block && (body == "" || in > p.indent); p.block || len(s) > maxPainted {
		return []token{{"", visible(s, "\t")}}
	}
	var t []token
	add := func(class, s string) {
		if s != "" {
			t = append(t, token{class, visible(s, "\t")})
		}
	}
	for strings.HasPrefix(body, "- ") {
		in += 2
		body = body[2:]
	}
	add("", s[:len(s)-len(body)])
	if strings.HasPrefix(body, "#") {
		add("comment", body)
		return t
	}
	value := body
	if n := keyLength(body); n > 0 {
		add("key", body[:n])
		value = body[n:]
	}
	p.value(value, in, add)
	return t
}

// value colours what stands behind a key, or in its place.
func (p *painter) value(s string, in int, add func(class, s string)) {
	word := strings.TrimLeft(s, ": ")
	add("", s[:len(s)-len(word)])
	class := ""
	switch {
	case strings.HasPrefix(word, `"`) || strings.HasPrefix(word, "'"):
		class = "string"
	case strings.HasPrefix(word, "|") || strings.HasPrefix(word, ">"):
		p.block, p.indent = true, in
	default:
		if at := strings.Index(word, " #"); at >= 0 {
			add(literal(word[:at]), word[:at])
			add("comment", word[at:])
			return
		}
		class = literal(word)
	}
	add(class, word)
}

// keyLength is the length of the key that a text begins with; 0 for none.
func keyLength(s string) int {
	n := strings.IndexByte(s, ':')
	if n <= 0 || n+1 < len(s) && s[n+1] != ' ' || strings.ContainsAny(s[:n], "{}[],#&*!|>%@`") {
		return 0
	}
	return n
}

// literal is the class of a word that is no text to YAML.
func literal(word string) string {
	word = strings.TrimSpace(word)
	switch word {
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

// line is the address of a line of the version's content.
func (h *versionHead) line(n int) string { return fmt.Sprintf("%s#L%d", h.URL, n) }
