package diff

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"cocsync/internal/coc"
	"cocsync/internal/diff/difftest"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// A golden has two contents and the result for people and machines.
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
			old, new := Read(a.Files[0].Data), Read(a.Files[1].Data)
			got := describe(Compare(old, new)) + string(Unified(old, new, "old", "new", Options{Context: 1}))
			if *update {
				a.Files = append(a.Files[:2], txtar.File{Name: "result", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if len(a.Files) < 3 {
				t.Fatalf("%s has no result: run with -update", file)
			}
			if want := string(a.Files[2].Data); got != want {
				t.Errorf("%s (-want +got):\n%s", file, cmp.Diff(want, got))
			}
		})
	}
}

// describe writes a result for a golden: each difference, its step and task, its lines
// in both versions, and the values.
func describe(r coc.Difference) string {
	var b strings.Builder
	fmt.Fprintf(&b, "summary: %s\n", r.Summary)
	if r.Note() != "" {
		fmt.Fprintf(&b, "note: %s\n", r.Note())
	}
	for _, i := range r.Items {
		fmt.Fprintf(&b, "%s %s", i.Op, i.Path)
		if i.Step+i.Task != "" {
			fmt.Fprintf(&b, " (%s, %s)", i.Step, i.Task)
		}
		fmt.Fprintf(&b, "\n  line %s: %q → %q\n", sayLines(i.OldLines, i.NewLines), i.Old, i.New)
	}
	for _, f := range r.Formatting {
		fmt.Fprintf(&b, "formatting %s\n  line %s\n", f.Kind, sayLines(f.OldLines, f.NewLines))
	}
	return b.String() + "\n"
}

func sayLines(old, new coc.Span) string {
	one := func(s coc.Span) string {
		switch s.From {
		case 0:
			return "none"
		case s.To:
			return fmt.Sprint(s.From)
		}
		return fmt.Sprintf("%d-%d", s.From, s.To)
	}
	return one(old) + " → " + one(new)
}

