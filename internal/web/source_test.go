package web

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// written is what tokens say, without their colours.
func written(tokens []token) string {
	var b strings.Builder
	for _, t := range tokens {
		for _, p := range t.Text {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// colours writes tokens as class(text).
func colours(tokens []token) string {
	var b strings.Builder
	for _, t := range tokens {
		text := written([]token{t})
		if t.Class != "" {
			text = t.Class + "(" + text + ")"
		}
		b.WriteString(text)
	}
	return b.String()
}

func TestColours(t *testing.T) {
	lines, more := source([]byte(strings.Join([]string{
		"# all of it", "meta:", "  name: restart  # why", `  quoted: "a # b"`, "steps:", "  - name: one", "  - - two", "    retries: 3", "    on: true",
		"    script: |", "      key: value # no comment", "", "      done", "    after: -1.5e3", "not a key:x", "{a: b}: c", "  - ", "last: ~",
	}, "\n")))
	want := strings.Split(`comment(# all of it)
key(meta):
  key(name): restart comment( # why)
  key(quoted): string("a # b")
key(steps):
  - key(name): one
  - - two
    key(retries): literal(3)
    key(on): literal(true)
    key(script): |
      key: value # no comment

      done
    key(after): literal(-1.5e3)
not a key:x
{a: b}: c
  - `+`
key(last): literal(~)`, "\n")
	if more != 0 || len(lines) != len(want) {
		t.Fatalf("%d lines and %d more, want %d", len(lines), more, len(want))
	}
	for i, l := range lines {
		if got := colours(l.Text); got != want[i] {
			t.Errorf("line %d is %q, want %q", i+1, got, want[i])
		}
	}
	if !lines[len(lines)-1].NoEnd || lines[0].NoEnd {
		t.Error("the last line has no end, and the others have one")
	}
}

func TestLongContentsAreCut(t *testing.T) {
	for end, want := range map[string]int{"": 1, "\n": 1, "\nx": 2, "\nx\n": 2} {
		lines, more := source([]byte(strings.Repeat("a\n", maxLines) + "b" + end))
		if len(lines) != maxLines || more != want {
			t.Errorf("with %q at the end %d lines are shown and %d not, want %d", end, len(lines), more, want)
		}
	}
}

// Whatever a content is, its lines say what it says.
func FuzzSource(f *testing.F) {
	for _, s := range []string{"a: b\n", "<script>alert(1)</script>", "a: |\n  b\n\r\n", "\xff\xfe: \u202e", "- - : #", "a: 'b\n", "\x00\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		lines, more := source(content)
		var got []string
		for _, l := range lines {
			got = append(got, written(l.Text))
		}
		var want []string
		for line := range bytes.Lines(content) {
			want = append(want, written([]token{{"", visible(strings.TrimSuffix(string(line), "\n"), "\t")}}))
		}
		if len(want) > maxLines {
			if more != len(want)-maxLines {
				t.Fatalf("%d lines are not shown, want %d", more, len(want)-maxLines)
			}
			want = want[:maxLines]
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("the lines of %q say %q, want %q", content, got, want)
		}
		for _, l := range got {
			if !utf8.ValidString(l) {
				t.Fatalf("%q is no text", l)
			}
		}
	})
}
