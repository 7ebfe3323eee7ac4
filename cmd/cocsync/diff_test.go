package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// The output of diff turns the old bytes into the new ones, with git apply under the
// document's name and with patch on any file, for any name and any bytes.
func TestDiffIsAPatch(t *testing.T) {
	for _, tt := range []struct{ title, name, file, old, new string }{
		{"plain", "restart", "restart", job1, job3},
		{"space", "re start", "re start", job1, job2},
		{"slash", "../../etc/x", ".._.._etc_x", job1, job2},
		{"quotes and control characters", "a\"b\\c\td\x1b", "a\"b\\c\td\x1b", job1, job2},
		{"wide", "重启", "重启", job1, job2},
		{"no last newline, CRLF, NUL", "x", "x", "a\r\nb\x00\n", "a\r\nb\x00\r\nc"},
		{"looks like a header", "x", "x", "-- a/x\n++ b\nsame\n", "-- /dev/null\n@@ -1 +1 @@\nsame\n"},
		{"to nothing", "x", "x", "a\n", ""},
		{"from empty", "x", "x", "", "a"},
	} {
		t.Run(tt.title, func(t *testing.T) {
			archive := two(t, tt.name, tt.old, tt.new)
			text, stderr, _ := ask(t, archive, "diff", "DM1@v1..v2", "--color", "never")
			if text == "" {
				t.Fatalf("diff wrote nothing, and on stderr %q", stderr)
			}
			for tool, command := range map[string][]string{
				"git":   {"git", "apply", "-"},
				"patch": {"patch", "--binary", "-s", "other"},
			} {
				if _, err := exec.LookPath(tool); err != nil {
					t.Logf("no %s here", tool)
					continue
				}
				file := map[string]string{"git": tt.file, "patch": "other"}[tool]
				dir := t.TempDir()
				must(t, os.WriteFile(filepath.Join(dir, file), []byte(tt.old), 0o600))
				cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
				cmd.Dir, cmd.Stdin = dir, strings.NewReader(text)
				cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL=/dev/null")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s\n%s", tool, err, out, text)
					continue
				}
				got, err := os.ReadFile(filepath.Join(dir, file))
				if os.IsNotExist(err) && tt.new == "" {
					continue // patch removes a file that becomes empty
				}
				if err != nil || string(got) != tt.new {
					t.Errorf("%s made %q, %v, want %q of\n%s", tool, got, err, tt.new, text)
				}
			}
		})
	}
}

// -w ignores white space in the lines and the exit status. It does not affect the outline
// and the patch in the JSON.
func TestIgnoreWhiteSpace(t *testing.T) {
	archive := two(t, "job", "a: b\nc: d\n", "a:   b\nc: d\n")
	for _, tt := range []struct {
		flags  string
		stdout string // a part
		stderr string
		status int
	}{
		{"", "+a:   b", "", 1},
		{"-w", "", "job  v1 → v2: only white space differs\n", 0},
		{"-w --stat", "", "job  v1 → v2: only white space differs\n", 0},
		{"-w --format side-by-side", "", "job  v1 → v2: only white space differs\n", 0},
		{"-w --format dsl", "formatting: white space (line 1)", "", 0},
		{"-w -o json", "\"hunks\": [],\n  \"unified\": \"--- a/job", "", 0},
	} {
		args := append([]string{"diff", "job", "--exit-code"}, strings.Fields(tt.flags)...)
		stdout, stderr, status := ask(t, archive, args...)
		if !strings.Contains(stdout, tt.stdout) || tt.stdout == "" && stdout != "" || stderr != tt.stderr || status != tt.status {
			t.Errorf("%q = %q, %q, %d, want %q in it, %q, %d", args, stdout, stderr, status, tt.stdout, tt.stderr, tt.status)
		}
	}
}

