package main

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cocsync/internal/db"
)

// answer types yes after act, which runs while the program waits for the answer.
type answer struct {
	act  func()
	text *strings.Reader
}

func (a *answer) Read(b []byte) (int, error) {
	if a.act != nil {
		a.act()
		a.act = nil
	}
	return a.text.Read(b)
}

// Trust continues the logs of an archive without its head file.
func TestTrust(t *testing.T) {
	base := filepath.Join(t.TempDir(), "kept")
	tell(t, "demo", "--keep", base)
	for _, tt := range []struct {
		name   string
		act    string // in the archive, while the program waits for the answer
		answer string
		status int
		want   string
	}{
		{"yes", "", "yes\n", 0, "the logs continue; the decision is recorded"},
		{"no", "", "no\n", 1, "nothing was changed"},
		// Fault: an archive that was altered while the person thought about the answer counted as verified.
		{"altered meanwhile", `UPDATE revisions SET author = 'COC-somebody' WHERE id = 1`, "yes\n", 3, "it is not what was logged"},
		// Fault: another archive that the key signed could be put in its place.
		{"replaced meanwhile", "an older copy", "yes\n", 3, "the logs are not those that were shown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keep := t.TempDir()
			must(t, os.CopyFS(keep, os.DirFS(base)))
			archive := filepath.Join(keep, "demo.db")
			must(t, os.Remove(archive+".head"))
			if _, stderr, status := ask(t, archive, "verify"); status != 3 {
				t.Fatalf("verify without the head file: status %d, %s", status, stderr)
			}
			stdin := &answer{text: strings.NewReader(tt.answer)}
			switch tt.act {
			case "":
			case "an older copy":
				older, err := os.ReadFile(archive)
				must(t, err)
				must(t, os.WriteFile(archive+".older", older, 0o600))
				head, err := os.ReadFile(filepath.Join(base, "demo.db.head"))
				must(t, err)
				must(t, os.WriteFile(archive+".head", head, 0o600))
				d, err := db.Open(t.Context(), archive)
				must(t, err)
				_, err = d.Account(t.Context(), "other", "https://coc.example", false)
				must(t, errors.Join(err, d.Close(), os.Remove(archive+".head")))
				stdin.act = func() { must(t, os.Rename(archive+".older", archive)) }
			default:
				stdin.act = func() {
					c, err := sql.Open("sqlite", "file:"+archive)
					must(t, err)
					_, err = c.Exec(tt.act)
					must(t, err)
					must(t, c.Close())
				}
			}
			var out bytes.Buffer
			status := report(&out, run(t.Context(), []string{"--db", archive, "audit", "trust", "--reason", "a test"}, stdin, &out, &out))
			if status != tt.status || !strings.Contains(out.String(), tt.want) {
				t.Errorf("audit trust: status %d, want %d and %q:\n%s", status, tt.status, tt.want, out.String())
			}
			// Fault: the record and a new head file were written before the archive was verified again.
			_, err := os.Lstat(archive + ".head")
			if records := trusts(t, archive); (err == nil) != (tt.status == 0) || (records > 0) != (tt.status == 0) {
				t.Errorf("it left %d records, and the head file: %v", records, err)
			}
			if _, stderr, status := ask(t, archive, "verify"); (status == 0) != (tt.status == 0) {
				t.Errorf("verify after it: status %d, %s", status, stderr)
			}
		})
	}
}

// trusts counts the records of decisions in an archive.
func trusts(t *testing.T, archive string) (n int) {
	t.Helper()
	c, err := sql.Open("sqlite", "file:"+archive)
	must(t, err)
	defer c.Close()
	must(t, c.QueryRow(`SELECT count(*) FROM trusts`).Scan(&n))
	return n
}
