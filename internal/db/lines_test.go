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

// next is a further version of a document that step made.
func next(id string, version int, content string) coc.Step {
	s := step(id, content)
	label, before := fmt.Sprintf("v%d", version), fmt.Sprintf("v%d", version-1)
	s.Newest, s.Versions[0].Label = label, label
	s.Changes[0].Kind, s.Changes[0].To.Label = coc.KindVersion, label
	s.Changes[0].From = coc.RevisionRef{Label: before, Number: 1}
	return s
}

// holding returns the documents that Lines offers for a need, and in which a line holds
// the text; names are those of step.
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

// Blocks wait for one another, and the last of so many has all of them indexed.
func TestBlocksAreIndexedTogether(t *testing.T) {
	d, _ := open(t)
	open := func() (n int) {
		t.Helper()
		if err := d.read.row(t.Context(), `SELECT count(*) FROM blocks WHERE state = 'open'`).Scan(&n); err != nil {
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
		t.Errorf("Lines offers %d documents and finds %q, want one", offered, found)
	}
}

// What is asked for is offered whether its block is indexed yet or not, and little
// else where it is.
func TestLinesOffersWhatIsAskedFor(t *testing.T) {
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
	if err := d.update(t.Context(), func(t tx) error { return t.indexBlocks() }); err != nil {
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
			want = 5 // what may be anything excludes nothing
		}
		if got, _ := holding(t, d, tt.need, "needle"); got != want {
			t.Errorf("Lines(%+v) offers %d documents, want %d", tt.need, got, want)
		}
	}
}

// A document's blocks hold each line once, however its versions come: at once, one by
// one, or made anew by Open.
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
	// Nobody who reads meanwhile misses anything.
	if offered, _ := holding(t, d, Need{Text: "no such text"}, ""); offered != 2 {
		t.Errorf("Lines offers %d documents of other algorithms, want both", offered)
	}
	if err := d.buildLines(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := lineSet(t, d); got != want {
		t.Errorf("made anew, the line sets are\n%swant\n%s", got, want)
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

// A line that is longer than a block is not indexed, and found all the same.
func TestLongLines(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "short\n"+strings.Repeat("x", blockSize)+"needle\nshort too\n"))
	if err := d.update(t.Context(), func(t tx) error { return t.indexBlocks() }); err != nil {
		t.Fatal(err)
	}
	if _, found := holding(t, d, Need{Text: "needle"}, "xneedle"); len(found) != 1 {
		t.Error("the long line was not found")
	}
}

// folded is one rune for all that a pattern without case takes for equal.
func TestFolded(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if f := folded(unicode.SimpleFold(r)); r != 0 && f != folded(r) {
			t.Fatalf("folded(%q) = %q, but folded(%q) = %q", r, folded(r), unicode.SimpleFold(r), f)
		}
	}
}

// An archive of an earlier release gets its line sets when it is first opened.
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
