package diff

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// apply is a patch program of its own: it knows the format, and nothing of how
// Unified makes it.
func apply(t *testing.T, old, patch []byte) []byte {
	t.Helper()
	if len(patch) == 0 {
		return old
	}
	oldLines, lines := bytes.SplitAfter(old, []byte("\n")), bytes.SplitAfter(patch, []byte("\n"))
	var out []byte
	at := 0
	copyTo := func(line int) {
		for ; at < line; at++ {
			out = append(out, oldLines[at]...)
		}
	}
	for i := 2; i < len(lines) && len(lines[i]) > 0; i++ {
		line := lines[i]
		if line[0] == '@' {
			start, count, ok := strings.Cut(strings.TrimPrefix(strings.Fields(string(line))[1], "-"), ",")
			n, err := strconv.Atoi(start)
			if err != nil {
				t.Fatalf("header %q: %v", line, err)
			}
			if ok && count == "0" {
				n++ // an empty side starts at the line before
			}
			copyTo(n - 1)
			continue
		}
		text := line[1:]
		if i+1 < len(lines) && bytes.HasPrefix(lines[i+1], []byte(`\ No newline`)) {
			text = bytes.TrimSuffix(text, []byte("\n"))
		}
		switch line[0] {
		case ' ', '-':
			if at >= len(oldLines) || !bytes.Equal(oldLines[at], text) {
				t.Fatalf("line %d of the patch, %q, does not stand at line %d of old", i+1, line, at+1)
			}
			at++
		}
		switch line[0] {
		case ' ', '+':
			out = append(out, text...)
		case '-', '\\':
		default:
			t.Fatalf("line %d of the patch is %q", i+1, line)
		}
	}
	copyTo(len(oldLines))
	return out
}

// pairs are contents that break careless patches.
func pairs() [][2]string {
	many := strings.Repeat("a\nb\nc\nd\ne\nf\ng\nh\n", 8)
	return [][2]string{
		{"", "a\n"}, {"a\n", ""}, {"", "a"}, {"a", ""}, {"", "\n"}, {"\n", ""},
		{"a", "a\n"}, {"a\n", "a"}, {"a", "b"}, {"a\nb", "a\nc\n"}, {"a\nb\n", "a\nc"},
		{"x\na", "y\na"}, {"a\r\nb\r\n", "a\nb\n"}, {"a\r\nb\r\n", "a\r\nc\r\n"}, {"a\rb", "a\rc"},
		{"a\tb\n", "a b\n"}, {"é\n", "e\u0301\n"}, {"价格\n", "价 格\n"}, {"\xff\xfe\n", "\xff\n"},
		{"a\x00b\n", "a\x00c\n"}, {"--- a\n", "+++ b\n"}, {"-- \n", "++ \n"}, {"@@ -1 +1 @@\n", "@@\n"},
		{"\\ No newline at end of file\n", "\\\n"}, {"diff --git a/x b/x\n", "index 1..2\n"},
		{"\n\n\n", "\n\n"}, {" \n", "  \n"}, {"a\n\n", "a\n"}, {"\u2028\n", "\u2029\n"},
		{many, strings.Replace(many, "d\n", "D\n", 5)}, {many, "x\n" + many + "y"}, {many, many[16:]},
		{many, strings.ReplaceAll(many, "e\n", "")}, {many, many + many[:9]},
	}
}

func TestUnifiedApplies(t *testing.T) {
	for _, p := range pairs() {
		for _, context := range []int{-1, 0, 1, 3, 1 << 60} {
			got := apply(t, []byte(p[0]), Unified(Read([]byte(p[0])), Read([]byte(p[1])), "a", "b", Options{Context: context}))
			if string(got) != p[1] {
				t.Errorf("%q to %q, context %d: gives %q", p[0], p[1], context, got)
			}
		}
	}
}

func FuzzUnified(f *testing.F) {
	for _, p := range pairs() {
		f.Add([]byte(p[0]), []byte(p[1]), 1)
	}
	f.Fuzz(func(t *testing.T, old, new []byte, context int) {
		a, b := Read(old), Read(new)
		got := apply(t, old, Unified(a, b, "a", "b", Options{Context: context}))
		if !bytes.Equal(got, new) {
			t.Errorf("got %q, want %q", got, new)
		}
	})
}

// GNU patch and git apply are the judges of the format, names included.
func TestUnifiedWithTools(t *testing.T) {
	names := []string{"plain.yaml", "with space.yaml", "tab\there", `quote".yaml`, `back\slash`, "重启.yaml", "line\nbreak", "new 1\n2"}
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
			for i, p := range pairs() {
				name := names[i%len(names)]
				if tool.name == "patch" && strings.Contains(name, "\n") {
					name = names[0] // GNU patch refuses such names whatever the quoting
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

// Changes join one hunk when no more than twice the context lies between.
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
	if d := cmp.Diff(want, Hunks(nil, Read([]byte("x")), Options{Context: 3})); d != "" {
		t.Errorf("Hunks(nil, x) (-want +got):\n%s", d)
	}
}
