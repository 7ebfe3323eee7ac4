package lines

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/diff/difftest"
)

func TestUnifiedApplies(t *testing.T) {
	for _, p := range difftest.Pairs() {
		for _, context := range []int{-1, 0, 1, 3, 1 << 60} {
			got, err := difftest.Apply([]byte(p[0]), Unified(Read([]byte(p[0])), Read([]byte(p[1])), "a", "b", Options{Context: context}))
			if err != nil || string(got) != p[1] {
				t.Errorf("%q to %q, context %d: gives %q, %v", p[0], p[1], context, got, err)
			}
		}
	}
}

func FuzzUnified(f *testing.F) {
	for _, p := range difftest.Pairs() {
		f.Add([]byte(p[0]), []byte(p[1]), 1)
	}
	f.Fuzz(func(t *testing.T, old, new []byte, context int) {
		a, b := Read(old), Read(new)
		got, err := difftest.Apply(old, Unified(a, b, "a", "b", Options{Context: context}))
		if err != nil || !bytes.Equal(got, new) {
			t.Errorf("got %q, %v, want %q", got, err, new)
		}
	})
}

// GNU patch and git apply accept the format, names included.
func TestUnifiedWithTools(t *testing.T) {
	names := []string{"plain.yaml", "with space.yaml", "tab\there", `quote".yaml`, `back\slash`, "重启.yaml", "line\nbreak",
		"new 1\n2", "ends in spaces  ", " begins with one"}
	for _, tool := range []struct {
		name string
		args []string
	}{
		{"patch", []string{"-p1", "--batch", "--quiet", "--no-backup-if-mismatch"}},
		{"git", []string{"apply", "-p1", "--whitespace=nowarn"}},
	} {
		t.Run(tool.name, func(t *testing.T) {
			path, err := exec.LookPath(tool.name)
			if err != nil {
				t.Skipf("%s is not installed", tool.name)
			}
			for i, p := range difftest.Pairs() {
				name := names[i%len(names)]
				if tool.name == "patch" && strings.Contains(name, "\n") {
					name = names[0] // GNU patch rejects such names with any quoting
				}
				dir := t.TempDir()
				file := filepath.Join(dir, name)
				if err := os.WriteFile(file, []byte(p[0]), 0o600); err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(path, tool.args...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_NOSYSTEM=1", "HOME="+dir)
				cmd.Stdin = bytes.NewReader(Unified(Read([]byte(p[0])), Read([]byte(p[1])), "a/"+name, "b/"+name, Options{Context: 3}))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%q to %q in %q: %v: %s", p[0], p[1], name, err, out)
					continue
				}
				got, err := os.ReadFile(file)
				if os.IsNotExist(err) && p[1] == "" {
					continue // both may remove a file that becomes empty
				}
				if string(got) != p[1] {
					t.Errorf("%q to %q in %q: gives %q, %v", p[0], p[1], name, got, err)
				}
			}
		})
	}
}

func TestUnifiedFormat(t *testing.T) {
	for _, tt := range []struct{ old, new, oldName, newName, want string }{
		{"a\n", "a\n", "x", "y", ""},
		{"a\n", "b", "x", "y z", "--- x\n+++ y z\t\n@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n"},
		{"", "a\nb\n", "\"\x01", `\é`, "--- \"\\\"\\001\"\n+++ \"\\\\é\"\n@@ -0,0 +1,2 @@\n+a\n+b\n"},
	} {
		got := string(Unified(Read([]byte(tt.old)), Read([]byte(tt.new)), tt.oldName, tt.newName, Options{Context: 3}))
		if got != tt.want {
			t.Errorf("Unified(%q, %q) =\n%q, want\n%q", tt.old, tt.new, got, tt.want)
		}
	}
}

// Changes share a hunk if at most twice the context is between them.
func TestHunks(t *testing.T) {
	old, new := Read([]byte("a\nb\nc\nd\ne\n")), Read([]byte("A\nb\nc\nd\nE\n"))
	header := func(context int) string {
		var out []string
		for _, h := range Hunks(old, new, Options{Context: context}) {
			out = append(out, fmt.Sprintf("-%d,%d +%d,%d: %d", h.OldStart, h.OldLines, h.NewStart, h.NewLines, len(h.Lines)))
		}
		return strings.Join(out, "; ")
	}
	for context, want := range []string{"-1,1 +1,1: 2; -5,1 +5,1: 2", "-1,2 +1,2: 3; -4,2 +4,2: 3", "-1,5 +1,5: 7"} {
		if got := header(context); got != want {
			t.Errorf("Hunks with context %d = %s, want %s", context, got, want)
		}
	}
	want := []Hunk{{OldStart: 0, NewStart: 1, NewLines: 1, Lines: []Line{{Insert, 0, 1, []byte("x")}}}}
	if d := cmp.Diff(want, Hunks(Read(nil), Read([]byte("x")), Options{Context: 3})); d != "" {
		t.Errorf("Hunks(\"\", x) (-want +got):\n%s", d)
	}
}
