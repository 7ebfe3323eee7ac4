// Package difftest helps to test code that compares contents.
package difftest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Apply applies a patch in unified format, independently of the code that writes it.
// It returns an error for a patch that does not match.
func Apply(old, patch []byte) ([]byte, error) {
	if len(patch) == 0 {
		return old, nil
	}
	oldLines, lines := bytes.SplitAfter(old, []byte("\n")), bytes.SplitAfter(patch, []byte("\n"))
	var out []byte
	at := 0
	copyTo := func(line int) {
		for ; at < line; at++ {
			out = append(out, oldLines[at]...)
		}
	}
	for i := 2; i < len(lines) && len(lines[i]) > 0; i++ {
		line := lines[i]
		if line[0] == '@' {
			start, count, ok := strings.Cut(strings.TrimPrefix(strings.Fields(string(line))[1], "-"), ",")
			n, err := strconv.Atoi(start)
			if err != nil {
				return nil, fmt.Errorf("header %q: %w", line, err)
			}
			if ok && count == "0" {
				n++ // an empty side starts at the line before
			}
			copyTo(n - 1)
			continue
		}
		text := line[1:]
		if i+1 < len(lines) && bytes.HasPrefix(lines[i+1], []byte(`\ No newline`)) {
			text = bytes.TrimSuffix(text, []byte("\n"))
		}
		switch line[0] {
		case ' ', '-':
			if at >= len(oldLines) || !bytes.Equal(oldLines[at], text) {
				return nil, fmt.Errorf("line %d of the patch, %q, is not at line %d of old", i+1, line, at+1)
			}
			at++
		}
		switch line[0] {
		case ' ', '+':
			out = append(out, text...)
		case '-', '\\':
		default:
			return nil, fmt.Errorf("line %d of the patch is %q", i+1, line)
		}
	}
	copyTo(len(oldLines))
	return out, nil
}

// Pairs are contents that break careless patches.
func Pairs() [][2]string {
	many := strings.Repeat("a\nb\nc\nd\ne\nf\ng\nh\n", 8)
	return [][2]string{
		{"", "a\n"}, {"a\n", ""}, {"", "a"}, {"a", ""}, {"", "\n"}, {"\n", ""},
		{"a", "a\n"}, {"a\n", "a"}, {"a", "b"}, {"a\nb", "a\nc\n"}, {"a\nb\n", "a\nc"},
		{"x\na", "y\na"}, {"a\r\nb\r\n", "a\nb\n"}, {"a\r\nb\r\n", "a\r\nc\r\n"}, {"a\rb", "a\rc"},
		{"a\tb\n", "a b\n"}, {"é\n", "e\u0301\n"}, {"价格\n", "价 格\n"}, {"\xff\xfe\n", "\xff\n"},
		{"a\x00b\n", "a\x00c\n"}, {"--- a\n", "+++ b\n"}, {"-- \n", "++ \n"}, {"@@ -1 +1 @@\n", "@@\n"},
		{"\\ No newline at end of file\n", "\\\n"}, {"diff --git a/x b/x\n", "index 1..2\n"},
		{"\n\n\n", "\n\n"}, {" \n", "  \n"}, {"a\n\n", "a\n"}, {"\u2028\n", "\u2029\n"},
		{many, strings.Replace(many, "d\n", "D\n", 5)}, {many, "x\n" + many + "y"}, {many, many[16:]},
		{many, strings.ReplaceAll(many, "e\n", "")}, {many, many + many[:9]},
	}
}
