package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"cocsync/internal/diff"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// comparisonOf compares two contents as if they were v1 and v2 of a document.
func comparisonOf(old, now string) *query.Comparison {
	return &query.Comparison{Document: query.Document{Ref: query.Ref{Account: "prod", DocumentID: "DM1", Name: "job"}}, Old: "v1", New: "v2",
		Was: diff.Read([]byte(old)), Now: diff.Read([]byte(now))}
}

// view is a format with its options.
type view struct {
	diffFlags
	width int
	color bool
	exact bool
}

// parseView parses a view such as "side-by-side 80 color -w". word and stat are formats too.
func parseView(t *testing.T, name string) view {
	t.Helper()
	l := view{diffFlags: diffFlags{format: &choice{value: formatUnified}, context: query.PatchContext}}
	for word := range strings.FieldsSeq(name) {
		switch n, err := strconv.Atoi(word); {
		case err == nil:
			l.width = n
		case word == "color":
			l.color = true
		case word == "-w":
			l.ignoreSpace = true
		case word == "word":
			l.word = true
		case word == "stat":
			l.stat = true
		case word == formatDSL, word == formatSide, word == formatUnified:
			l.format.value = word
		default:
			t.Fatalf("unknown option %q", word)
		}
	}
	return l
}

func (l view) at(c *query.Comparison) string {
	var b bytes.Buffer
	p := &page{Writer: &term.Writer{Writer: bufio.NewWriter(&b), Exact: l.exact, Color: l.color, Width: l.width}}
	p.diff(c, diff.Hunks(c.Was, c.Now, l.options()), l.diffFlags)
	p.Flush()
	return b.String()
}

func goldens(t *testing.T) map[string]*txtar.Archive {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "diff", "*.txtar"))
	must(t, err)
	all := map[string]*txtar.Archive{}
	for _, name := range files {
		all[name], err = txtar.ParseFile(name)
		must(t, err)
	}
	if len(all) == 0 {
		t.Fatal("no golden files")
	}
	return all
}

// Each golden file has two contents and their diff in several formats. Escape characters
// are written as ␛.
func TestFormats(t *testing.T) {
	for name, file := range goldens(t) {
		c := comparisonOf(string(file.Files[0].Data), string(file.Files[1].Data))
		for i, section := range file.Files[2:] {
			got := strings.ReplaceAll(parseView(t, section.Name).at(c), "\x1b", "␛")
			if *update {
				file.Files[2+i].Data = []byte(got)
			} else if diff := cmp.Diff(string(section.Data), got); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", name, section.Name, diff)
			}
		}
		if *update {
			must(t, os.WriteFile(name, txtar.Format(file), 0o600))
		}
	}
}

