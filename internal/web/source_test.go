package web

import (
	"bytes"
	"html"
	"html/template"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cocsync/internal/diff"
	"cocsync/internal/text"
)

// sourceOf returns the lines of a content.
func sourceOf(content string) (lines []sourceLine, more int) {
	return source(diff.Read([]byte(content)).Lines)
}

// colors formats a line as class(text).
func colors(line template.HTML) string {
	parts := regexp.MustCompile(`<span class="(\w+)">([^<]*)</span>`).ReplaceAllString(string(line), "$1($2)")
	return html.UnescapeString(parts)
}

func TestColors(t *testing.T) {
	lines, more := sourceOf(strings.Join([]string{
		"# all of it: 1", "meta:", "  name: restart  # why", `  quoted: "a # b" # so`, "steps:", "  - name: one", "  - - two",
		"    retries: 3", "    on: true",
		"    script: | # a script", "      key: value # no comment", "", "      done", "    after: -1.5e3", "not a key:x",
		"{a: b}: c", "  - ", "a: 'it''s'",
		`"a: \" b": "c" d`, "- >-", "  a: 1", "task: hwc:scripts@1.0.0", "url#x: y#z", ":", ": ", `open: "a`, "sign: -", "last: ~",
	}, "\n"))
	want := strings.Split(`comment(# all of it: 1)
key(meta):
  key(name): restart  comment(# why)
  key(quoted): string("a # b")comment( # so)
key(steps):
  - key(name): one
  - - two
    key(retries): literal(3)
    key(on): literal(true)
    key(script): | comment(# a script)
      key: value # no comment

      done
    key(after): literal(-1.5e3)
not a key:x
{a: b}: c
  - `+`
key(a): string('it''s')
key("a: \" b"): string("c") d
- >-
  a: 1
key(task): hwc:scripts@1.0.0
url#x: y#z
:
: `+`
key(open): string("a)
key(sign): -
key(last): literal(~)`, "\n")
	if more != 0 || len(lines) != len(want) {
		t.Fatalf("%d lines and %d more, want %d", len(lines), more, len(want))
	}
	for i, l := range lines {
		if got := colors(l.Text); got != want[i] {
			t.Errorf("line %d is %q, want %q", i+1, got, want[i])
		}
	}
	if !lines[len(lines)-1].NoEnd || lines[0].NoEnd {
		t.Error("NoEnd is wrong for the first or the last line")
	}
}

// Long contents are truncated, and further lines are counted.
func TestLongContentsAreTruncated(t *testing.T) {
	for _, tt := range []struct {
		content     string
		lines, more int
	}{
		{"", 0, 0}, {"\n", 1, 0}, {strings.Repeat("\n", maxLines), maxLines, 0}, {strings.Repeat("\n", maxLines+2) + "x", maxLines, 3},
		{strings.Repeat("x", maxShown) + "\n", 0, 1}, {"a\n" + strings.Repeat("x", maxShown) + "\nb\n", 1, 2},
	} {
		if lines, more := sourceOf(tt.content); len(lines) != tt.lines || more != tt.more {
			t.Errorf("source of %d bytes = %d lines and %d more, want %d and %d", len(tt.content), len(lines), more, tt.lines, tt.more)
		}
	}
}

// The page of any content shows each line in a row, with invisible characters replaced and
// without injected markup.
func FuzzSource(f *testing.F) {
	for _, s := range hostile() {
		f.Add([]byte("a: " + s + "\n" + s + ": |\n " + s + "\n- '" + s))
	}
	f.Add([]byte("- - \"a\\\" # b\n\t- 'c'': d\n: #\r\n\n"))
	p, err := templates()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		all := diff.Read(content).Lines
		b := &versionPage{}
		b.Lines, b.More = source(all)
		var out bytes.Buffer
		if err := p.layout["version"].ExecuteTemplate(&out, "source", b); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, l := range all[:len(all)-b.More] {
			want = append(want, text.VisibleExcept(strings.TrimSuffix(string(l), "\n"), "\t"))
		}
		var got []string
		for _, row := range parsePage(t, out.String()).all("tr") {
			line := row.all("td")[1]
			for _, name := range line.elements() {
				if !slices.Contains([]string{"span", "b", "i"}, name) {
					t.Errorf("%q becomes the element %s", content, name)
				}
			}
			line.within = slices.DeleteFunc(line.within, func(e *element) bool { return e.name == "i" }) // a remark of cocsync
			got = append(got, line.text())
		}
		if !slices.Equal(got, want) {
			t.Errorf("the page of %q shows %q, want %q", content, got, want)
		}
	})
}
