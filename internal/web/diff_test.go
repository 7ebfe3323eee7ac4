package web

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"cocsync/internal/diff"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// section returns the HTML of a diff, with ids that do not depend on contents.
func section(t testing.TB, d Diff) string {
	t.Helper()
	var b bytes.Buffer
	if err := DiffSection(&b, d); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`cocsync-[0-9a-f]{8}-`).ReplaceAllString(b.String(), "cocsync-ID-")
}

func compare(old, new string) Diff {
	return Diff{Title: "job", Old: diff.Read([]byte(old)), New: diff.Read([]byte(new)), OldLabel: "v1", NewLabel: "v2", Context: 3}
}

// A golden has two contents, or only a first one, and the HTML of their diff.
func TestGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d, want, inputs := Diff{Title: "restart-nodes", NewLabel: "v4", Context: 2}, "", 0
			for _, f := range a.Files {
				switch f.Name {
				case "old":
					d.Old, d.OldLabel = diff.Read(f.Data), "v3"
				case "new":
					d.New = diff.Read(f.Data)
				case "html":
					want = string(f.Data)
					continue
				}
				inputs++
			}
			got := section(t, d)
			if *update {
				a.Files = append(a.Files[:inputs], txtar.File{Name: "html", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				want = got
			}
			if got != want {
				t.Errorf("%s (-want +got):\n%s", file, cmp.Diff(want, got))
			}
			checkMarkup(t, got)
		})
	}
}

// The style of a diff cannot end its element and loads no resources.
func TestDiffStyle(t *testing.T) {
	if strings.ContainsAny(DiffStyle(), "<&") || strings.Contains(DiffStyle(), "url(") || strings.Contains(DiffStyle(), "@import") {
		t.Error("the style ends its element or loads a resource")
	}
}

// DiffSection returns errors of the writer.
func TestDiffSectionFails(t *testing.T) {
	if err := DiffSection(&failing{}, compare("a\n", "b\n")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("DiffSection = %v, want %v", err, io.ErrClosedPipe)
	}
}

type failing struct{ writes int }

func (f *failing) Write(p []byte) (int, error) {
	if f.writes--; f.writes < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// The section has notes on everything that the lines do not show.
func TestNotes(t *testing.T) {
	spaces := compare("a: 1\n", "a:  1\n")
	spaces.IgnoreSpace = true
	more := compare("a: 1\nb: 1\n", "a:  1\nb: 2\n")
	more.IgnoreSpace = true
	for _, tt := range []struct {
		name string
		d    Diff
		want string
	}{
		{"no structure", compare("a: [\n", "a: [1\n"), "structure not read: "},
		{"same", compare("a\n", "a\n"), "content unchanged"},
		{"formatting", compare("a: 1\n", "a:  1\n"), "formatting only (white space)"},
		{"white space ignored", spaces, "The lines differ only in white space, which is ignored."},
		{"some white space", more, "Differences in white space are ignored below."},
		{"no newline", compare("a\n", "a"), "<i>no newline at end</i>"},
		{"no title", Diff{New: diff.Read([]byte("a\n"))}, "New line 1"},
		{"empty", Diff{}, "0 lines"},
	} {
		if got := section(t, tt.d); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q is not in\n%s", tt.name, tt.want, got)
		}
	}
}

// The ids of a diff are stable and differ between diffs.
func TestFragmentIDs(t *testing.T) {
	id := func(d Diff) string { return d.fragment(diff.Hunks(d.Old, d.New, diff.Options{})) }
	if a, b := id(compare("a\n", "b\n")), id(compare("a\n", "b\n")); a != b {
		t.Errorf("ids %s and %s of the same diff", a, b)
	}
	other := compare("a\n", "b\n")
	other.NewLabel = "v3"
	for _, d := range []Diff{compare("a\n", "c\n"), compare("b\n", "a\n"), other} {
		if a, b := id(compare("a\n", "b\n")), id(d); a == b {
			t.Errorf("id %s of two diffs", a)
		}
	}
}
