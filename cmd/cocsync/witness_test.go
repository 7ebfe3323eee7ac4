package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/query"
)

// Git is an independent check: on the exported archive it must give the same results as
// cocsync. The histories are the built-in ones, and those in COCSYNC_CORPUS if set.
func TestGitGivesSameResults(t *testing.T) {
	tool(t, "git")
	corpora := map[string]string{"made up": madeUpCorpus(t)}
	if dir := os.Getenv("COCSYNC_CORPUS"); dir != "" {
		corpora["corpus"] = dir
	}
	for name, dir := range corpora {
		t.Run(name, func(t *testing.T) {
			w := newWitness(t, dir)
			t.Run("show", w.show)
			t.Run("log", w.log)
			t.Run("blame", w.blame)
			t.Run("grep", w.grep)
			t.Run("log -S", w.pick)
		})
	}
}

// madeUpCorpus creates a folder of histories with lines that are removed and added again,
// repeated, moved, and have unusual endings.
func madeUpCorpus(t *testing.T) string {
	dir := t.TempDir()
	job := func(lines ...string) string { return "steps:\n" + strings.Join(lines, "\n") + "\n" }
	a, b, c := "  - name: a\n    task: one", "  - name: b\n    task: two", "  - name: c\n    timeout: 30"
	histories := map[string][]string{
		"comes-back": {job(a, b), job(a), job(a, b), job(a, b, c, a), "", job(a, b), job(c), job(a, c)},
		"odd ends":   {"a\r\nb\r\n", "a\nb\r\n", "a\nb", "a\nb\n", "\n\nb\n\n", "a\n\n\nb", "tab\tä\x01\n"},
		".git":       {"hooks: [one]\n", "hooks: [one]\n", "hooks: [two]\n"},
	}
	for name, versions := range histories {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		for i, text := range versions {
			must(t, os.WriteFile(filepath.Join(dir, name, fmt.Sprintf("%d.yaml", i+1)), []byte(text), 0o600))
		}
	}
	return dir
}

// gitMirror is an archive and the repository made from it.
type gitMirror struct {
	db, repo string
	docs     []string            // names
	paths    map[string]string   // of documents in the repository
	commits  map[string][]string // of each document, by version
	of       map[string][2]string
}

func newWitness(t *testing.T, corpus string) *gitMirror {
	keep := filepath.Join(t.TempDir(), "kept")
	tell(t, "demo", "--corpus", corpus, "--keep", keep)
	w := &gitMirror{db: filepath.Join(keep, "demo.db"), repo: filepath.Join(keep, "git"),
		paths: map[string]string{}, commits: map[string][]string{}, of: map[string][2]string{}}
	for range 2 { // a second import of the same changes nothing
		stream := tell(t, "--db", w.db, "export", "git")
		if w.docs == nil {
			git(t, "", nil, "init", "-q", "--bare", w.repo)
		}
		git(t, w.repo, stream, "fast-import", "--quiet")
		head := strings.TrimSpace(string(git(t, w.repo, nil, "rev-parse", "main")))
		if w.docs = append(w.docs, head); w.docs[0] != head {
			t.Errorf("a second import gives %s, want %s", head, w.docs[0])
		}
	}
	w.docs = nil
	git(t, w.repo, nil, "fsck", "--strict")
	for entry := range strings.SplitSeq(string(git(t, w.repo, nil, "log", "--reverse", "--format=%x01%H %s", "--name-only",
		"-z", "main")), "\x01") {
		if entry == "" {
			continue
		}
		commit, rest, _ := strings.Cut(entry, " ")
		subject, files, _ := strings.Cut(rest, "\x00")
		i := strings.LastIndex(subject, " ")
		name, version := subject[:i], subject[i+1:]
		if path := strings.Trim(files, "\n\x00"); path != "" {
			w.paths[name] = path
		}
		if len(w.commits[name]) == 0 {
			w.docs = append(w.docs, name)
		}
		w.commits[name] = append(w.commits[name], commit)
		if want := fmt.Sprintf("v%d", len(w.commits[name])); version != want {
			t.Errorf("commit %q is where %s should be", subject, want)
		}
		w.of[commit] = [2]string{name, version}
	}
	if len(w.docs) == 0 {
		t.Fatal("no commits")
	}
	return w
}

// tell runs the program and returns its output.
func tell(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	if err := run(t.Context(), args, strings.NewReader(""), &out, &errs); err != nil {
		t.Fatalf("cocsync %q: %v\n%s", args, err, errs.String())
	}
	return out.Bytes()
}

func askJSON[T any](t *testing.T, args ...string) (v T) { // --db FILE COMMAND …
	t.Helper()
	must(t, json.Unmarshal(tell(t, slices.Insert(args, 3, "-o", "json")...), &v))
	return v
}

func git(t *testing.T, repo string, stdin []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = repo, bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil && (args[0] != "grep" || errs.Len() > 0) { // 1: nothing was found
		t.Fatalf("git %q: %v\n%s", args, err, errs.String())
	}
	return out
}

func (w *gitMirror) show(t *testing.T) {
	var ask, got bytes.Buffer
	for _, doc := range w.docs {
		for i, commit := range w.commits[doc] {
			fmt.Fprintf(&ask, "%s:%s\n", commit, w.paths[doc])
			text := tell(t, "--db", w.db, "show", fmt.Sprintf("%s@v%d", doc, i+1))
			fmt.Fprintf(&got, "%d\n%s\n", len(text), text)
		}
	}
	if want := git(t, w.repo, ask.Bytes(), "cat-file", "--batch=%(objectsize)"); !bytes.Equal(got.Bytes(), want) {
		t.Error("the contents differ from git's")
	}
}

