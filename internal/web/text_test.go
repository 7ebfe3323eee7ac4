package web

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a reader can't see is spelled, and only that.
func TestVisible(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want text
	}{
		{"", nil},
		{"plain é 日本\u3000語 שלום 🙂 \ufffd", text{{Text: "plain é 日本\u3000語 שלום 🙂 \ufffd"}}},
		{"a\x1b[31m", text{{Text: "a"}, {Raw: true, Text: "^["}, {Text: "[31m"}}},
		{"\x00\x7f\u0085", text{{Raw: true, Text: "^@^?<U+0085>"}}},
		{"a\tb\nc", text{{Text: "a\tb"}, {Raw: true, Text: "^J"}, {Text: "c"}}},
		{"x\u202ey", text{{Text: "x"}, {Raw: true, Text: "<U+202E>"}, {Text: "y"}}},
		{"\u00a0\u00ad\u200b\ufeff\u2028", text{{Raw: true, Text: "<U+00A0><U+00AD><U+200B><U+FEFF><U+2028>"}}},
		{"\ue000\ufffe\U000e0041", text{{Raw: true, Text: "<U+E000><U+FFFE><U+E0041>"}}},
		{"a\xff\xc3", text{{Text: "a"}, {Raw: true, Text: "<FF><C3>"}}},
	} {
		if d := cmp.Diff(tt.want, visible(tt.in, "\t")); d != "" {
			t.Errorf("visible(%q) (-want +got):\n%s", tt.in, d)
		}
	}
}
