package query

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// With the index, grep finds exactly the lines that match, for any pattern.
func TestGrepFindsWhatMatches(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "archive.db"))
	must(t, err)
	defer d.Close()
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	must(t, err)
	words := []string{"timeout: 30", "  TIMEOUT: 60", "\tKelvin \u212a", "straße ſ", "注册 步骤", "a.b*c", "\xff\x00odd", "",
		"   ", "x", "ab", "foo   bar", "foo bar \r", "\"quoted\" 'it'"}
	lines := map[string][]string{}
	var steps []coc.Step
	for i := range 300 { // more than stay unindexed
		name := fmt.Sprintf("job-%03d", i)
		for j := range 3 {
			lines[name] = append(lines[name], words[(i*3+j*5)%len(words)]+strings.Repeat(fmt.Sprint(i%7), j))
		}
		s := version(1)
		s.DocumentID, s.Name, s.Meta = name, name, &coc.Meta{Name: &name}
		s.Versions[0].Revision.Content.Bytes = []byte(strings.Join(lines[name], "\n"))
		steps = append(steps, s)
	}
	must(t, d.Commit(t.Context(), steps...))
	h := archive(d)
	for _, pattern := range []string{
		`timeout`, `(?i)timeout`, `^timeout: \d+$`, `  TIME`, `(?i)kelvin k`, `(?i)STRASSE|straße S`, `注册`, `步骤.*1`, `a\.b\*c`, `a.b`,
		`odd`, `^$`, `^\s+$`, `x`, `(foo|timeout)`, `foo +bar`, `(foo {3})+bar`, `bar\s*$`, `quoted" '`, `[Tt]imeout: (30|60)`, `nothing like it`,
		`(timeout)?`, `(timeout){2,}`, `(?:ab|x)1`, `\x{ff}`, `.`, `\x{fffd}`, `(?i)it'|ſ`,
	} {
		re := regexp.MustCompile(pattern)
		var want, got []string
		for name, list := range lines {
			for _, l := range list {
				if l = strings.TrimSuffix(l, "\r"); re.MatchString(l) && !slices.Contains(want, name+": "+l) {
					want = append(want, name+": "+l)
				}
			}
		}
		must(t, grep(t.Context(), h, Grep{Pattern: pattern}, func(f Found) error {
			for _, m := range f.Lines {
				got = append(got, f.Document.Name+": "+m.Text)
			}
			return nil
		}))
		for _, newest := range []bool{false, true} { // each document has one version
			few := 0
			must(t, grep(t.Context(), h, Grep{Pattern: pattern, MaxDocuments: 2, Newest: newest}, func(f Found) error {
				few++
				for _, m := range f.Lines {
					if !slices.Contains(got, f.Document.Name+": "+m.Text) {
						t.Errorf("%s: a search for two documents finds %q", pattern, m.Text)
					}
				}
				return nil
			}))
			if whole := len(documentsOf(got)); few != min(whole, 2) {
				t.Errorf("%s: a search for two documents (newest: %v) finds %d of %d", pattern, newest, few, whole)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("grep %s finds %d lines, want %d: %q, want %q", pattern, len(got), len(want), head(got), head(want))
		}
	}
	// A plain pattern reads few blocks.
	n := 0
	must(t, d.Lines(t.Context(), required(regexp.MustCompile(`Kelvin .1$`)), func(coc.Key, []byte) error { n++; return nil }))
	if n == 0 || n > 150 {
		t.Errorf("%d of 300 documents are read for a plain pattern", n)
	}
}

func grep(ctx context.Context, a *Archive, q Grep, f func(Found) error) error {
	_, err := a.Grep(ctx, q, f)
	return err
}

func head(list []string) []string { return list[:min(3, len(list))] }

// Runs consist of consecutive versions.
func TestRuns(t *testing.T) {
	var labels []string
	for i := range 6 {
		labels = append(labels, fmt.Sprintf("v%d", i+1))
	}
	for want, at := range map[string][]int{
		"":              {},
		"v1":            {0},
		"v1-v2 v4":      {0, 1, 3},
		"v6..":          {5},
		"v2-v3 v5-v6..": {1, 2, 4, 5},
		"v1-v6..":       {0, 1, 2, 3, 4, 5},
	} {
		var parts []string
		x := &hit{}
		for _, i := range at {
			x.line = i + 1
			(&hits{now: []*hit{x}}).add(i, labels[i], i == 5, true)
		}
		for _, r := range x.Runs {
			if r.FirstLine != slices.Index(labels, r.First)+1 || r.LastLine != slices.Index(labels, r.Last)+1 {
				t.Errorf("run %v is in lines of other versions", r)
			}
			part := r.First
			if r.First != r.Last {
				part += "-" + r.Last
			}
			if r.Newest {
				part += ".."
			}
			parts = append(parts, part)
		}
		if got := strings.Join(parts, " "); got != want {
			t.Errorf("runs(%v) = %q, want %q", at, got, want)
		}
	}
}

// documentsOf returns the documents in lines of "document: line".
func documentsOf(lines []string) map[string]bool {
	docs := map[string]bool{}
	for _, l := range lines {
		name, _, _ := strings.Cut(l, ": ")
		docs[name] = true
	}
	return docs
}

// A limited search in newest versions skips documents in which only older versions match. Runs have
// the first line number in each version.
func TestFewOfTheNewest(t *testing.T) {
	h := open(t)
	var steps []coc.Step
	for i := range 30 {
		s := version(1)
		s.DocumentID = fmt.Sprintf("DM-few-%02d", i)
		s.Name, s.Newest = s.DocumentID, "v2"
		s.Meta = &coc.Meta{Name: &s.Name}
		s.Versions[0].Revision.Content.Bytes = []byte("a: 1\nneedle: 1\n")
		next := version(2)
		next.Versions[0].Revision.Content.Bytes = []byte("a: 2\n")
		if i%10 == 9 {
			next.Versions[0].Revision.Content.Bytes = []byte("a: 2\n\nneedle: 1\nneedle: 1\n")
		}
		s.Versions = append(s.Versions, next.Versions...)
		steps = append(steps, s)
	}
	must(t, h.db.Commit(t.Context(), steps...))
	for most, want := range map[int]int{1: 1, 2: 2, 3: 3, 4: 3} {
		var names []string
		must(t, grep(t.Context(), h, Grep{Pattern: "needle", Newest: true, MaxDocuments: most}, func(f Found) error {
			names = append(names, f.Document.Name)
			if got := f.Lines[0].Runs; len(got) != 1 || got[0] != (Run{First: "v1", Last: "v2", FirstLine: 2, LastLine: 3, Newest: true}) {
				t.Errorf("%s: the line stood in %+v", f.Document.Name, got)
			}
			return nil
		}))
		if len(names) != want || !slices.IsSorted(names) {
			t.Errorf("a search for %d documents finds %q, want %d", most, names, want)
		}
	}
}
