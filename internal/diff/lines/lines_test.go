package lines

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cocsync/internal/diff/difftest"
)

// spaced writes a diff with white space ignored, without its file names.
func spaced(old, new string, context int) string {
	out := Unified(Read([]byte(old)), Read([]byte(new)), "a", "b", Options{Context: context, IgnoreSpace: true})
	return strings.TrimPrefix(string(out), "--- a\n+++ b\n")
}

func TestIgnoreSpace(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"indentation", "a\nb\n", "a\n\t  b\n", ""},
		{"trailing spaces", "a  \nb\n", "a\nb \n", ""},
		{"none and some", "a: [1,2]\n", "a: [ 1, 2 ]\n", ""},
		{"ends of lines", "a\r\nb\r\n", "a\nb\n", ""},
		{"the last line's end", "a\nb", "a\nb\n", ""},
		{"a change among others, as new has them", "a\n b\nc\n", "  a\nB\n  c\n", "@@ -1,3 +1,3 @@\n   a\n- b\n+B\n   c\n"},
		{"an added blank line", "a\nb\n", "a\n  \nb\n", "@@ -1,2 +1,3 @@\n a\n+  \n b\n"},
		{"a removed blank line", "a\n\n\t\nb\n", "a\n\nb\n", "@@ -1,4 +1,3 @@\n a\n \n-\t\n b\n"},
		{"nothing but a blank line", "", " ", "@@ -0,0 +1 @@\n+ \n\\ No newline at end of file\n"},
		{"a line cut in two", "a b\n", "a\nb\n", "@@ -1 +1,2 @@\n-a b\n+a\n+b\n"},
		{"other spaces count", "a\u00a0b\n", "ab\n", "@@ -1 +1 @@\n-a\u00a0b\n+ab\n"},
		{"no end where new has none", "a\nb\nc\n", " a\nB", "@@ -1,3 +1,2 @@\n  a\n-b\n-c\n+B\n\\ No newline at end of file\n"},
		{"a step where it begins", "s:\n- a:\n    x: 1\n- b:\n    x: 1\n", "s:\n  - a:\n      x: 1\n  - n:\n      x: 1\n  - b:\n      x: 1\n",
			"@@ -1,5 +1,7 @@\n s:\n   - a:\n       x: 1\n+  - n:\n+      x: 1\n   - b:\n       x: 1\n"},
	} {
		if got := spaced(tt.old, tt.new, 3); got != tt.want {
			t.Errorf("%s: Unified(%q, %q) =\n%s\nwant\n%s", tt.name, tt.old, tt.new, got, tt.want)
		}
	}
}

// Lines that repeat one with much white space do not make the result huge.
func TestIgnoreSpaceIsBounded(t *testing.T) {
	old := Read([]byte(strings.Repeat(" ", 1<<15) + "a\n" + strings.Repeat("a\n", 1<<14)))
	even, _ := evenSpace(old, Read(nil))
	if got, most := len(even.Content), 1<<15+(1<<14+1)*(maxIndent+2); got > most {
		t.Errorf("%d bytes became %d, want at most %d", len(old.Content), got, most)
	}
}

// git diff -w decides what is equal.
func TestIgnoreSpaceLikeGit(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	for _, p := range difftest.Pairs() {
		dir := t.TempDir()
		for name, content := range map[string]string{"old": p[0], "new": p[1]} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(git, "diff", "--no-index", "--text", "-w", "--quiet", "old", "new")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+dir)
		equal := cmd.Run() == nil
		if got := spaced(p[0], p[1], 0); (got == "") != equal {
			t.Errorf("%q to %q: git finds them equal: %v, Unified gives\n%s", p[0], p[1], equal, got)
		}
	}
}

func FuzzIgnoreSpace(f *testing.F) {
	for _, p := range difftest.Pairs() {
		f.Add([]byte(p[0]), []byte(p[1]), 1)
	}
	f.Add([]byte("a\n b\n\nc"), []byte(" a\r\nx\nb\n c\n"), 0)
	f.Fuzz(func(t *testing.T, a, b []byte, context int) {
		old, new := Read(a), Read(b)
		o := Options{Context: context, IgnoreSpace: true}
		hunks, back := Hunks(old, new, o), Hunks(new, old, o)
		if len(hunks) != len(back) {
			t.Fatalf("%d hunks, backwards %d", len(hunks), len(back))
		}
		same := func(i, j int) bool { return bytes.Equal(withoutSpace(old.Lines[i]), withoutSpace(new.Lines[j])) }
		i, j := 0, 0 // the lines that were in a hunk
		for n, h := range hunks {
			checkHunk(t, old, new, h)
			if m := back[n]; m.OldStart != h.NewStart || m.NewStart != h.OldStart || m.OldLines != h.NewLines || len(m.Lines) != len(h.Lines) {
				t.Errorf("hunk %+v is no mirror of %+v", m, h)
			}
			for _, l := range h.Lines {
				// Lines outside all hunks are equal on both sides.
				for ; l.Old > i+1 || l.Old == 0 && l.New > j+1; i, j = i+1, j+1 {
					if !same(i, j) {
						t.Errorf("line %d of old and line %d of new differ, and no hunk has them", i+1, j+1)
					}
				}
				if l.Op == Same && !same(l.Old-1, l.New-1) {
					t.Errorf("lines %d and %d are not the same", l.Old, l.New)
				}
				i, j = max(i, l.Old), max(j, l.New)
			}
		}
		for ; i < len(old.Lines) && j < len(new.Lines) && same(i, j); i, j = i+1, j+1 {
		}
		if i != len(old.Lines) || j != len(new.Lines) {
			t.Errorf("%q to %q: line %d and line %d differ, and no hunk has them", a, b, i+1, j+1)
		}
	})
}

// checkHunk checks a hunk's counts and line numbers.
func checkHunk(t *testing.T, old, new *Text, h Hunk) {
	t.Helper()
	var was, is int
	for _, l := range h.Lines {
		text := l.Text
		if l.Op != Insert {
			was++
			if l.Op == Delete && !slices.Equal(text, old.Lines[l.Old-1]) {
				t.Errorf("line %d of old is %q, not %q", l.Old, old.Lines[l.Old-1], text)
			}
		}
		if l.Op != Delete {
			is++
			if !slices.Equal(text, new.Lines[l.New-1]) {
				t.Errorf("line %d of new is %q, not %q", l.New, new.Lines[l.New-1], text)
			}
		}
	}
	if was != h.OldLines || is != h.NewLines {
		t.Errorf("a hunk of %d and %d lines says %d and %d", was, is, h.OldLines, h.NewLines)
	}
}