func TestFormatsAreCompleted(t *testing.T) {
	want := []string{"unified", "dsl", "side-by-side", "json"}
	got := completions(t, two(t, "job", "a\n", "b\n"), "__complete", "diff", "job", "--format", "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("completing --format (-want +got):\n%s", diff)
	}
}

// two creates an archive with one document of two versions.
func two(t *testing.T, name, old, now string) string {
	t.Helper()
	d, path := newArchive(t)
	must(t, d.Commit(t.Context(), coc.Step{Account: "prod", DocumentID: "DM1", SeenAt: dayOf(2), Name: name, Newest: "v2",
		State:    coc.DocPresent,
		Versions: []coc.VersionStep{versionStep("v1", 0, old, "li"), versionStep("v2", 1, now, "")}}))
	must(t, d.Close())
	return path
}

// A content that is not valid Unicode is written as COC sent it, with a note.
func TestShowOfARawToken(t *testing.T) {
	path := two(t, "job", "a\n", "b\n")
	d, err := db.Open(t.Context(), path)
	must(t, err)
	v := versionStep("v3", 2, "", "")
	v.Revision.Content = coc.Content{Bytes: []byte(`"\ud800"`), Form: coc.FormToken}
	must(t, d.Commit(t.Context(), coc.Step{Account: "prod", DocumentID: "DM1", SeenAt: dayOf(3), Newest: "v3",
		Versions: []coc.VersionStep{v}}))
	must(t, d.Close())
	stdout, stderr, status := ask(t, path, "show", "job")
	if stdout != `"\ud800"` || !strings.Contains(stderr, "this content is not valid Unicode") || status != 0 {
		t.Errorf("show of a raw token = %q, %q, %d", stdout, stderr, status)
	}
}

// Names with newlines or control characters are made visible within their hint.
func TestSuggestionsStayOnTheirLine(t *testing.T) {
	archive := two(t, "job\nrm\x1b[2J", "a\n", "b\n")
	for args, want := range map[string]string{
		"show rm":      "cocsync: hint: did you mean job^Jrm^[[2J, DM1? `cocsync list` shows all documents\n",
		"show DM1@v9":  "cocsync: version \"v9\" of job^Jrm^[[2J: not found\n",
		"log DM1@v1":   "cocsync: hint: `cocsync log job^Jrm^[[2J` shows all its changes, `cocsync diff DM1@v1` that one\n",
		"diff DM1 a@b": "cocsync: version \"a@b\" of job^Jrm^[[2J: not found\n",
	} {
		if _, stderr, _ := ask(t, archive, strings.Fields(args)...); !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 2 {
			t.Errorf("%s = %q, want the line %q of two", args, stderr, want)
		}
	}
}

// The patch in log's JSON is exact, even if its bytes are not valid in JSON.
func TestLogJSONHasPatch(t *testing.T) {
	const old, now = "a: \xfe\n", "a: \xff\n"
	archive := two(t, "job", old, now)
	d, err := db.Open(t.Context(), archive)
	must(t, err)
	must(t, d.Commit(t.Context(), coc.Step{Account: "prod", DocumentID: "DM1", SeenAt: dayOf(3), Newest: "v2",
		Changes: []coc.NewChange{change(coc.KindVersion, "v1", "v2", 1, old, now, false)}}))
	must(t, d.Close())
	stdout, stderr, status := ask(t, archive, "log", "-p", "-o", "json")
	var list []struct {
		Unified string
		Base64  []byte `json:"unified_base64"`
	}
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || status != 0 || len(list) != 1 {
		t.Fatalf("log -p -o json = %q, %q, %d: %v", stdout, stderr, status, err)
	}
	want := "--- a/job\n+++ b/job\n@@ -1 +1 @@\n-" + old + "+" + now
	if got := string(list[0].Base64); got != want {
		t.Errorf("unified_base64 = %q, want %q", got, want)
	}
	if got := list[0].Unified; got != strings.ToValidUTF8(want, "\ufffd") {
		t.Errorf("unified = %q", got)
	}
}
