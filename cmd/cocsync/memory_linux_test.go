//go:build linux && !race

package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A list with names of 60 KB took 1.3 GB. For any list the program stays under 150 MB: rows
// over a limit are skipped, and a list over 64 MiB fails.
func TestHostileListMemory(t *testing.T) {
	const limit = 150 << 10 // KiB, as Linux counts
	for _, tt := range []struct {
		name       string
		rows, size int
		args       []string
		want       string
	}{
		{"long names", 1000, 60_000, []string{"sync"}, ""},
		{"too many long names", 3000, 60_000, []string{"sync"}, "the list is longer than 64 MiB"},
		{"the longest names in the longest list", 55_000, 1000, []string{"sync", "--dry-run"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := strings.Repeat("n", tt.size)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				offset, err := strconv.Atoi(r.URL.Query().Get("offset"))
				if err != nil {
					t.Errorf("a request for %s", r.URL)
				}
				fmt.Fprintf(w, `{"total":%d,"data":[`, tt.rows)
				for i := offset; i < min(tt.rows, offset+100); i++ {
					if i > offset {
						fmt.Fprint(w, ",")
					}
					fmt.Fprintf(w, `{"document_id":"DM%d","name":%q,"version":"v1"}`, i, name)
				}
				fmt.Fprint(w, "]}")
			}))
			defer s.Close()
			path := filepath.Join(t.TempDir(), "config.toml")
			must(t, os.WriteFile(path, []byte(`
[[account]]
name = "prod"
endpoint = "`+s.URL+`"
access_key = "AKEXAMPLE"
secret_key = "SKEXAMPLE"
requests_per_second = 0
[[watch]]
name = "jobs"
account = "prod"
select = { all = true }
`), 0o600))
			out, kib, err := peakOf(t, "", append([]string{"-c", path}, tt.args...)...)
			if failed := (*exec.ExitError)(nil); tt.want != "" && !strings.Contains(out, tt.want) ||
				tt.want == "" && errors.As(err, &failed) && failed.ExitCode() < 0 {
				t.Errorf("%v = %v, want %q:\n%.2000s", tt.args, err, tt.want, out)
			}
			if kib > limit {
				t.Errorf("the peak is %d KiB, want at most %d", kib, limit)
			}
			t.Logf("the peak is %d KiB", kib)
		})
	}
}

// peakOf runs the program with an input, and returns its output and the peak of its memory in KiB.
func peakOf(t *testing.T, stdin string, args ...string) (out string, kib int, failed error) {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), program, args...)
	peak := filepath.Join(t.TempDir(), "status")
	cmd.Env = append(os.Environ(), asProgram+"=1", peakFile+"="+peak, "GOGC=", "GOMEMLIMIT=")
	cmd.Stdin = strings.NewReader(stdin)
	b, failed := cmd.CombinedOutput()
	text, err := os.ReadFile(peak)
	must(t, err)
	_, line, _ := strings.Cut(string(text), "VmHWM:")
	_, err = fmt.Sscan(line, &kib)
	must(t, err)
	return string(b), kib, failed
}

// To rewrite the file after an erasure took twice its size in memory.
func TestEraseMemory(t *testing.T) {
	d, path := newArchive(t)
	must(t, d.Commit(t.Context(), plainStep("job", 1)))
	must(t, d.Close())
	must(t, execSQL(path, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 128)
		INSERT INTO messages (notifier, kind, body, text, plain, state, attempts, created_at, next_at, channel, ts, error)
		SELECT 'ops', 'notice', randomblob(1048576), '', 0, 'sent', 1, 0, 0, '', '', '' FROM n`))
	out, kib, err := peakOf(t, "yes\n", "--db", path, "erase", "job@v1", "--reason", "a test")
	if err != nil || !strings.Contains(out, "erased v1 of job") {
		t.Fatalf("erase = %v:\n%s", err, out)
	}
	if kib > 128<<10 {
		t.Errorf("the peak is %d KiB, want less than the 128 MiB of the file", kib)
	}
	t.Logf("the peak is %d KiB", kib)
}
