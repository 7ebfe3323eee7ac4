package db

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"cocsync/internal/coc"
)

// next returns a step with a further version of a document of step.
func next(id string, version int, content string) coc.Step {
	s := step(id, content)
	label, before := fmt.Sprintf("v%d", version), fmt.Sprintf("v%d", version-1)
	s.Newest, s.Versions[0].Label = label, label
	s.Changes[0].Kind, s.Changes[0].To.Label = coc.KindVersion, label
	s.Changes[0].From = coc.RevisionRef{Label: before, Number: 1}
	return s
}

// holding returns the number of documents that Lines returns for a need, and the names of
// those with a line that contains the text.
func holding(t *testing.T, d *DB, n Need, text string) (offered int, found []string) {
	t.Helper()
	seen := map[coc.Key]bool{}
	err := d.Lines(t.Context(), n, func(document coc.Key, lines []byte) error {
		if !seen[document] {
			offered++
		}
		if doc, err := d.ByKey(t.Context(), document); err != nil {
			return err
		} else if !slices.Contains(found, doc.DocumentID) && bytes.Contains(lines, []byte(text)) {
			found = append(found, doc.DocumentID)
		}
		seen[document] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return offered, found
}

// Blocks stay open until there are openBlocks of them; then all are indexed together.
func TestBlocksAreIndexedTogether(t *testing.T) {
	d, _ := open(t)
	open := func() (n int) {
		t.Helper()
		if err := d.reading(t.Context(), "blocks").row(`SELECT count(*) FROM blocks WHERE state = 'open'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	var steps []coc.Step
	for i := range openBlocks - 1 {
		steps = append(steps, step(fmt.Sprintf("DM%03d", i), fmt.Sprintf("needle%03d\n", i)))
	}
	commit(t, d, steps...)
	if n := open(); n != openBlocks-1 {
		t.Errorf("%d blocks are open, want %d", n, openBlocks-1)
	}
	commit(t, d, step("DM-last", "the last\n"))
	if n := open(); n != 0 {
		t.Errorf("%d blocks are open, want none", n)
	}
	if offered, found := holding(t, d, Need{Text: "needle007"}, "needle007"); offered != 1 || len(found) != 1 {
		t.Errorf("Lines returns %d documents and finds %q, want one", offered, found)
	}
}

// Lines returns all matching lines of open and indexed blocks, and few others of indexed ones.
func TestLinesReturnsAllMatches(t *testing.T) {
	d, _ := open(t)
	texts := map[string]string{
		"DM-plain": "a: 1\nneedle: here\n", "DM-case": "  NEEDLE: Kelvin \u212a ſ\n", "DM-indent": "\t  needle\r\nx\n",
		"DM-odd": "needle\xff\x00 \"quoted\" end", "DM-token": "übermäßig 注册 needle 步骤\n",
	}
	for id, text := range texts {
		commit(t, d, step(id, text))
	}
	check := func(when string) {
		t.Helper()
		for _, tt := range []struct {
			need Need
			text string
			want string
		}{
			{Need{Text: "needle"}, "needle", "DM-indent DM-odd DM-plain DM-token"},
			{Need{Text: "needle: h"}, "needle: h", "DM-plain"},
			{Need{Text: "kelvin k S"}, "NEEDLE", "DM-case"}, // as in (?i)
			{Need{Text: "\t  needle"}, "\t  needle", "DM-indent"},
			{Need{Text: "\"quoted\""}, "quoted", "DM-odd"},
			{Need{Text: "注册 needle"}, "注册", "DM-token"},
			{Need{Text: "ÜBERM"}, "überm", "DM-token"},
			{Need{Any: []Need{{Text: "quoted"}, {Text: "步骤"}}}, "needle", ""},
			{Need{All: []Need{{Text: "ne"}, {}}}, "NEEDLE", "DM-case"},
		} {
			_, found := holding(t, d, tt.need, tt.text)
			if want := strings.Fields(tt.want); tt.want != "" && !slices.Equal(found, want) {
				t.Errorf("%s: Lines(%+v) finds %q in %q, want %q", when, tt.need, tt.text, found, want)
			}
		}
	}
	check("open")
	if err := d.update(t.Context(), "index", (*tx).indexBlocks); err != nil {
		t.Fatal(err)
	}
	check("indexed")
	for _, tt := range []struct {
		need Need
		want int
	}{
		{Need{Text: "needle: h"}, 1}, {Need{Text: "not there"}, 0}, {Need{Text: "ne"}, 5}, {Need{}, 5},
		{Need{Any: []Need{{Text: "quoted"}, {Text: "步骤"}}}, 2}, // the second is too short: see below
		{Need{Any: []Need{{Text: "quoted"}, {}}}, 5},
		{Need{All: []Need{{Text: "quoted"}, {Text: "needle"}}}, 1},
		{Need{Text: strings.Repeat("needle", 100)}, 0},
	} {
		want := tt.want
		if slices.ContainsFunc(tt.need.Any, func(n Need) bool { return len([]rune(n.Text)) < 3 }) {
			want = 5 // an unknown need excludes no lines
		}
		if got, _ := holding(t, d, tt.need, "needle"); got != want {
			t.Errorf("Lines(%+v) returns %d documents, want %d", tt.need, got, want)
		}
	}
}

// The blocks of a document contain each line once, whether its versions are added together,
// one by one, or the blocks are rebuilt by Open.
func TestLinesAreKeptOnce(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\nb\nb\n"))
	commit(t, d, next("DM1", 2, "b\nc"), step("DM2", "a\n"))
	commit(t, d, next("DM1", 3, "c\nb\na\n"), next("DM1", 4, ""))
	want := "1: a b c\n2: a\n"
	if got := lineSet(t, d); got != want {
		t.Errorf("the line sets are\n%swant\n%s", got, want)
	}
	for _, q := range []string{`DELETE FROM blocks`, `UPDATE documents SET lines_version = 99`} {
		if _, err := d.write.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	// Readers find all lines before the blocks are rebuilt.
	if offered, _ := holding(t, d, Need{Text: "no such text"}, ""); offered != 2 {
		t.Errorf("Lines returns %d documents with other algorithms, want both", offered)
	}
	if err := d.buildLines(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := lineSet(t, d); got != want {
		t.Errorf("the rebuilt line sets are\n%swant\n%s", got, want)
	}
}

func lineSet(t *testing.T, d *DB) string {
	t.Helper()
	sets := map[int64][]string{}
	err := d.Lines(t.Context(), Need{}, func(document coc.Key, lines []byte) error {
		sets[document.ID] = append(sets[document.ID], strings.Fields(string(lines))...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for id := int64(1); id <= int64(len(sets)); id++ {
		slices.Sort(sets[id])
		fmt.Fprintf(&b, "%d: %s\n", id, strings.Join(sets[id], " "))
	}
	return b.String()
}

// A line longer than a block is found although it is not indexed.
func TestLongLines(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "short\n"+strings.Repeat("x", blockSize)+"needle\nshort too\n"))
	if err := d.update(t.Context(), "index", (*tx).indexBlocks); err != nil {
		t.Fatal(err)
	}
	if _, found := holding(t, d, Need{Text: "needle"}, "xneedle"); len(found) != 1 {
		t.Error("the long line was not found")
	}
}

// folded returns the same rune for all runes that a case-insensitive pattern treats as equal.
func TestFolded(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if f := folded(unicode.SimpleFold(r)); r != 0 && f != folded(r) {
			t.Fatalf("folded(%q) = %q, but folded(%q) = %q", r, folded(r), unicode.SimpleFold(r), f)
		}
	}
}

// Open builds the lines of an archive of an earlier release.
func TestLinesOfAnOldArchive(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "needle\n"))
	path := filepath.Join(t.TempDir(), "old.db")
	if err := d.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	alter(t, path, `UPDATE documents SET lines_version = 0`, `DELETE FROM blocks`, `INSERT INTO trigrams (trigrams) VALUES ('delete-all')`)
	again, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := lineSet(t, again); got != "1: needle\n" {
		t.Errorf("the line sets are %q", got)
	}
}