func TestSummary(t *testing.T) {
	const job = "meta: {name: j}\nsteps:\n- name: a\n  task: x@1\n  inputs: {timeout: 30}\n- name: b\n  task: y@1\n"
	for _, tt := range []struct{ name, old, new, summary, note string }{
		{"same bytes", job, job, "content unchanged", ""},
		{"comment", job, "# hi\n" + job, "formatting only (comments)", ""},
		{"white space", job, strings.ReplaceAll(job, "\n", "\r\n"), "formatting only (white space)", ""},
		{"byte order mark", job, "\ufeff" + job, "formatting only (white space)", ""},
		{"quoting", "a: b\nc: d\n", "a: 'b'\nc: d\n", "formatting only (quoting)", ""},
		{"layout", "a: [b]\n", "a:\n- b\n", "formatting only (layout)", ""},
		{"key order", "a: 1\nb: 2\n", "b: 2\na: 1\n", "formatting only (key order)", ""},
		{"two sorts", "a: 1\nb: 2\n", "b: 2 # two\na: 1\n", "formatting only (comments, key order)", ""},
		{"alias", "a: &x 1\nb: *x\n", "a: 1\nb: 1\n", "formatting only (anchors)", ""},
		{"spelling of null", "a: ~\n", "a: null\n", "formatting only (spelling)", ""},
		{"nothing to comments", "", "# only\n", "formatting only (comments)", ""},
		{"value", job, strings.Replace(job, "30", "60", 1), "timeout 30 → 60 in a", ""},
		{"type", job, strings.Replace(job, "30", `"30"`, 1), `timeout 30 → "30" in a`, ""},
		{"step", job, job + "- {name: c}\n", "step c added", ""},
		{"steps", job, job + "- {name: c}\n- {name: d}\n", "2 steps added", ""},
		{"steps moved as one", jobOf("a", "b", "c", "d", "e", "f"), jobOf("d", "e", "a", "b", "c", "f"), "d, e moved to the front", ""},
		{"many steps moved as one", jobOf("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"),
			jobOf("f", "g", "h", "i", "a", "b", "c", "d", "e", "j"), "f, g, h and 1 more moved to the front", ""},
		{"two runs of steps moved", jobOf("a", "b", "c", "d", "e", "f", "g", "h", "i"),
			jobOf("h", "i", "c", "d", "e", "a", "b", "f", "g"), "h, i moved to the front, a, b moved after e", ""},
		{"all steps", "meta: {name: j}\n", job, "2 steps added", ""},
		{"secret", "db_password: a\n", "db_password: b\n", "db_password changed", ""},
		{"secret in JSON", "p: '{\"password\":\"a\"}'\n", "p: '{\"password\":\"b\"}'\n", "p.password changed", ""},
		{"control characters", "a: x\n", "a: \"x\\e[2J\"\n", "a changed", ""},
		{"no YAML", "a: [\n", "a: [1\n", "+1 −1 lines", "structure not read: line 2: did not find expected ',' or ']'"},
		{"plain text", job, "test", "+1 −7 lines", "structure not read: plain text"},
		{"old is plain text", "test", job, "+7 −1 lines", "structure of the previous version not read: plain text"},
		{"duplicate key", job, "name: a\nb: 1\nname: c\n", "+3 −7 lines", `structure not read: line 3: duplicate key "name"`},
		{"tab", job, "a:\n\tb: 1\n", "+2 −7 lines", "structure not read: line 2: found character that cannot start any token"},
		{"parameters that share nothing but a type", "inputs:\n  x: {type: string}\n", "inputs:\n  z: {type: string}\n",
			"parameter z added, parameter x removed", ""},
		{"value next to the name of a secret", "env:\n- key: DB_PASSWORD\n  value: aaaaaa\n",
			"env:\n- key: DB_PASSWORD\n  value: bbbbbb\n", "env[0].value changed", ""},
		{"boolean of YAML 1.1", "a: no\n", "a: 'no'\n", "a no → \"no\"", ""},
		{"spelling of a boolean of YAML 1.1", "a: [NO, SE]\n", "a: [no, SE]\n", "a[0] NO → no", ""},
		{"spelling of a boolean", "a: True\n", "a: true\n", "formatting only (spelling)", ""},
		{"a float for YAML 1.2", "a: 5e29471\n", "a: '5e29471'\n", "a 5e29471 → \"5e29471\"", ""},
		{"a time for YAML 1.1", "a: 2024-01-01 10:00:00 +08:00\n", "a: '2024-01-01 10:00:00 +08:00'\n", "a changed", ""},
		{"a tag", "a: !!bool yes\n", "a: yes\n", "a changed", ""},
		{"a string that looks like a number", "a: 1\nb: '30'\n", "a: 1\n", "b removed", ""},
		{"a script as a quoted text", "a: |\n  # setup\n  run\n", "a: \"# setup\\nrun\\n\"\n", "formatting only (quoting)", ""},
		{"a comment that moved", "a: 1\n# one\nb: 2\n", "a: 1\nb: 2\n# one\n", "formatting only (comments)", ""},
		{"a comment on another line", "a: 1 # one\nb: 2\n", "a: 1\nb: 2 # one\n", "formatting only (comments)", ""},
		{"a document more", "a: 1\nb: 2\n", "a: 1\nb: 3\n---\nc: 1\nd: 2\n", "[0].b 2 → 3, [1] added", ""},
		{"JSON reformatted", "s: '{\"a\":1,\"b\":2}'\n", "s: '{\"b\": 2, \"a\": 1}'\n", "s reformatted (the same JSON)", ""},
		{"a field in steps of one name", "steps:\n- name: a\n  timeout: 30\n- name: a\n  x: 1\n  timeout: 30\n",
			"steps:\n- name: a\n  timeout: 60\n- name: a\n  x: 1\n  timeout: 60\n", "timeout 30 → 60 in 2 places", ""},
		{"line ends and a value", job, strings.ReplaceAll(strings.Replace(job, "30", "60", 1), "\n", "\r\n"),
			"timeout 30 → 60 in a, white space changed", ""},
		{"a secret that moved", "passwords: [aaa, bbb, ccc, ddd]\n", "passwords: [ddd, aaa, bbb, ccc]\n", "passwords[0] moved", ""},
		{"what has no room counts", "steps:\n" + wide("1", "30"), "steps:\n" + wide("2", "60"),
			strings.Repeat("fa", 20) + " 1 → 2 in " + strings.Repeat("a", 39) + ", " + strings.Repeat("fb", 20) + " 1 → 2 in " +
				strings.Repeat("b", 39) + ", and 3 more", ""},
		{"moves of two lists", "p: {steps: [{name: a}, {name: b}, {name: c}]}\nq: {steps: [{name: a}, {name: b}, {name: c}]}\n", "p: {steps: [{name: c}, {name: a}, {name: b}]}\nq: {steps: [{name: c}, {name: a}, {name: b}]}\n", "c moved to the front, c moved to the front", ""},
		{"values moved as one", "l: [one, two, three, four]\n", "l: [three, four, one, two]\n",
			"l[0] moved to the front, l[1] moved after three", ""},
		{"a comment after a text of two lines", "a: x\n  y\n", "a: x\n  y # c\n", "formatting only (comments)", ""},
		{"a command that moved after one", "l: [a b, c d, e f, g h]\n", "l: [a b, g h, c d, e f]\n", "l[1] moved", ""},
		{"a key pair", "sk: abcdef\n", "sk: ghijkl\n", "sk changed", ""},
		{"a password in an address", "a: mysql://root:pw1@db\n", "a: mysql://root:pw2@db\n", "a changed", ""},
		{"half a surrogate pair", "a: '{\"x\":\"\\ud800\",\"y\":1}'\n", "a: '{\"x\":\"\\ud801\",\"y\":1}'\n", "a changed", ""},
		{"documents", "a: 1\n---\nb: 1\n", "a: 1\n---\nb: 2\n", "[1].b 1 → 2", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Compare(Read([]byte(tt.old)), Read([]byte(tt.new)))
			if got.Summary != tt.summary || got.Note() != tt.note {
				t.Errorf("Compare(%q, %q)\n got %q, %q\nwant %q, %q", tt.old, tt.new, got.Summary, got.Note(), tt.summary, tt.note)
			}
			if want := tt.old == tt.new; (got.Class == coc.ClassUnchanged) != want {
				t.Errorf("Class = %s, want equal %t", got.Class, want)
			}
		})
	}
}

// wide are steps of which two have long fields, and three one short one.
func wide(long, short string) (s string) {
	for _, name := range []string{"a", "b"} {
		s += "- {name: " + strings.Repeat(name, 39) + ", " + strings.Repeat("f"+name, 20) + ": " + long + "}\n"
	}
	for _, name := range []string{"c", "d", "e"} {
		s += "- {name: " + name + ", " + strings.Repeat("t", 39) + ": " + short + "}\n"
	}
	return s
}

// jobOf is a job with steps of these names.
func jobOf(names ...string) string {
	return "steps:\n- {name: " + strings.Join(names, "}\n- {name: ") + "}\n"
}

// Each of several steps that moved as one says where they all were, not that it is
// after the step that it always was after.
func TestMovedAsOne(t *testing.T) {
	r := Compare(Read([]byte(jobOf("a", "b", "c", "d", "e"))), Read([]byte(jobOf("d", "e", "a", "b", "c"))))
	var got []string
	for _, item := range r.Items {
		got = append(got, fmt.Sprintf("%s %s: %s, %s", item.Op, item.Step, item.Old, item.New))
	}
	want := []string{"moved d: after c, first", "moved e: after c, first"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("items (-want +got):\n%s", d)
	}
}

// A section that was added, removed or empty is reported part by part, each with its
// own lines; the line of the empty section on the other side belongs to the first
// part.
func TestSections(t *testing.T) {
	const inputs, steps = "m: 1\ninputs:\n  # where\n  a: {type: string}\n  b:\n    type: string\n",
		"m: 1\nsteps:\n- name: a\n  task: x\n- name: b\n  task: y\n"
	for _, tt := range []struct{ old, new, want string }{
		{"m: 1\ninputs: {}\n", inputs, "added inputs.a 2 → 2-4, added inputs.b none → 5-6"},
		{"m: 1\ninputs:\n", inputs, "added inputs.a 2 → 2-4, added inputs.b none → 5-6"},
		{inputs, "m: 1\n", "removed inputs.a 2-4 → none, removed inputs.b 5-6 → none"},
		{steps, "m: 1\nsteps: []\n", "removed steps[a] 2-4 → 2, removed steps[b] 5-6 → none"},
		{"m: 1\nsteps: ~\n", steps, "added steps[a] 2 → 2-4, added steps[b] none → 5-6"},
		{"m: 1\n", steps, "added steps[a] none → 2-4, added steps[b] none → 5-6"},
		{"outputs: {x: 1}\n", "outputs: {}\n", "removed outputs.x 1 → 1"},
		{"s: |\n  x\n  # one\n", "s: |\n  x\n # one\n", "changed s 1-3 → 1-2"},
		{"{\n\"steps\": [\n {\n \"name\": \"a\",\n \"timeout\": 30\n }\n]\n}\n",
			"{\n\"steps\": [\n {\n \"name\": \"a\",\n \"timeout\": 60\n }\n]\n}\n",
			"changed steps[a].timeout 5 → 5"},
	} {
		a, b := Read([]byte(tt.old)), Read([]byte(tt.new))
		var got []string
		for _, i := range Compare(a, b).Items {
			got = append(got, i.Op+" "+i.Path+" "+sayLines(i.OldLines, i.NewLines))
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("Compare(%q, %q)\n got %s\nwant %s", tt.old, tt.new, got, tt.want)
		}
		checkPair(t, a, b)
	}
}

