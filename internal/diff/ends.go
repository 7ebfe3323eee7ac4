package diff

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"cocsync/internal/diff/lines"
)

// limit bounds where a value can end.
type limit struct {
	from   int // the line it starts on
	line   int // the line after the last possible one
	column int // of what it belongs to, counted from 1: a block text is to the right of it
}

// rows are the lines of a content during parsing. YAML has only the start of a value;
// its end follows from what comes after it.
type rows struct {
	lines [][]byte
	// at maps YAML's lines to those of the content; nil if they are the same: YAML also
	// ends lines at a lone CR and at Unicode's line separators.
	at []int
	// filled is the last line up to each that is not empty or only a comment; -1 if there
	// is none.
	filled []int
}

func newRows(text lines.Text) rows {
	content := text.Content
	r := rows{lines: text.Lines, filled: make([]int, len(text.Lines))}
	last := -1
	for i, line := range text.Lines {
		if text := bytes.TrimSpace(line); len(text) > 0 && text[0] != '#' && string(text) != "---" && string(text) != "..." {
			last = i
		}
		r.filled[i] = last
	}
	odd := bytes.Contains(content, []byte("\u0085")) || bytes.Contains(content, []byte("\u2028")) ||
		bytes.Contains(content, []byte("\u2029")) ||
		bytes.Count(content, []byte("\r")) != bytes.Count(content, []byte("\r\n"))
	if !odd {
		return r
	}
	for i, line := range text.Lines {
		r.at = append(r.at, i)
		for len(line) > 0 {
			c, n := utf8.DecodeRune(line)
			line = line[n:]
			switch {
			case c == '\r' && (len(line) == 0 || line[0] != '\n'), c == '\u0085', c == '\u2028', c == '\u2029':
				r.at = append(r.at, i)
			}
		}
	}
	return r
}

// of returns the line that a value starts on, counted from 0.
func (r rows) of(y *yaml.Node) int {
	line := y.Line - 1
	if r.at != nil && line < len(r.at) {
		line = r.at[max(0, line)]
	}
	return max(0, min(line, len(r.lines)-1))
}

// dash returns the line of the dash before an element of a list, which can be on a
// line of its own above it.
func (r rows) dash(line, from int) int {
	if line > from && string(bytes.TrimSpace(r.lines[line-1])) == "-" {
		return line - 1
	}
	return line
}

// end returns the line after the last of a value, without comments and empty lines
// that follow it.
func (r rows) end(y *yaml.Node, n *node, l limit) int {
	first := r.of(y)
	if size := n.size(); size > 0 {
		last := n.slot(size - 1)
		end := last.at + last.lines
		if y.Style&yaml.FlowStyle != 0 && n.slot(0).at > first {
			end = r.closer(end, min(l.line, len(r.lines)))
		}
		return end
	}
	end := max(first+1, min(l.line, len(r.lines)))
	for end > first+1 && isClosers(r.lines[end-1]) && !strings.HasSuffix(y.Value, "}") && !strings.HasSuffix(y.Value, "]") {
		end-- // of the collections around it
	}
	filled := max(first, r.filled[end-1])
	if y.Style&(yaml.LiteralStyle|yaml.FoldedStyle|yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		column := l.column
		if y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			column = max(column, r.textColumn(first, end))
		}
		for end > filled+1 && !r.belongs(r.lines[end-1], y, column) {
			end--
		}
		return end
	}
	return filled + 1
}

// textColumn returns the indentation of a block text that starts after a line: that of
// its first line that is not empty. It is 0 if the text declares it.
func (r rows) textColumn(head, end int) int {
	line := r.lines[head]
	if at := bytes.LastIndexAny(line, "|>"); at < 0 || bytes.ContainsAny(line[at:], "123456789") {
		return 0
	}
	for _, line := range r.lines[min(head+1, end):end] {
		if !blank(line) {
			return len(line) - len(bytes.TrimLeft(line, " "))
		}
	}
	return 0
}

// closer returns the line after the bracket that closes a flow collection whose parts
// start on lines of their own: the first after its last part that has only closing
// brackets.
func (r rows) closer(from, limit int) int {
	for line := from; line < limit; line++ {
		text := bytes.TrimSpace(r.lines[line])
		if len(text) > 0 && (text[0] == '}' || text[0] == ']') {
			return line + 1
		}
	}
	return from
}

// isClosers reports whether a line has only closing brackets.
func isClosers(line []byte) bool {
	text := bytes.Trim(line, " \t\r\n")
	return len(text) > 0 && len(bytes.Trim(text, "]}, ")) == 0
}

// belongs reports whether a line that looks like a comment or empty, and may follow a
// quoted scalar or a block text, is its last one.
func (r rows) belongs(line []byte, y *yaml.Node, column int) bool {
	text := bytes.TrimLeft(line, " ")
	indent := len(line) - len(text)
	text = bytes.TrimSpace(text)
	block := y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch {
	case len(text) == 0: // of a block text only if it keeps empty lines
		return block && strings.HasSuffix(y.Value, "\n\n")
	case text[0] != '#':
		return false // a marker
	case block:
		return indent >= column
	case y.Style&yaml.DoubleQuotedStyle != 0:
		return bytes.IndexByte(text, '"') >= 0
	}
	return bytes.IndexByte(text, '\'') >= 0
}

func blank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }
