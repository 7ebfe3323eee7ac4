package diff

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/diff/difftest"
)

// drawn writes rows for people: unchanged lines, "~" lines with their words marked,
// and lines of one side.
func drawn(hunks []Hunk) []string {
	var out []string
	for _, h := range hunks {
		for _, r := range Rows(h, nil) {
			switch {
			case r.Old == nil:
				out = append(out, "+ "+body(r.New))
			case r.New == nil:
				out = append(out, "- "+body(r.Old))
			case r.Old.Op == Same:
				out = append(out, "  "+body(r.New))
			case r.Words == nil:
				out = append(out, "~ "+body(r.Old)+" | "+body(r.New))
			default:
				out = append(out, "~ "+marked(r.Words))
			}
		}
	}
	return out
}

func TestRows(t *testing.T) {
	for _, tt := range []struct {
		name, old, new string
		want           []string
	}{
		{"a changed line", "a: 1\nb: 2\nc: 3\n", "a: 1\nb: 4\nc: 3\n",
			[]string{"  a: 1", "~ b: [-2-]{+4+}", "  c: 3"}},
		{"a line of each side that have nothing in common", "- drain\n", "echo done\n",
			[]string{"- - drain", "+ echo done"}},
		{"a line added among changed ones", "task: stop\ntimeout: 30\n", "task: start\nretries: 5\ntimeout: 60\n",
			[]string{"~ task: [-stop-]{+start+}", "+ retries: 5", "~ timeout: [-30-]{+60+}"}},
		{"a line removed among changed ones", "task: stop\nretries: 5\ntimeout: 30\n", "task: start\ntimeout: 60\n",
			[]string{"~ task: [-stop-]{+start+}", "- retries: 5", "~ timeout: [-30-]{+60+}"}},
		{"removed before added between pairs", "task: stop\n- drain\ntimeout: 30\n", "task: start\necho done\ntimeout: 60\n",
			[]string{"~ task: [-stop-]{+start+}", "- - drain", "+ echo done", "~ timeout: [-30-]{+60+}"}},
		{"the likest of several", "echo restart the agent\n", "echo stop\necho restart the node\n",
			[]string{"+ echo stop", "~ echo restart the [-agent-]{+node+}"}},
		{"one good pair rather than two poor ones", "x: 1\nstop agent on all nodes\n", "stop agent on all hosts\nx = 3\n",
			[]string{"- x: 1", "~ stop agent on all [-nodes-]{+hosts+}", "+ x = 3"}},
		{"indented", "if x:\nrun a\nrun b\n", "if x:\n  try:\n    run a\n    run b\n",
			[]string{"  if x:", "+   try:", "~ {+    +}run a", "~ {+    +}run b"}},
		{"the same words in another order", "stop the agent first\n", "first the agent stop\n",
			[]string{"~ [-stop-]{+first+} the agent [-first-]{+stop+}"}},
		{"a key whose value is another", "description: stop it\n", "description: what was once done by hand\n",
			[]string{"~ description: [-stop it-]{+what was once done by hand+}"}},
		{"a last line without its end", "a\nb", "a\nb\n", []string{"  a", "~ b"}},
		{"spaces on an empty line", "a\n\n", "a\n  \n", []string{"  a", "~ {+  +}"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hunks := Hunks(Read([]byte(tt.old)), Read([]byte(tt.new)), Options{Context: 3})
			if d := cmp.Diff(tt.want, drawn(hunks)); d != "" {
				t.Errorf("Rows of %q to %q (-want +got):\n%s", tt.old, tt.new, d)
			}
			checkRows(t, hunks, nil)
		})
	}
}