// A note on formatting has the lines that it is about, not those between.
func TestFormattingRuns(t *testing.T) {
	r := Compare(Read([]byte("# one\na: 1\nb: 2\n# two\n")), Read([]byte("# uno\na: 3\nb: 4\n# due\n")))
	want := []coc.Formatting{{Kind: comments, OldLines: coc.Span{From: 1, To: 1}, NewLines: coc.Span{From: 1, To: 1}},
		{Kind: comments, OldLines: coc.Span{From: 4, To: 4}, NewLines: coc.Span{From: 4, To: 4}}}
	if d := cmp.Diff(want, r.Formatting); d != "" {
		t.Errorf("formatting (-want +got):\n%s", d)
	}
	r = Compare(Read([]byte("[\n{a: 1},\n{b: 1}\n]\n")), Read([]byte("[\n{a: 1}\n]\n")))
	if d := cmp.Diff([]coc.Formatting{{Kind: layout, OldLines: coc.Span{From: 2, To: 2}, NewLines: coc.Span{}}}, r.Formatting); d != "" {
		t.Errorf("formatting of a comma (-want +got):\n%s", d)
	}
}

// The difference in a long value is not truncated.
func TestLongValuesShowWhatDiffers(t *testing.T) {
	services := func(n int) string {
		var b strings.Builder
		for i := range 60 {
			fmt.Fprintf(&b, " --service svc-%03d=é", i*n)
		}
		return b.String()
	}
	long := services(1)
	other := strings.Replace(long, "svc-035", "svc-999", 1)
	script := func(line string) string { return "a: |\n  set -e\n  run" + line + "\n  exit\n" }
	for name, pair := range map[string][2]string{
		"one line":           {"a: x" + long + "\n", "a: x" + other + "\n"},
		"a line of a script": {script(long), script(other)},
		"at the end":         {"a: x" + long + "\n", "a: x" + long + "y\n"},
		"a tag":              {"a: !Sub x" + long + "\n", "a: !Sub x" + other + "\n"},
	} {
		items := Compare(Read([]byte(pair[0])), Read([]byte(pair[1]))).Items
		if len(items) != 1 || items[0].Old == items[0].New || strings.Count(items[0].New, "--service") > 30 {
			t.Errorf("%s: items %+v", name, items)
		}
	}
}

// The first version has no items: its steps are counted.
func TestCompareFirst(t *testing.T) {
	for _, tt := range []struct {
		content string
		want    coc.Difference
	}{
		{"", coc.Difference{Class: coc.ClassStructural, Summary: "0 lines"}},
		{"test", coc.Difference{Class: coc.ClassUnreadable, Added: 1, Summary: "1 line", Reason: "structure not read: plain text"}},
		{"a: 1\nb: 2\n", coc.Difference{Class: coc.ClassStructural, Added: 2, Summary: "2 lines"}},
		{"steps:\n- name: a\n", coc.Difference{Class: coc.ClassStructural, Added: 2, Summary: "1 step"}},
		{"mainSteps:\n- name: a\n- name: b\n", coc.Difference{Class: coc.ClassStructural, Added: 3, Summary: "2 steps"}},
	} {
		got := Compare(nil, Read([]byte(tt.content)))
		tt.want.Algorithm = Algorithm
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("Compare(nil, %q) (-want +got):\n%s", tt.content, d)
		}
	}
}