type logged struct {
	By      *string
	MadeAt  string `json:"made_at"`
	Name    string
	Version string
}

func (w *gitMirror) log(t *testing.T) {
	want := map[string][]string{}
	for line := range strings.Lines(string(git(t, w.repo, nil, "log", "--date=format:%Y-%m-%dT%H:%M:%S", "--format=%H %an %ad", "main"))) {
		commit, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		of := w.of[commit]
		want[of[0]] = append(want[of[0]], of[1]+" "+rest)
	}
	for _, doc := range w.docs {
		var got []string
		for _, c := range askJSON[[]logged](t, "--db", w.db, "log", doc) {
			by := "unknown"
			if c.By != nil {
				by = *c.By
			}
			got = append(got, c.Version+" "+by+" "+c.MadeAt[:19])
		}
		if diff := cmp.Diff(want[doc], got); diff != "" {
			t.Errorf("log %s differs from git's:\n%s", doc, diff)
		}
	}
}

// maxOther is the maximum share of lines that git may attribute to another version. If two
// diffs are equally short (two blocks were swapped, one of several blank lines was removed),
// git may choose differently. The generated histories are unambiguous.
const maxOther = 0.001

func (w *gitMirror) blame(t *testing.T) {
	lines, other := 0, 0
	for _, doc := range w.docs {
		for i, commit := range w.commits[doc] {
			if n := len(w.commits[doc]); n > 12 && i%8 != 0 && i != n-1 {
				continue // of long histories every eighth version
			}
			version := w.of[commit][1]
			got := askJSON[[]query.Blamed](t, "--db", w.db, "blame", doc+"@"+version)
			want := w.gitBlame(t, commit, w.paths[doc])
			if len(got) != len(want) {
				t.Fatalf("blame %s@%s has %d lines, git %d", doc, version, len(got), len(want))
			}
			surplus := 0 // lines added by the version itself: both diffs are equally short
			for j := range got {
				if lines++; got[j].Version != want[j] {
					other++
					t.Logf("blame %s@%s line %d %q = %s, git says %s", doc, version, j+1, got[j].Text, got[j].Version, want[j])
				}
				if got[j].Version == version {
					surplus++
				}
				if want[j] == version {
					surplus--
				}
			}
			if surplus != 0 {
				t.Errorf("blame %s@%s: %d more lines than git says", doc, version, surplus)
			}
		}
	}
	t.Logf("git attributes %d of %d lines to another version", other, lines)
	if float64(other) > maxOther*float64(lines) {
		t.Errorf("git attributes %d of %d lines to another version", other, lines)
	}
}

// gitBlame returns the version of each line.
func (w *gitMirror) gitBlame(t *testing.T, commit, path string) (versions []string) {
	out := git(t, w.repo, nil, "blame", "--line-porcelain", "--minimal", commit, "--", path)
	for line := range strings.Lines(string(out)) {
		if hash, _, ok := strings.Cut(line, " "); ok && len(hash) == 40 && line[0] != '\t' {
			versions = append(versions, w.of[hash][1])
		}
	}
	return versions
}

// words returns texts to search for: some of every kind of line.
func (w *gitMirror) words(t *testing.T) []string {
	words := []string{"name: a", "timeout", "b", "[two]", "\t", "zzz not there"}
	for i, doc := range w.docs {
		if i%12 == 0 && len(w.docs) > 12 {
			lines := strings.Split(string(tell(t, "--db", w.db, "show", doc+"@v1")), "\n")
			words = append(words, strings.TrimRight(lines[len(lines)/2], "\r"))
		}
	}
	return slices.DeleteFunc(words, func(s string) bool { return s == "" })
}

func (w *gitMirror) grep(t *testing.T) {
	for _, word := range w.words(t) {
		got := map[string]bool{}
		for _, m := range askJSON[[]query.Match](t, "--db", w.db, "grep", "-F", "--", word) {
			for _, r := range m.Runs {
				var from, to int
				_, err := fmt.Sscanf(r.First+" "+r.Last, "v%d v%d", &from, &to)
				must(t, err)
				for v := from; v <= to; v++ {
					got[fmt.Sprintf("%s v%d %q", m.Name, v, m.Text)] = true
				}
			}
		}
		want := map[string]bool{}
		args := []string{"grep", "-a", "-z", "-F", "-e", word}
		for _, commits := range w.commits {
			args = append(args, commits...)
		}
		for line := range strings.Lines(string(git(t, w.repo, nil, args...))) {
			at, text, _ := strings.Cut(line, "\x00")
			commit, path, _ := strings.Cut(at, ":")
			if of := w.of[commit]; w.paths[of[0]] == path { // in its own commit
				want[fmt.Sprintf("%s %s %q", of[0], of[1], strings.TrimRight(text, "\r\n"))] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("grep -F %q differs from git's:\n%s", word, diff)
		}
	}
}

func (w *gitMirror) pick(t *testing.T) {
	for _, word := range w.words(t) {
		got, want := map[string]bool{}, map[string]bool{}
		for _, c := range askJSON[[]logged](t, "--db", w.db, "log", "-S", word) {
			got[c.Name+" "+c.Version] = true
		}
		for commit := range strings.Lines(string(git(t, w.repo, nil, "log", "-S"+word, "--format=%H", "main"))) {
			of := w.of[strings.TrimSpace(commit)]
			want[of[0]+" "+of[1]] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("log -S %q differs from git's:\n%s", word, diff)
		}
	}
}
