package term

import (
	"strings"
	"testing"
	"unicode/utf8"

	"cocsync/internal/text"
)

// A character that a reader sees as one is not split at the end of a line, across
// spans too.
func TestWrapKeepsCharactersWhole(t *testing.T) {
	for _, glyph := range []string{"👍🏽", "☀️", "e\u0301", "🇩🇪", "각"} {
		for pad := range 9 {
			_, size := utf8.DecodeRuneInString(glyph)
			var got []string
			for _, strip := range new(Writer).Wrap(MinWidth, Span{Text: strings.Repeat("x", pad) + glyph[:size]},
				Span{Text: glyph[size:] + "yyyyyyyy"}) {
				got = append(got, strip.Text)
				if n := Width(strip.Text); n != strip.Width || n > MinWidth {
					t.Errorf("strip %q is %d wide, and its Width is %d", strip.Text, n, strip.Width)
				}
			}
			if !strings.Contains(strings.Join(got, "|"), glyph) {
				t.Errorf("%q is torn in %q", glyph, got)
			}
		}
	}
}

// Prose breaks lines at spaces if there are any.
func TestProseKeepsWords(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"one two three", "one two three\n"},
		{"seventeen letters and  more of them", "seventeen letters\n    and  more of them\n"},
		{"reinstitutionalisation and", "reinstitutionalis\n    ation and\n"},
		{"four and twelve 重启重启重启重启重启   ", "four and twelve\n    重启重启重启重启\n    重启\n"},
		{"", "\n"},
	} {
		if got := written(21, false, func(w *Writer) { w.Prose("", Plain, tt.text) }); got != tt.want {
			t.Errorf("Prose(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Flow puts on a line what fits, and on a terminal wraps what fits on no line.
func TestFlow(t *testing.T) {
	for _, tt := range []struct {
		width int
		parts []string
		want  string
	}{
		{0, []string{"name", "value", "", "note"}, "  name  value  note\n"},
		{0, []string{"name", "a value of many columns"}, "  name\n      a value of many columns\n"},
		{20, []string{"name", "a value of many columns", "x"}, "  name\n      a value of\n      many columns\n      x\n"},
	} {
		got := written(tt.width, false, func(w *Writer) {
			var parts []Span
			for _, p := range tt.parts {
				parts = append(parts, Span{Text: p})
			}
			w.Flow("  ", 20, parts...)
		})
		if got != tt.want {
			t.Errorf("Flow(%q) at width %d = %q, want %q", tt.parts, tt.width, got, tt.want)
		}
	}
}

// Wrapping loses nothing: the strips together are the text.
func FuzzWrapLosesNothing(f *testing.F) {
	f.Add("  timeout: 30", " seconds\tand 重启 more\u0301", uint8(10))
	f.Add("👍🏽☀️ 🇩🇪🇩🇪", "🏽🏽🏽🏽🏽🏽", uint8(8))
	f.Add("\x1b[2J\u202e\xff\xfe", "\U000e0001\u200d\t\t", uint8(8))
	f.Fuzz(func(t *testing.T, first, second string, columns uint8) {
		width := max(MinWidth, int(columns))
		var got strings.Builder
		for i, strip := range new(Writer).Wrap(width, Span{Text: first}, Span{Text: second}) {
			got.WriteString(strip.Text)
			if strip.Width > width || strip.Width == 0 && i > 0 {
				t.Errorf("strip %d of %q, %q has %d columns of %d", i, first, second, strip.Width, width)
			}
		}
		// A tab counts as some spaces, so spaces do not count.
		blank := strings.NewReplacer(" ", "", "\t", "")
		want := blank.Replace(text.VisibleExcept(first, "\t") + text.VisibleExcept(second, "\t"))
		if blank.Replace(got.String()) != want {
			t.Errorf("wrap of %q, %q = %q, want %q but for spaces", first, second, got.String(), want)
		}
	})
}