// Items are bounded in number and size, and the rest is counted.
func TestItemsAreBounded(t *testing.T) {
	var old, new strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&old, "k%d: %s\n", i, strings.Repeat("é", 20))
		fmt.Fprintf(&new, "k%d: %s\n", i, strings.Repeat("é", 21))
	}
	check := func(got coc.Difference, items int, note string) {
		t.Helper()
		if len(got.Items) != items || got.Note() != note {
			t.Errorf("%d items, note %q; want %d, %q", len(got.Items), got.Note(), items, note)
		}
		checkBounds(t, got)
	}
	check(Compare(Read([]byte(old.String())), Read([]byte(new.String()))), 200, "800 more differences not listed")
	long := strings.Repeat("é", 2000)
	check(Compare(Read([]byte("z: 1\n")), Read([]byte("z: "+long))), 1, "")
	check(Compare(Read(nil), Read([]byte("? "+long[:1000]+"\n: ["+long+"]\n"))), 1, "")
}

// checkBounds fails on a result that violates what coc.Difference promises.
func checkBounds(t *testing.T, r coc.Difference) {
	t.Helper()
	if len(r.Items) > 200 {
		t.Errorf("%d items", len(r.Items))
	}
	if n := utf8.RuneCountInString(r.Summary); n == 0 || n > 200 || strings.ContainsAny(r.Summary+r.Note(), "\n\r\t\x1b\x00") {
		t.Errorf("summary %q, note %q", r.Summary, r.Note())
	}
	for _, i := range r.Items {
		if utf8.RuneCountInString(i.Old) > 500 || utf8.RuneCountInString(i.New) > 500 || utf8.RuneCountInString(i.Path) > 300 {
			t.Errorf("item too long: %.100s", i.Path)
		}
		if !slices.Contains([]string{Added, Removed, Changed, Renamed, Moved}, i.Op) {
			t.Errorf("op %q", i.Op)
		}
	}
}

// backwards is the expected result when the sides are swapped, apart from paths, which
// are those of the new side.
func backwards(items []coc.Item) []string {
	swap := map[string]string{Added: Removed, Removed: Added}
	out := make([]string, len(items))
	for i, item := range items {
		op := item.Op
		if s, ok := swap[op]; ok {
			op = s
		}
		out[i] = fmt.Sprintf("%s %q %q", op, item.New, item.Old)
	}
	return out
}

func forwards(items []coc.Item) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = fmt.Sprintf("%s %q %q", item.Op, item.Old, item.New)
	}
	return out
}

// checkPair checks every promise for one pair of contents.
func checkPair(t *testing.T, a, b *Text) {
	t.Helper()
	there, back := Compare(a, b), Compare(b, a)
	checkBounds(t, there)
	patch := Unified(a, b, "a", "b", Options{Context: 3})
	if same := bytes.Equal(a.Content, b.Content); (there.Class == coc.ClassUnchanged) != same || (patch == nil) != same {
		t.Errorf("Class = %q, a patch of %d bytes; the contents are the same: %t", there.Class, len(patch), same)
	}
	if got, err := difftest.Apply(a.Content, patch); err != nil || !bytes.Equal(got, b.Content) {
		t.Errorf("the diff applied to old gives %.200q, %v, want %.200q", got, err, b.Content)
	}
	if there.Class != coc.ClassUnchanged {
		checkStructure(t, a, b, there)
	}
	for _, item := range there.Items {
		// An element without a name may have moved among others that look the same.
		if item.Op != Added && item.Op != Removed && item.Old == item.New &&
			!(item.Op == Moved && strings.Trim(item.Path[strings.LastIndex(item.Path, "["):], "[0123456789]") == "") {
			t.Errorf("%s %s from %.100q to the same", item.Op, item.Path, item.Old)
		}
	}
	if there.Added != back.Removed || there.Removed != back.Added {
		t.Errorf("+%d −%d there, +%d −%d back", there.Added, there.Removed, back.Added, back.Removed)
	}
	turned := func(list []coc.Formatting) (out []coc.Formatting) {
		for _, f := range list {
			out = append(out, coc.Formatting{Kind: f.Kind, OldLines: f.NewLines, NewLines: f.OldLines})
		}
		return out
	}
	byText := cmpopts.SortSlices(func(a, b coc.Formatting) bool { return fmt.Sprint(a) < fmt.Sprint(b) })
	if d := cmp.Diff(there.Formatting, turned(back.Formatting), byText); d != "" {
		t.Errorf("the formatting of the way back is no mirror (-there +back):\n%s", d)
	}
	sorted := cmpopts.SortSlices(func(a, b string) bool { return a < b })
	if len(there.Items) < MaxItems {
		if d := cmp.Diff(forwards(there.Items), backwards(back.Items), sorted); d != "" {
			t.Errorf("the way back is no mirror (-there +back):\n%s", d)
		}
	}
}