// A run that is too large to compare each line with each is split at lines that
// clearly match: added and removed lines in it do not shift all that follows.
func TestRowsOfLargeRuns(t *testing.T) {
	content := func(format string, from int) string {
		var b strings.Builder
		for i := range 1500 {
			fmt.Fprintf(&b, format, i+from)
		}
		return b.String()
	}
	for _, tt := range []struct {
		name, old, new string
		pairs          int
	}{
		{"indented, with lines before", content("step%d: on\n", 0), "a\nb\nc\n" + content("  step%d: on\n", 0), 1500},
		{"quoted, with lines removed", content("step%d: on\n", 0), content("step%d: 'on'\n", 10), 1490},
		{"other values", content("step%d: stop\n", 0), "a\nb\nc\n" + content("step%d: start it\n", 0), 1500},
		{"other keys and values", content("step%d: stop\n", 0), content("phase%d_halt\n", 0), 0},
		{"each in its place", content("- stop the agent %d\n", 0), content("- stop the node %d\n", 9000), 1500},
	} {
		hunks := Hunks(Read([]byte(tt.old)), Read([]byte(tt.new)), Options{})
		checkRows(t, hunks, nil)
		pairs := 0
		for _, h := range hunks {
			for _, r := range Rows(h, nil) {
				if r.Old != nil && r.New != nil {
					pairs++
					if r.Words == nil {
						t.Fatalf("%s: no words of %q and %q", tt.name, r.Old.Text, r.New.Text)
					}
				}
			}
		}
		if pairs != tt.pairs {
			t.Errorf("%s: %d pairs, want %d", tt.name, pairs, tt.pairs)
		}
	}
}

// The lines of a value are those of its item, though another line with the same key
// looks more similar.
func TestRowsFollowItems(t *testing.T) {
	was, is := Read([]byte("timeout: 300\n")), Read([]byte("timeout: 30\ntimeout: 181\n"))
	items := []coc.Item{{Op: Changed, OldLines: coc.Span{From: 1, To: 1}, NewLines: coc.Span{From: 2, To: 2}}}
	got := [2][2]int{}
	for i, items := range [][]coc.Item{nil, items} {
		for _, r := range Rows(Hunks(was, is, Options{})[0], items) {
			if r.Old != nil && r.New != nil {
				got[i] = [2]int{r.Old.Old, r.New.New}
			}
		}
	}
	if want := [2][2]int{{1, 1}, {1, 2}}; got != want {
		t.Errorf("pairs without and with items are %v, want %v", got, want)
	}
}

// A line that became another one elsewhere is next to no other, and those of a removed
// step are next to none of a step that stayed.
func TestRowsDontContradictItems(t *testing.T) {
	was, is := Read([]byte("uuid: SC1a\n- name: gone\n")), Read([]byte("uuid: SC1b\n- name: gome\n"))
	h := Hunks(was, is, Options{})[0]
	pairs := func(items []coc.Item) (n int) {
		for _, r := range Rows(h, items) {
			if r.Old != nil && r.New != nil {
				n++
			}
		}
		return n
	}
	for _, tt := range []struct {
		items []coc.Item
		want  int
	}{
		{nil, 2},
		{[]coc.Item{{Op: Changed, Old: "a", New: "b", OldLines: coc.Span{From: 1, To: 1}, NewLines: coc.Span{From: 9, To: 9}}}, 1},
		{[]coc.Item{{Op: Removed, OldLines: coc.Span{From: 2, To: 2}}}, 1},
		{[]coc.Item{{Op: Removed, OldLines: coc.Span{From: 2, To: 2}}, {Op: Added, NewLines: coc.Span{From: 2, To: 2}}}, 2},
	} {
		if got := pairs(tt.items); got != tt.want {
			t.Errorf("%d pairs with %+v, want %d", got, tt.items, tt.want)
		}
	}
}

// With white space ignored, an unchanged line has its old text on the old side.
func TestRowsKeepOldWhiteSpace(t *testing.T) {
	was, is := Read([]byte("a:  1\nb: 1\n")), Read([]byte("a: 1\nb: 2\n"))
	rows := Rows(Hunks(was, is, Options{Context: 1, IgnoreSpace: true})[0], nil)
	if old, new := string(rows[0].Old.Text), string(rows[0].New.Text); old != "a:  1\n" || new != "a: 1\n" {
		t.Errorf("the unchanged line is %q and %q", old, new)
	}
}

