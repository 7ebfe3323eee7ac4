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
	"github.com/mattn/go-runewidth"
	"github.com/rogpeppe/go-internal/txtar"

	"cocsync/internal/db"
	"cocsync/internal/diff"
)

// comparisonOf compares two contents as if they were v1 and v2 of a document.
func comparisonOf(old, now string) *comparison {
	c := &comparison{doc: db.Document{Account: "prod", DocumentID: "DM1", Name: "job"}, old: "v1", new: "v2",
		was: diff.Read([]byte(old)), now: diff.Read([]byte(now))}
	c.Result = diff.Compare(c.was, c.now)
	return c
}

// look is how a comparison is looked at.
type look struct {
	diffFlags
	width    int
	color    bool
	terminal bool
}

// readLook reads "side-by-side 80 color -w"; word and stat are formats, too.
func readLook(t *testing.T, name string) look {
	t.Helper()
	l := look{diffFlags: diffFlags{format: &choice{value: formatUnified}, context: patchContext}, terminal: true}
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
			t.Fatalf("no look has the word %q", word)
		}
	}
	return l
}

func (l look) at(c *comparison) string {
	var b bytes.Buffer
	p := &page{Writer: bufio.NewWriter(&b), terminal: l.terminal, color: l.color, width: l.width}
	p.diff(c, diff.Hunks(c.was, c.now, l.options()), l.diffFlags)
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

// Each golden file holds two contents, and how each look at them looks. Escapes
// stand as ␛.
func TestFormats(t *testing.T) {
	for name, file := range goldens(t) {
		c := comparisonOf(string(file.Files[0].Data), string(file.Files[1].Data))
		for i, section := range file.Files[2:] {
			got := strings.ReplaceAll(readLook(t, section.Name).at(c), "\x1b", "␛")
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

// pairs are contents to compare: those of the goldens, and ugly ones.
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
	}
	for _, file := range goldens(t) {
		list = append(list, [2]string{string(file.Files[0].Data), string(file.Files[1].Data)})
	}
	return list
}

var (
	sgr     = regexp.MustCompile("\x1b\\[[0-9;]*m")
	invalid = regexp.MustCompile("�+")
)

// Colours are all that colours add, and no document reaches a terminal as
// anything but text.
func TestColoursStrippedAreThePlainText(t *testing.T) {
	for _, pair := range pairs(t) {
		c := comparisonOf(pair[0], pair[1])
		for _, name := range []string{"unified", "unified -w", "word", "stat"} {
			l := readLook(t, name)
			// Invalid bytes in a row are one "�", but where a word ends among them.
			plain := invalid.ReplaceAllString(l.at(c), "�")
			l.color = true
			if got := invalid.ReplaceAllString(sgr.ReplaceAllString(l.at(c), ""), "�"); got != plain {
				t.Errorf("%s of %q without its colours (-want +got):\n%s", name, pair, cmp.Diff(plain, got))
			}
		}
		for _, name := range []string{"unified", "word", "dsl", "dsl 40", "side-by-side 40", "side-by-side 200"} {
			l := readLook(t, name)
			for _, l.color = range []bool{false, true} {
				got := sgr.ReplaceAllString(l.at(c), "")
				if i := strings.IndexFunc(got, func(r rune) bool { return hidden(r) && r != '\n' && r != '\t' }); i >= 0 {
					t.Errorf("%s of %q writes %q, which a terminal would obey", name, pair, got[i:min(len(got), i+10)])
				}
			}
		}
	}
}

// In a pipe a coloured patch is, but for the colours, the patch byte for byte.
func TestPatchInAPipeIsExact(t *testing.T) {
	for _, pair := range pairs(t) {
		if strings.Contains(pair[0]+pair[1], "\x1b") {
			continue // its escapes can't be told from ours
		}
		c := comparisonOf(pair[0], pair[1])
		l := look{diffFlags: diffFlags{format: &choice{value: formatUnified}, context: patchContext}, color: true}
		want := string(c.unified(l.options()))
		if got := sgr.ReplaceAllString(l.at(c), ""); got != want {
			t.Errorf("unified of %q (-want +got):\n%s", pair, cmp.Diff(want, got))
		}
	}
}

// Marks tell without colours what reverse tells with them, and nothing else
// differs.
func TestOutlineTellsTheSameWithoutColours(t *testing.T) {
	marks := strings.NewReplacer("[-", "", "-]", "", "{+", "", "+}", "")
	for _, pair := range pairs(t) {
		c := comparisonOf(pair[0], pair[1])
		l := readLook(t, "dsl")
		want := marks.Replace(l.at(c))
		l.color = true
		if got := marks.Replace(sgr.ReplaceAllString(l.at(c), "")); got != want {
			t.Errorf("dsl of %q (-plain +coloured):\n%s", pair, cmp.Diff(want, got))
		}
	}
}

// No line is wider than the terminal: the columns stay where they are.
func TestSideBySideFits(t *testing.T) {
	for _, pair := range pairs(t) {
		c := comparisonOf(pair[0], pair[1])
		for _, width := range []int{40, 80, 200} {
			l := readLook(t, "side-by-side")
			for _, l.color = range []bool{false, true} {
				l.width = width
				for line := range strings.Lines(sgr.ReplaceAllString(l.at(c), "")) {
					if got := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); got > width {
						t.Errorf("%d columns: %q is %d wide", width, line, got)
					}
				}
			}
		}
	}
}

// Wrapping cuts nothing off: the strips together are the text.
func FuzzWrapLosesNothing(f *testing.F) {
	f.Add("  timeout: 30", " seconds\tand 重启 more\u0301", uint8(10))
	f.Add("\x1b[2J\u202e\xff\xfe", "\U000e0001\u200d\t\t", uint8(8))
	f.Fuzz(func(t *testing.T, same, changed string, cells uint8) {
		s := &sheet{page: &page{}, cells: max(minCells, int(cells)), measure: widths()}
		strips := s.wrap(plain, []diff.Word{{Op: diff.Same, Text: same}, {Op: diff.Insert, Text: changed}})
		var got strings.Builder
		for i, strip := range strips {
			got.WriteString(strip.text)
			if strip.cells > s.cells || strip.cells == 0 && i > 0 {
				t.Errorf("strip %d of %q, %q has %d cells of %d", i, same, changed, strip.cells, s.cells)
			}
		}
		show := func(text string) string {
			return strings.ReplaceAll(visibleBut(strings.ToValidUTF8(text, "�"), "\t"), "\t", "")
		}
		// A tab is worth some spaces, so spaces do not count.
		blank := strings.NewReplacer(" ", "")
		want := blank.Replace(show(same) + "{+" + show(changed) + "+}")
		if blank.Replace(got.String()) != want {
			t.Errorf("wrap of %q, %q = %q, want %q but for spaces", same, changed, got.String(), want)
		}
	})
}
