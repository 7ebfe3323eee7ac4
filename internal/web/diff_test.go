package web

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"cocsync/internal/diff"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// templates are the pages of a site.
var templates = sync.OnceValues(func() (*pages, error) { return newPages(&Site{}) })

// section returns the HTML of a diff. It compares the contents if d has no result.
func section(t testing.TB, d Diff) string {
	t.Helper()
	p, err := templates()
	if err != nil {
		t.Fatal(err)
	}
	if d.Compared == nil {
		r := diff.Compare(d.Old, d.New)
		d.Compared = &r
	}
	var b bytes.Buffer
	if err := p.layout["change"].ExecuteTemplate(&b, "diff", newDiffView(d)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func compare(old, new string) Diff {
	return Diff{Old: diff.Read([]byte(old)), New: diff.Read([]byte(new)), OldLabel: "v1", NewLabel: "v2", Context: 3}
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
			d, want, inputs := Diff{NewLabel: "v4", Context: 2}, "", 0
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

// The style loads no resources.
func TestStyle(t *testing.T) {
	if style := styleSheet(t); strings.ContainsAny(style, "<&") || strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the style loads a resource")
	}
}

// styleSheet returns the style sheet of the pages.
func styleSheet(t *testing.T) string {
	t.Helper()
	p, err := templates()
	if err != nil {
		t.Fatal(err)
	}
	return string(p.bodies["style.css"])
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
		{"first version", Diff{New: diff.Read([]byte("a\n"))}, "New line 1"},
		{"empty", Diff{}, "0 lines"},
	} {
		if got := section(t, tt.d); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q is not in\n%s", tt.name, tt.want, got)
		}
	}
}
