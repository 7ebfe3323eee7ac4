package diff

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

// checkAfter: a content read after another has the structure that it has by
// itself, and the parts that the next one may use are those of that structure.
func checkAfter(t *testing.T, old, now []byte) (reused bool) {
	t.Helper()
	was := Read(old)
	was.structure()
	reused = assemble(split(Read(now)), was.parts) != nil
	after := ReadAfter(was, now)
	got, gotWhy := after.structure()
	want, wantWhy := Read(now).structure()
	if (got == nil) != (want == nil) || gotWhy != wantWhy {
		t.Errorf("after %q, structure of %q: %q, want %q", old, now, gotWhy, wantWhy)
	} else if got != nil && got.root.sum != want.root.sum {
		t.Errorf("after %q, %q has another structure than by itself", old, now)
	} else if got != nil {
		if d := cmp.Diff(whereabouts(want), whereabouts(got)); d != "" {
			t.Errorf("after %q, the lines of %q (-by itself +after):\n%s", old, now, d)
		}
	}
	return reused
}

// whereabouts lists the lines of every value that is written in a content.
func whereabouts(t *tree) []string {
	var list []string
	var visit func(path string, at side, n *node)
	visit = func(path string, at side, n *node) {
		list = append(list, fmt.Sprintf("%s %v", path, at))
		for i, item := range n.items {
			if !item.alias {
				visit(fmt.Sprintf("%s[%d]", path, i), at.part(item), item.value)
			}
		}
		for _, p := range n.pairs {
			if !p.alias {
				visit(path+"."+p.key.value, at.part(p.slot), p.value)
			}
		}
	}
	// Only where the parts of the root are tells, not what they are counted from.
	visit("", side{Span: coc.Span{From: 1, To: 1}, origin: t.origin}, t.root)
	return list[1:]
}

const partJob = `# a job
meta:
  name: restart
inputs: {}
steps:
  # the first
  - name: a
    task: hwc:runbook:scripts@1.0.0
    inputs: {script: "x", timeout: 30}
  - name: b
    inputs:
      script: |
        # no comment
        echo

  - name: c
outputs: []
`

// What stands in both contents is parsed once; nothing of it may come out
// otherwise for that.
func TestReadAfter(t *testing.T) {
	for _, tt := range []struct {
		name, old, now string
		reused         bool
	}{
		{"equal", partJob, partJob, true},
		{"a step changed", partJob, strings.Replace(partJob, "30", "60", 1), true},
		{"a step added", partJob, strings.Replace(partJob, "  - name: c\n", "  - name: c\n  - name: d\n", 1), true},
		{"steps swapped", partJob, strings.Replace(strings.Replace(partJob, "name: c", "name: a", 1), "name: a", "name: c", 1), true},
		{"a key renamed", partJob, strings.Replace(partJob, "outputs:", "results:", 1), true},
		{"a key twice", partJob, partJob + "meta: 1\n", false},
		{"a key twice in a step", partJob, strings.Replace(partJob, "- name: c", "- name: c\n    name: d", 1), false},
		{"a quoted text over a cut", partJob, strings.Replace(partJob, "name: restart", "name: 'restart\ninputs: {}'", 1), false},
		{"a flow over a cut", partJob, strings.Replace(partJob, "inputs: {}", "inputs: {a: 1,\nb: 2}", 1), false},
		{"a quoted text over an element", partJob, strings.Replace(partJob, "- name: c", "- name: 'c\n  - name: d'", 1), false},
		{"an anchor", partJob, strings.Replace(partJob, "name: c", "name: &x c", 1), false},
		{"an alias", strings.Replace(partJob, "name: c", "name: &x c", 1), strings.Replace(partJob, "name: c", "name: &x c\n    again: *x", 1), false},
		{"an anchor moved", "a: &x 1\nb: *x\nc: 3\n", "a: &x 2\nb: *x\nc: 3\n", false},
		{"several documents", partJob, partJob + "---\nmeta: {}\n", false},
		{"a tab", partJob, partJob + "\tx: 1\n", false},
		{"a list at the margin", "steps:\n- a: 1111111111111\n- b: 2\nz: 1\n", "steps:\n- a: 1111111111111\n- b: 3\nz: 1\n", true},
		{"CRLF", "a: 1\r\nsteps:\r\n- b: 1111111\r\n- c: 1\r\n", "a: 1\r\nsteps:\r\n- b: 1111111\r\n- c: 2\r\n", true},
		{"no last newline", "a: 1\nb: 2", "a: 1\nb: 3", true},
		{"a boolean for a key", "true: 1\nb: 2\n", "true: 1\nb: 3\n", false},
		{"a list that ends early", partJob, strings.Replace(partJob, "outputs", "  x: 1\noutputs", 1), false},
		{"nothing", partJob, "", false},
		{"after nothing", "", partJob, false},
	} {
		if got := checkAfter(t, []byte(tt.old), []byte(tt.now)); got != tt.reused {
			t.Errorf("%s: parts used again: %v, want %v", tt.name, got, tt.reused)
		}
	}
}

