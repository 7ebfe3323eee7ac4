package web

import (
	"bytes"
	"html/template"
	"strconv"
	"strings"

	"cocsync/internal/query"
)

// Limits of a content on one page.
const (
	maxLines = 20000
	maxShown = 1 << 20 // bytes; COC accepts 64 KB
)

// sourceLine is a line of a content.
type sourceLine struct {
	Number  int
	Text    template.HTML // with parts in color
	NoEnd   bool          // the last line, without a newline
	AddedBy *query.Blamed // who added it and the lines after it; nil: not shown here
}

// source returns the lines of a content up to maxLines and maxShown, and the number of
// further lines.
func source(all [][]byte) (lines []sourceLine, more int) {
	var p painter
	left := maxShown
	for i, line := range all {
		left -= len(line)
		if left < 0 || i == maxLines {
			return lines, len(all) - i
		}
		lines = append(lines, sourceLine{Number: i + 1, Text: p.line(line), NoEnd: !bytes.HasSuffix(line, []byte("\n"))})
	}
	return lines, 0
}

// painter highlights the lines of a content in sequence, in linear time. It recognizes
// only simple YAML. It never changes the text.
type painter struct {
	block  bool // the line is in a block scalar
	indent int  // the lines of the block scalar are indented more than this
}

// maxPainted is the maximum length of a highlighted line in bytes.
const maxPainted = 2000

// line returns a line without its newline, with the parts of one color in elements of class
// key, string, literal or comment.
func (p *painter) line(line []byte) template.HTML {
	s := strings.TrimSuffix(string(line), "\n")
	body := strings.TrimLeft(s, " ")
	in := len(s) - len(body)
	p.block = p.block && (body == "" || in > p.indent)
	if p.block || len(s) > maxPainted {
		return colored("", s)
	}
	for strings.HasPrefix(body, "- ") {
		in += 2
		body = body[2:]
	}
	n := keyLength(body)
	if n == 0 {
		in -= 2 // a block in a list item is indented more than the dash
	}
	return colored("", s[:len(s)-len(body)]) + colored("key", body[:n]) + p.value(body[n:], in)
}

// value highlights a value, after a key or without one.
func (p *painter) value(s string, in int) template.HTML {
	word := strings.TrimLeft(s, ": ")
	class := ""
	end := strings.Index(" "+word, " #") // the start of a comment
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
	rest := colored("", word[end:])
	if strings.HasPrefix(strings.TrimLeft(word[end:], " "), "#") {
		rest = colored("comment", word[end:])
	}
	return colored("", s[:len(s)-len(word)]) + colored(class, word[:end]) + rest
}

// keyLength returns the length of the key at the start of s; 0 for none.
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

// quotedLength returns the length of the quoted string at the start of s; 0 for none. An
// unclosed string extends to the end of s.
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

// literal returns the class of a word that YAML does not parse as a string.
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
