package otherverifier

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	bundled "cocsync/contrib/verifier"
	"cocsync/internal/audit"
	"cocsync/internal/db"
	"cocsync/internal/query"
)

// bundleOf returns the files of the bundle of an archive for the days from to until.
func bundleOf(t *testing.T, f files, account string, since, until int) (map[string][]byte, error) {
	t.Helper()
	a, err := query.Open(t.Context(), f.database)
	must(t, err)
	defer a.Close()
	a.Now, a.Local = func() time.Time { return on(9) }, time.UTC
	source := query.BundleFile{Name: "verifier.go", Write: func(w io.Writer, _ query.Report) error {
		_, err := w.Write(bundled.Source)
		return err
	}}
	q := query.BundleQuery{Files: []query.BundleFile{source}, ReportQuery: query.ReportQuery{
		Account: account, Since: on(since).Format(time.RFC3339), Until: on(until).Format(time.RFC3339)}}
	var first, second bytes.Buffer
	v, err := a.WriteBundle(t.Context(), &first, q)
	if err != nil {
		return nil, err
	}
	if !v.Good {
		return nil, fmt.Errorf("the report does not verify: %q", v.Faults)
	}
	_, err = a.WriteBundle(t.Context(), &second, q)
	if err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("a second bundle is not the same: %v", err)
	}
	z, err := zip.NewReader(bytes.NewReader(first.Bytes()), int64(first.Len()))
	must(t, err)
	list := map[string][]byte{}
	for _, file := range z.File {
		if !regexp.MustCompile(`^([a-z]+/)*[a-zA-Z0-9/_-]+(\.[a-z]+)?$`).MatchString(file.Name) || list[file.Name] != nil {
			t.Errorf("the bundle has a file %q", file.Name)
		}
		r, err := file.Open()
		must(t, err)
		if list[file.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return list, nil
}

// unpack writes the files of a bundle to a new folder.
func unpack(t *testing.T, list map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range list {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return dir
}

// program builds the verifier of bundles.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "verifier.exe")
	out, err := exec.Command("go", "build", "-o", path, "../../../contrib/verifier/verify").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// runs runs the verifier, and returns its status and output.
func runs(t *testing.T, program string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// A bundle of an archive with records of all types verifies, whatever its period, and that of
// a restored one. It needs only the folder, Go and the key.
func TestBundle(t *testing.T) {
	f := logged(t)
	bin := program(t)
	for _, period := range [][2]int{{0, 9}, {0, 3}, {3, 4}, {4, 5}, {7, 8}, {-9, -8}} {
		for _, account := range []string{"", "prod", "a test/ü+1"} {
			list, err := bundleOf(t, f, account, period[0], period[1])
			must(t, err)
			status, out := runs(t, bin, "-key", f.keys, unpack(t, list))
			if status != 0 || strings.Contains(out, "FAULT") || !strings.Contains(out, "Faults: 0") {
				t.Errorf("account %q, days %v: status %d:\n%s", account, period, status, out)
			}
		}
	}
	list, err := bundleOf(t, f, "", 0, 9)
	must(t, err)
	dir := unpack(t, list)
	cmd := exec.Command("go", "run", "verifier.go", "-key", f.keys, "-checkpoint", f.checkpoint, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GO111MODULE=off", "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "change; account prod; document_id DM1; change 1; kind version") {
		t.Errorf("go run: %v\n%s", err, out)
	}
	if text := string(out); !strings.Contains(text, `kind rewritten`) || !strings.Contains(text,
		"erasure; account prod") || !strings.Contains(text, "cycle; account prod") {
		t.Errorf("not all records are printed:\n%s", text)
	}
}

// A restored archive has two logs of an account, and the later one continues the other.
func TestBundleOfRestored(t *testing.T) {
	f := logged(t)
	from := f.database
	f.database = filepath.Join(t.TempDir(), "restored.db")
	restore(t, from, f.database)
	d, err := db.OpenWith(t.Context(), f.database, db.Options{Key: from + ".key"})
	must(t, err)
	last := version("prod", 6)
	last.Changes[0].From.Label = "v3"
	must(t, d.Commit(t.Context(), last))
	must(t, d.Close())
	list, err := bundleOf(t, f, "prod", 0, 9)
	must(t, err)
	bin := program(t)
	dir := unpack(t, list)
	if status, out := runs(t, bin, "-key", f.keys, dir); status != 0 {
		t.Errorf("a restored archive: status %d:\n%s", status, out)
	}
	status, out := runs(t, bin, "-key", f.keys, "-checkpoint", f.checkpoint, dir)
	if status != 0 || strings.Count(out, "NOTE another log's checkpoint, not compared: cocsync/") != 1 ||
		strings.Count(out, "Compared with the checkpoint") != 1 {
		t.Errorf("checkpoints of the older log and of another account: status %d:\n%s", status, out)
	}

	key, err := audit.ReadKey(from + ".key")
	must(t, err)
	note, err := os.ReadFile(f.checkpoint)
	must(t, err)
	signed := func(change func(*audit.Checkpoint)) string {
		list, err := audit.ParsePasted(string(note))
		must(t, err)
		c := list[slices.IndexFunc(list, func(p audit.Pasted) bool { return strings.HasSuffix(p.Origin, "/prod") })].Checkpoint
		change(&c)
		b, err := key.Sign(c)
		must(t, err)
		return string(b)
	}
	good := signed(func(*audit.Checkpoint) {})
	for _, tt := range []struct {
		name, kept string
		status     int
		want       string
	}{
		{"of the older log", good, 0, "Compared with the checkpoint"},
		{"with CRLF, one after the other", strings.ReplaceAll(good+good, "\n", "\r\n"), 0, "Compared with the checkpoint"},
		{"another root", signed(func(c *audit.Checkpoint) { c.Root[0] ^= 1 }), 3, "is not that of the proofs"},
		{"of more records than the older log has", signed(func(c *audit.Checkpoint) { c.Size += 1000 }), 3, "is not that of the proofs"},
		{"of a later log", signed(func(c *audit.Checkpoint) { c.Origin += "/3" }), 3, "is not that of the proofs"},
		{"of another key", strings.Replace(good, "\n\n", "x\n\n", 1), 3, "no key that you gave"},
		{"only of an account with a similar name", signed(func(c *audit.Checkpoint) { c.Origin += "-2" }), 1,
			"one of them of a log of this bundle"},
		{"without an empty line", strings.Replace(good, "\n\n", "\n", 1), 1, "must have signed checkpoints"},
		{"and one without an empty line", good + strings.Replace(good, "\n\n", "\n", 1), 1, "must have signed checkpoints"},
		{"empty", "", 1, "must have signed checkpoints"},
	} {
		file := filepath.Join(t.TempDir(), "kept.txt")
		must(t, os.WriteFile(file, []byte(tt.kept), 0o600))
		status, out := runs(t, bin, "-key", f.keys, "-checkpoint", file, dir)
		if status != tt.status || !strings.Contains(out, tt.want) || strings.Contains(out, "%!") {
			t.Errorf("a checkpoint %s: status %d, want %d and %q:\n%s", tt.name, status, tt.status, tt.want, out)
		}
	}
}

// The verifier reads regular files only: it would wait for a pipe that no one writes.
func TestBundleVerifierReadsFilesOnly(t *testing.T) {
	f := logged(t)
	list, err := bundleOf(t, f, "prod", 0, 9)
	must(t, err)
	bin, dir := program(t), unpack(t, list)
	special := []string{t.TempDir(), os.DevNull}
	if mkfifo, err := exec.LookPath("mkfifo"); err == nil {
		pipe := filepath.Join(t.TempDir(), "pipe")
		must(t, exec.Command(mkfifo, pipe).Run())
		special = append(special, pipe)
	}
	for _, name := range special {
		for _, args := range [][]string{{"-key", name, dir}, {"-key", f.keys, "-checkpoint", name, dir}, {"-key", f.keys, name}} {
			if status, out := runs(t, bin, args...); status != 1 && status != 2 || strings.Contains(out, "Proven") {
				t.Errorf("%q: status %d:\n%s", args, status, out)
			}
		}
	}
	proof := filepath.Join(dir, filepath.FromSlash(firstOf(list, "proofs/*/*")))
	must(t, os.Remove(proof))
	if err := os.Symlink(f.database, proof); err != nil {
		t.Skip(err)
	}
	if status, out := runs(t, bin, "-key", f.keys, dir); status != 1 || !strings.Contains(out, "is not a regular file") {
		t.Errorf("a link in the bundle: status %d:\n%s", status, out)
	}
}

// The documentation says that the verifier has at most 400 lines.
func TestBundleVerifierIsShort(t *testing.T) {
	if n := bytes.Count(bundled.Source, []byte("\n")); n > 400 {
		t.Errorf("it has %d lines", n)
	}
}

// without returns files without those whose name has a part.
func without(list map[string][]byte, part string) map[string][]byte {
	rest := map[string][]byte{}
	for name, content := range list {
		if !strings.Contains(name, part) {
			rest[name] = content
		}
	}
	return rest
}

// with returns files with one changed: the first, by name, that matches a pattern of path.Match.
func with(t *testing.T, list map[string][]byte, pattern string, change func([]byte) []byte) map[string][]byte {
	t.Helper()
	rest, found := without(list, "none"), firstOf(list, pattern)
	if found == "" {
		t.Fatalf("the bundle has no file %s", pattern)
	}
	if rest[found] = change(list[found]); rest[found] == nil {
		delete(rest, found)
	}
	return rest
}

// The verifier refuses each alteration of a bundle.
func TestAlteredBundles(t *testing.T) {
	f, other := logged(t), logged(t)
	good, err := bundleOf(t, f, "prod", 0, 9)
	must(t, err)
	foreign, err := bundleOf(t, other, "prod", 0, 9)
	must(t, err)
	short, err := bundleOf(t, f, "prod", 3, 3)
	must(t, err)
	bin := program(t)
	replace := func(old, now string) func([]byte) []byte {
		return func(b []byte) []byte {
			if !bytes.Contains(b, []byte(old)) {
				t.Errorf("no %q in %s", old, b)
			}
			return bytes.Replace(b, []byte(old), []byte(now), 1)
		}
	}
	remove := func([]byte) []byte { return nil }
	for _, tt := range []struct {
		name string
		list map[string][]byte
		want string
	}{
		{"a content", with(t, good, "contents/*", func(b []byte) []byte { return slices.Concat(b, []byte("x")) }), "is not that of"},
		{"a content less", with(t, good, "contents/*", remove), "is not that of"},
		{"the record of a proof", with(t, good, "proofs/*/*-change.proof", func(b []byte) []byte {
			return foreignRecord(b,
				foreign)
		}), "not in the log of the signed root"},
		{"the index of a proof", with(t, good, "proofs/*/*-change.proof", replace("\nindex 8\n", "\nindex 9\n")),
			"not in the log of the signed root"},
		{"a hash of a proof", with(t, good, "proofs/*/*-revision.proof", func(b []byte) []byte { return lineReplaced(b, 3) }),
			"not in the log of the signed root"},
		{"the size of a checkpoint", with(t, good, "proofs/*/*-revision.proof",
			func(b []byte) []byte { return bytes.Replace(b, []byte("/prod\n"), []byte("/prod\n1"), 1) }), "no key that you gave"},
		{"a proof of another archive", with(t, good, "proofs/*/*-change.proof",
			func([]byte) []byte { return foreign[firstOf(foreign, "proofs/*/*-change.proof")] }), "no key that you gave"},
		{"a removed change", with(t, good, "proofs/*/*-change.proof", remove), "of the report has no proof"},
		{"a removed revision", with(t, good, "proofs/*/*-revision.proof", remove), "has no proof"},
		{"a removed document", with(t, good, "proofs/*/*-document.proof", remove), "no proof of the document"},
		{"a removed cycle", with(t, good, "proofs/*/*-cycle.proof", remove), "records of the report were verified"},
		{"all proofs between", without(short, "between/"), "they may be changes"},
		{"all proofs", without(good, "proofs/"), "of the report has no proof"},
		{"a swapped checkpoint", with(t, good, "checkpoints/*/*", func([]byte) []byte {
			return foreign[firstOf(foreign,
				"checkpoints/*/*")]
		}), "no key that you gave"},
		{"the checkpoint of the proofs", with(t, good, "proofs/*/*-change.proof", func(b []byte) []byte {
			top, _, _ := bytes.Cut(b, []byte("\n\n"))
			return slices.Concat(top, []byte("\n\n"), good[firstOf(good, "checkpoints/*/*")])
		}), "has not the checkpoint of the others"},
		{"an author of the report", with(t, good, "report.json", replace(`"by": null`, `"by": "COC-x"`)), "the report has the by"},
		{"a kind of the report", with(t, good, "report.json", replace(`"kind": "rewritten"`, `"kind": "version"`)), "the report has the kind"},
		{"a time of the report", with(t, good, "report.json", replace(`"seen_at": "2026-01-0`, `"seen_at": "2026-02-0`)),
			"the report has the seen_at"},
		{"a change of the report", with(t, good, "report.json", func(b []byte) []byte {
			return regexp.MustCompile(`(?s)"changes": \[\s+\{.*?\},`).ReplaceAll(b, []byte(`"changes": [`))
		}), "the report leaves out change"},
		{"a change of the report and its proof", with(t, with(t, good, "report.json", func(b []byte) []byte {
			b = regexp.MustCompile(`(?s)"changes": \[\s+\{.*?\},`).ReplaceAll(b, []byte(`"changes": [`))
			return regexp.MustCompile(`"rows": \d+`).ReplaceAllFunc(b, lessOne)
		}), "proofs/*/*-change.proof", remove), "changes between"},
	} {
		status, out := runs(t, bin, "-key", f.keys, unpack(t, tt.list))
		if status != 3 || !strings.Contains(out, tt.want) || !strings.Contains(out, "DO NOT RELY ON THIS BUNDLE") {
			t.Errorf("%s: status %d, want 3 and %q:\n%s", tt.name, status, tt.want, faultsIn(out))
		}
	}
	if status, out := runs(t, bin, "-key", other.keys, unpack(t, good)); status != 3 {
		t.Errorf("another key: status %d:\n%s", status, faultsIn(out))
	}
	if status, out := runs(t, bin, "-key", f.keys, unpack(t, foreign)); status != 3 {
		t.Errorf("a bundle of another archive: status %d:\n%s", status, faultsIn(out))
	}
	if status, out := runs(t, bin, "-key", f.keys, unpack(t, without(good, "report.json"))); status != 1 {
		t.Errorf("no report: status %d:\n%s", status, faultsIn(out))
	}
	if status, out := runs(t, bin, "-key", f.keys, unpack(t, without(good, "none"))); status != 0 {
		t.Errorf("a good bundle: status %d:\n%s", status, faultsIn(out))
	}
}

// firstOf returns the name of the first file, by name, that matches a pattern; "" for none.
func firstOf(list map[string][]byte, pattern string) string {
	for _, name := range slices.Sorted(maps.Keys(list)) {
		if ok, _ := path.Match(pattern, name); ok {
			return name
		}
	}
	return ""
}

// foreignRecord returns a proof with the record of another one.
func foreignRecord(b []byte, other map[string][]byte) []byte {
	lines := strings.SplitAfter(string(b), "\n")
	lines[1] = strings.SplitAfter(string(other[firstOf(other, "proofs/*/*-revision.proof")]), "\n")[1]
	return []byte(strings.Join(lines, ""))
}

// lineReplaced returns a proof with another hash in a line.
func lineReplaced(b []byte, n int) []byte {
	lines := strings.SplitAfter(string(b), "\n")
	lines[n] = strings.Repeat("A", 43) + "=\n"
	return []byte(strings.Join(lines, ""))
}

// lessOne returns `"rows": N` with the number before N.
func lessOne(b []byte) []byte {
	n, _ := strconv.Atoi(string(b[len(`"rows": `):]))
	return fmt.Appendf(nil, `"rows": %d`, n-1)
}

// faultsIn returns the faults in an output.
func faultsIn(out string) string {
	return strings.Join(regexp.MustCompile(`(?m)^(FAULT|verifier:).*$`).FindAllString(out, -1), "\n")
}

// An archive that was altered has no bundle.
func TestBundleOfAlteredArchive(t *testing.T) {
	f := logged(t)
	for _, statement := range []string{
		`UPDATE revisions SET author = 'COC-somebody' WHERE id = 2`,
		`UPDATE checkpoints SET note = (SELECT note FROM logs WHERE account_id = 1) WHERE account_id = 1`,
		`PRAGMA foreign_keys = 0; UPDATE changes SET backfill = 1 WHERE id = 2; DELETE FROM changes WHERE id = 2`,
		`UPDATE packs SET frame = randomblob(length(frame))`,
	} {
		if list, err := bundleOf(t, alter(t, f, statement), "prod", 0, 9); list != nil {
			t.Errorf("%s: a bundle was written, %v", statement, err)
		}
	}
}