// pairs returns contents to compare: those of the goldens, and unusual ones.
func pairs(t *testing.T) [][2]string {
	t.Helper()
	list := [][2]string{
		{"", "a\n"},
		{"a\n", ""},
		{"a", "a\n"},
		{"a\n", "a"},
		{"a", "b"},
		{"steps:\n- name: \x1b[2Jx\n", "steps:\n- name: \x1b]0;owned\x07y\n"},
		{"a: \u202eb\u009b31m\n", "a: \u2066b\u200b\n"},
		{"a: \xff\xfe b\n", "a: \xff\xfd b\r\n\x00"},
		{"a:\tb\t重启\tc\n", "a:\tb\t重启\u0301\td\n"},
		{strings.Repeat("word ", 400) + "\n", strings.Repeat("word ", 399) + "last\n"},
		{strings.Repeat("重", 300), strings.Repeat("启", 300) + strings.Repeat("\u0301", 300)},
		{"a: [-b-] {+c+}\n", "a: [-b-] {+d+}\n"},
		{"@@ -1 +1 @@\n--- a\n", "@@ -1 +1 @@\n+++ a\n\\ No newline\n"},
		{"a: b\n", "a:  b\n"},
		{"a: " + strings.Repeat("👍🏽☀️", 60) + "\n", "a: " + strings.Repeat("👍🏽☀️", 59) + "👍☀\n"},
		{"a: 👍 e\n", "a: 👍🏽 e\u0301\n"},
		{"a: {b: 1, c: " + strings.Repeat("long ", 60) + "}\n", "a: {b: 1}\n"},
		{"steps: []\n", "steps: [{name: " + strings.Repeat("name", 30) + ", task: " + strings.Repeat("task", 30) + "}]\nx: " +
			strings.Repeat("y ", 90) + "\n"},
	}
	for _, file := range goldens(t) {
		list = append(list, [2]string{string(file.Files[0].Data), string(file.Files[1].Data)})
	}
	return list
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Without its escape sequences, colored output equals plain output, and no control
// character of a document reaches the terminal.
func TestColorsAddNoText(t *testing.T) {
	for _, pair := range pairs(t) {
		c := comparisonOf(pair[0], pair[1])
		for _, name := range []string{"unified", "unified -w", "word", "stat"} {
			l := parseView(t, name)
			plain := l.at(c)
			l.color = true
			if got := sgr.ReplaceAllString(l.at(c), ""); got != plain {
				t.Errorf("%s of %q without its colors (-want +got):\n%s", name, pair, cmp.Diff(plain, got))
			}
		}
		for _, name := range []string{"unified", "word", "dsl", "dsl 40", "side-by-side 40", "side-by-side 200"} {
			l := parseView(t, name)
			for _, l.color = range []bool{false, true} {
				got := sgr.ReplaceAllString(l.at(c), "")
				if i := strings.IndexFunc(got, func(r rune) bool { return text.Hidden(r) && r != '\n' && r != '\t' }); i >= 0 {
					t.Errorf("%s of %q writes %q, which a terminal would obey", name, pair, got[i:min(len(got), i+10)])
				}
			}
		}
	}
}

// Different invalid bytes are shown differently.
func TestInvalidBytesAreShown(t *testing.T) {
	c := comparisonOf("a: \xff\xfe\n", "a: \xff\xfd\ufffd\n")
	for name, want := range map[string]string{
		"unified":         "-a: <FF><FE>\n+a: <FF><FD>\ufffd\n",
		"side-by-side 60": "1 a: <FF>[-<FE>-]            ~ 1 a: <FF>{+<FD>\ufffd+}\n",
		"word":            "<FE>",
	} {
		if got := parseView(t, name).at(c); !strings.Contains(got, want) {
			t.Errorf("%s = %q, want %q in it", name, got, want)
		}
	}
	if got, want := text.Visible("\xfe\xfd\u00e9\xc3\ufffd\x1b"), "<FE><FD>\u00e9<C3>\ufffd^["; got != want {
		t.Errorf("visible = %q, want %q", got, want)
	}
}

// Only patches are exact in a pipe; in other formats, control characters are made visible.
func TestOnlyPatchesAreExact(t *testing.T) {
	c := comparisonOf("a: \x1b[31m  b\r\n", "a: \x1b[32m b\r\n")
	for _, name := range []string{"unified", "unified -w", "word", "side-by-side", "dsl", "stat"} {
		l := parseView(t, name)
		l.exact = true
		if got := strings.Contains(l.at(c), "\x1b"); got != (name == "unified") {
			t.Errorf("%s in a pipe = %q", name, l.at(c))
		}
	}
}

// In a pipe, a colored patch without its escape sequences equals the patch.
func TestPatchInPipeIsExact(t *testing.T) {
	for _, pair := range pairs(t) {
		if strings.Contains(pair[0]+pair[1], "\x1b") {
			continue // its escapes look like those of colors
		}
		c := comparisonOf(pair[0], pair[1])
		l := view{diffFlags: diffFlags{format: &choice{value: formatUnified}, context: query.PatchContext}, color: true, exact: true}
		want := string(c.Patch(l.options()))
		if got := sgr.ReplaceAllString(l.at(c), ""); got != want {
			t.Errorf("unified of %q (-want +got):\n%s", pair, cmp.Diff(want, got))
		}
	}
}

// An outline without colors marks the same words by brackets, and has no other difference.
func TestOutlineWithoutColors(t *testing.T) {
	marks := strings.NewReplacer("[-", "", "-]", "", "{+", "", "+}", "")
	for _, pair := range pairs(t) {
		c := comparisonOf(pair[0], pair[1])
		l := parseView(t, "dsl")
		want := marks.Replace(l.at(c))
		l.color = true
		if got := marks.Replace(sgr.ReplaceAllString(l.at(c), "")); got != want {
			t.Errorf("dsl of %q (-plain +colored):\n%s", pair, cmp.Diff(want, got))
		}
	}
}

// No line is wider than the terminal, and wrapped lines keep columns and indents.
func TestViewFits(t *testing.T) {
	for _, pair := range pairs(t) {
		c := comparisonOf(pair[0], pair[1])
		c.Result().Reason = "structure not read: " + strings.Repeat("because ", 40)
		for _, width := range []int{40, 80, 200} {
			for _, name := range []string{formatSide, formatDSL} {
				l := parseView(t, name)
				l.width = width
				for _, l.color = range []bool{false, true} {
					for line := range strings.Lines(sgr.ReplaceAllString(l.at(c), "")) {
						if got := term.Width(strings.TrimSuffix(line, "\n")); got > width {
							t.Errorf("%s, %d columns: %q is %d wide", name, width, line, got)
						}
					}
				}
			}
		}
	}
}

// A removed item shows its old line, even if it shared the line with an item that is kept.
func TestRemovedItemShowsOldLine(t *testing.T) {
	c := comparisonOf("x: 1\na: {b: 1, c: 2}\n", "a: {b: 1}\n")
	if got := parseView(t, "dsl").at(c); !strings.Contains(got, "- c  2  was line 2\n") {
		t.Errorf("dsl = %s, want c to have been on line 2", got)
	}
}