// checkRows checks that the rows of hunks are their lines, each once and in the order
// of either side, that words are of their lines, and that between pairs the removed
// ones are before the added ones.
func checkRows(t *testing.T, hunks []Hunk, items []coc.Item) {
	t.Helper()
	for _, h := range hunks {
		var old, new []*Line
		rows := Rows(h, items)
		for i, r := range rows {
			if r.Old != nil {
				old = append(old, r.Old)
			}
			if r.New != nil {
				new = append(new, r.New)
			}
			if i > 0 && rows[i-1].Old == nil && r.New == nil {
				t.Errorf("row %d is a removed line after an added one", i)
			}
			if r.Words != nil {
				checkWords(t, body(r.Old), body(r.New), r.Words)
			}
		}
		for i := range h.Lines {
			l := &h.Lines[i]
			if l.Op != Insert && (len(old) == 0 || old[0] != l && (l.Op != Same || old[0].Old != l.Old)) ||
				l.Op != Delete && (len(new) == 0 || new[0] != l) {
				t.Fatalf("line %d of the hunk has no row, or not in its order", i)
			}
			if l.Op != Insert {
				old = old[1:]
			}
			if l.Op != Delete {
				new = new[1:]
			}
		}
		if len(old)+len(new) > 0 {
			t.Errorf("%d lines of rows are not of the hunk", len(old)+len(new))
		}
	}
}

// mirrored draws the rows that a reversed diff must have.
func mirrored(rows []Row) []string {
	var out []string
	for i := 0; i < len(rows); {
		var removed, added []string
		for ; i < len(rows) && (rows[i].Old == nil || rows[i].New == nil); i++ {
			if rows[i].Old == nil {
				added = append(added, "- "+body(rows[i].New))
			} else {
				removed = append(removed, "+ "+body(rows[i].Old))
			}
		}
		out = append(append(out, added...), removed...)
		if i < len(rows) {
			out = append(out, fmt.Sprintf("~ %d %d %s", rows[i].New.New, rows[i].Old.Old, marked(mirror(rows[i].Words))))
			i++
		}
	}
	return out
}

func FuzzRows(f *testing.F) {
	for _, p := range difftest.Pairs() {
		f.Add([]byte(p[0]), []byte(p[1]))
	}
	f.Add([]byte("a: 1\n  b c d\ne\n"), []byte("  a: 2\nb d\n\nf\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		old, new := Read(a), Read(b)
		forwards, backwards := Hunks(old, new, Options{}), Hunks(new, old, Options{})
		there, back := Compare(old, new).Items, Compare(new, old).Items
		checkRows(t, forwards, there)
		for i := range forwards {
			got, want := []string{}, mirrored(Rows(forwards[i], there))
			for _, r := range Rows(backwards[i], back) {
				switch {
				case r.Old == nil:
					got = append(got, "+ "+body(r.New))
				case r.New == nil:
					got = append(got, "- "+body(r.Old))
				default:
					got = append(got, fmt.Sprintf("~ %d %d %s", r.Old.Old, r.New.New, marked(r.Words)))
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("Rows of %q to %q are %q, want the mirror %q", b, a, got, want)
			}
		}
	})
}

// The rows of every consecutive pair in a folder of histories, COCSYNC_CORPUS:
// DOCUMENT/VERSION files.
func TestRowsOfCorpus(t *testing.T) {
	dir := os.Getenv("COCSYNC_CORPUS")
	if dir == "" {
		t.Skip("COCSYNC_CORPUS names no folder of histories")
	}
	compared := 0
	documents, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, document := range documents {
		versions, _ := filepath.Glob(filepath.Join(document, "*"))
		var before []byte
		for i, version := range versions {
			content, err := os.ReadFile(version)
			if err != nil {
				continue
			}
			if i > 0 {
				compared++
				was, is := Read(before), Read(content)
				items := Compare(was, is).Items
				checkRows(t, Hunks(was, is, Options{Context: 3}), items)
				checkRows(t, Hunks(was, is, Options{Context: 3, IgnoreSpace: true}), items)
			}
			before = bytes.Clone(content)
		}
	}
	if compared == 0 {
		t.Errorf("%s holds no pair of versions", dir)
	}
}