// FuzzReadAfter changed two whole jobs at random: most were not YAML, and a minute went
// into making the first of them small. So an input is a few edits of a job, of three
// bytes each, made before the first version or between the two.
func FuzzReadAfter(f *testing.F) {
	lines := strings.SplitAfter(partJob, "\n")
	f.Add([]byte{}, []byte{})
	for i := range lines {
		line := byte(i)
		for op := range byte(edits) {
			f.Add([]byte{}, []byte{op, line, line * 5})
			f.Add([]byte{op, line, line * 3}, []byte{op + 1, line + 1, line * 11})
		}
	}
	for i := range spareLines() {
		f.Add([]byte{editInsert, 6, byte(i)}, []byte{editReplace, 8, byte(i + 1)})
		f.Add([]byte{editReplace, byte(i), byte(i)}, []byte{editAppend, byte(i), byte(i)})
	}
	f.Fuzz(func(t *testing.T, before, between []byte) {
		if len(before)+len(between) > 36 {
			return
		}
		old := editLines(lines, before)
		now := editLines(old, between)
		a, b := []byte(strings.Join(old, "")), []byte(strings.Join(now, ""))
		checkAfter(t, a, b)
		checkAfter(t, b, a)
		checkAfter(t, b, b)
	})
}

// FuzzAfterText is FuzzReadAfter over short texts of any kind.
func FuzzAfterText(f *testing.F) {
	f.Add([]byte("a: 'x\nb: y'\nc: 1\n"), []byte("a: 'x'\nb: y\nc: 1\n"))
	f.Add([]byte("a: |\n  x\n\nb: 1\n"), []byte("a: |+\n  x\n\nb: 1\n"))
	f.Add([]byte("a:\n- b\n- c: &x d\n"), []byte("a:\n- *x\n"))
	f.Add([]byte("? a\n: b\n"), []byte("a: {b: [c]}\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a)+len(b) > 120 {
			return
		}
		checkAfter(t, a, b)
		// Halves of both make neighbours that share much.
		checkAfter(t, a, append(bytes.Clone(a[:len(a)/2]), b...))
		checkAfter(t, append(bytes.Clone(a), b...), append(bytes.Clone(b), a...))
		checkAfter(t, a, bytes.Replace(a, []byte("\n"), append([]byte("\n"), b...), 1))
	})
}

// What an edit does.
const (
	editReplace = iota
	editInsert
	editRemove
	editRepeat
	editSwap
	editIndent
	editAppend
	edits
)

// spareLines are what an edit may put into a job: what a cut may not go through, and
// what looks like the beginning of a part.
func spareLines() []string {
	return []string{
		"\n", "  \n", "# x\n", "  # x\n", "x: 1\n", "  x: 1\n", "    x: 1\n", "- x\n", "  - x\n", "  - name: a\n", "    - x: 1\n", "steps:\n", "steps: []\n", "steps: # x\n",
		"name: 'a\n", "b'\n", "  x: \"a\n", "  b\"\n", "x: {a: 1,\n", "b: 2}\n", "x: [\n", "]\n", "x: |\n", "x: >-\n", "  x: |2\n", "  text\n", "    text\n",
		"x: &a 1\n", "  x: &a {b: 1}\n", "x: *a\n", "<<: *a\n", "---\n", "...\n", "%YAML 1.2\n", "\"x\": 1\n", "? x\n", ": x\n", "!!map x: 1\n", "\tx: 1\n", "x: 1\r\n", "x:\r\n",
		"true: 1\n", "1: 2\n", "null: 1\n", "x-1: a\n", "x", "x: 1", "é: 1\n", "x: \xff\n", "\uFEFFx: 1\n", "x: 1 # y\n", "  -\n", "  -   name: q\n", "-\n", "outputs: []\n",
	}
}

// editLines returns the lines with some edits.
func editLines(lines []string, list []byte) []string {
	lines = append([]string{}, lines...)
	spare := spareLines()
	for ; len(list) >= 3 && len(lines) > 0; list = list[3:] {
		at, other := int(list[1])%len(lines), spare[int(list[2])%len(spare)]
		to := int(list[2]) % len(lines)
		switch list[0] % edits {
		case editReplace:
			lines[at] = other
		case editInsert:
			lines = append(lines[:at], append([]string{other}, lines[at:]...)...)
		case editRemove:
			lines = append(lines[:at], lines[at+1:]...)
		case editRepeat:
			lines = append(lines[:at+1], append([]string{lines[to]}, lines[at+1:]...)...)
		case editSwap:
			lines[at], lines[to] = lines[to], lines[at]
		case editIndent:
			lines[at] = strings.Repeat(" ", int(list[2])%5) + strings.TrimLeft(lines[at], " ")
		case editAppend:
			lines[at] = strings.TrimRight(lines[at], "\r\n") + " " + other
		}
	}
	return lines
}

func TestReadAfterOnCorpus(t *testing.T) {
	corpus := os.Getenv("COCSYNC_CORPUS")
	if corpus == "" {
		t.Skip("COCSYNC_CORPUS names no folder of histories")
	}
	files, _ := filepath.Glob(filepath.Join(corpus, "*", "*"))
	pairs, reused := 0, 0
	for i := 1; i < len(files); i++ {
		old, err := os.ReadFile(files[i-1])
		if err != nil {
			t.Fatal(err)
		}
		now, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		pairs++
		if checkAfter(t, old, now) {
			reused++
		}
	}
	if pairs == 0 {
		t.Fatalf("no histories in %s", corpus)
	}
	t.Logf("%d pairs, %d with parts used again", pairs, reused)
}
