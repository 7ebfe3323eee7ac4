package main

import (
	"bufio"
	"bytes"
	"html"
	"regexp"
	"strings"
	"testing"

	"cocsync/internal/term"
	"cocsync/internal/text"
)

// A text from outside is shown literally, and neither breaks a table nor becomes a link, a
// heading or HTML.
func TestCode(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"restart-nodes", "`restart-nodes`"},
		{"", "(empty)"},
		{"a|b", "`a`&#124;`b`"},
		{`a\|b`, "`a\\`&#124;`b`"},
		{"||", "&#124;&#124;"},
		{"`", "&#96;"},
		{"a `b` ``c", "`a `&#96;`b`&#96;` `&#96;&#96;`c`"},
		{`end\`, "`end\\`"},
		{"[x](http://evil.example)", "`[x](http://evil.example)`"},
		{"www.evil.example a@evil.example", "`www.evil.example a@evil.example`"},
		{"<script>*_#~$&amp;", "`<script>*_#~$&amp;`"},
		{"a\n# b\r\n\n| c |", "`a^J# b^M^J^J`&#124;`  c  `&#124;"},
		{"\x1b[31m\u202e\u2028\x85", "`^[[31m<U+202E><U+2028><85>`"},
		{" a ", "`  a  `"},
		{"  ", "`  `"},
	} {
		if got := code(tt.text); got != tt.want {
			t.Errorf("code(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
}

// Outside of the spans there are only the two character references, and the text can be
// decoded from both.
func FuzzCode(f *testing.F) {
	f.Add("a|b`c\\|` ``")
	f.Add(" <b>\n")
	span := regexp.MustCompile("`([^`|]+)`|(&#124;|&#96;)")
	f.Fuzz(func(t *testing.T, raw string) {
		got := code(raw)
		if raw == "" || strings.ContainsFunc(got, func(r rune) bool { return text.Hidden(r) || r == '|' }) {
			if raw != "" {
				t.Errorf("code(%q) = %q", raw, got)
			}
			return
		}
		var back strings.Builder
		rest := span.ReplaceAllStringFunc(got, func(s string) string {
			if part, ok := strings.CutPrefix(s, "`"); ok {
				part = strings.TrimSuffix(part, "`")
				if strings.HasPrefix(part, " ") && strings.HasSuffix(part, " ") && strings.Trim(part, " ") != "" {
					part = part[1 : len(part)-1]
				}
				back.WriteString(part)
			} else {
				back.WriteString(html.UnescapeString(s))
			}
			return ""
		})
		if rest != "" || back.String() != text.Visible(raw) {
			t.Errorf("code(%q) = %s, which reads %q and leaves %q", raw, got, back.String(), rest)
		}
	})
}

// Every row of a table has the same number of cells, for any text.
func TestGrid(t *testing.T) {
	var b bytes.Buffer
	p := &page{Writer: &term.Writer{Writer: bufio.NewWriter(&b)}}
	if n, err := p.grid([]string{"Name", "N"}, rowsOf([][]string{{code("a|b"), "1"}, {code("名前\n|"), "22"}})); n != 2 || err != nil {
		t.Errorf("grid = %d, %v, want 2", n, err)
	}
	p.Flush()
	const want = "" +
		"| Name           | N  |\n" +
		"|----------------|----|\n" +
		"| `a`&#124;`b`   | 1  |\n" +
		"| `名前^J`&#124; | 22 |\n"
	if got := b.String(); got != want {
		t.Errorf("grid =\n%swant\n%s", got, want)
	}
}