// checkRepeats fails if a second comparison gives another result.
func checkRepeats(t *testing.T, old, new []byte) {
	t.Helper()
	a, b := Compare(Read(old), Read(new)), Compare(Read(old), Read(new))
	if d := cmp.Diff(a, b); d != "" {
		t.Errorf("compared again it differs:\n%s", d)
	}
}

// Real histories of documents keep every promise, and GNU patch makes the new content
// from the old one where it is installed. COCSYNC_CORPUS is a folder with a folder for
// each document; the files of a document, in name order, are its versions.
// COCSYNC_SAMPLES is a folder of single contents, each of which is compared with the
// next.
func TestCorpus(t *testing.T) {
	corpus, samples := os.Getenv("COCSYNC_CORPUS"), os.Getenv("COCSYNC_SAMPLES")
	if corpus+samples == "" {
		t.Skip("not run: neither COCSYNC_CORPUS nor COCSYNC_SAMPLES names a folder")
	}
	var files []string
	for _, place := range [][]string{{corpus, "*", "*"}, {samples, "*"}} {
		if place[0] == "" {
			continue
		}
		found, err := filepath.Glob(filepath.Join(place...))
		if err != nil || len(found) < 2 {
			t.Fatalf("nothing to compare in %s: %v", place[0], err)
		}
		files = append(files, found...)
	}
	patch, err := exec.LookPath("patch")
	if err != nil {
		t.Log("without GNU patch: it is not installed")
	}
	pairs, unread := 0, 0
	for i := 1; i < len(files); i++ {
		if filepath.Dir(files[i-1]) != filepath.Dir(files[i]) {
			continue
		}
		old, new := read(t, files[i-1]), read(t, files[i])
		checkPair(t, Read(old), Read(new))
		checkRepeats(t, old, new)
		if patch != "" {
			checkPatch(t, patch, old, new)
		}
		if t.Failed() {
			t.Fatalf("%s, %s", files[i-1], files[i])
		}
		pairs++
		if Compare(Read(old), Read(new)).Note() != "" {
			unread++
		}
	}
	t.Logf("%d pairs, %d of them with a note", pairs, unread)
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// checkPatch applies a unified diff with GNU patch.
func checkPatch(t *testing.T, patch string, old, new []byte) {
	t.Helper()
	if bytes.Equal(old, new) {
		return
	}
	file := filepath.Join(t.TempDir(), "job")
	if err := os.WriteFile(file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(patch, "-s", "--binary", file)
	cmd.Stdin = bytes.NewReader(Unified(Read(old), Read(new), "a/job", "b/job", Options{Context: 3}))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("patch: %v\n%s", err, out)
	}
	if got := read(t, file); !bytes.Equal(got, new) {
		t.Errorf("patch gives %.200q, want %.200q", got, new)
	}
}

func FuzzCompare(f *testing.F) {
	for _, s := range hostile() {
		if len(s) < 500 {
			f.Add([]byte(s), []byte("steps:\n- name: a\n  task: t\n- b\n"))
		}
	}
	f.Add([]byte("steps:\n- name: a\n- name: b\n- c\n- c\n"), []byte("steps:\n- c\n- name: b\n- name: a\n- name: a\n"))
	f.Fuzz(func(t *testing.T, old, new []byte) {
		checkPair(t, Read(old), Read(new))
		checkRepeats(t, old, new)
	})
}
