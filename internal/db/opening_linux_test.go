package db

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cocsync/internal/diff"
)

// readBy returns the bytes that this process reads from files while f runs: the least of a few
// runs, because other goroutines read, too.
func readBy(t *testing.T, f func()) int64 {
	t.Helper()
	count := func() (n int64) {
		text, err := os.ReadFile("/proc/self/io")
		if err != nil {
			t.Skip(err)
		}
		if _, err := fmt.Sscanf(string(text), "rchar: %d", &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	least := int64(-1)
	for range 3 {
		before := count()
		f()
		if n := count() - before; least < 0 || n < least {
			least = n
		}
	}
	return least
}

// filled returns the path of an archive with n each of documents, states, cycles, coverages and
// changes.
func filled(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.db")
	d, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	begin(t, d)
	commit(t, d, step("DM1", "a"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", n)
	rows := func(table string, other map[string]string) string {
		columns, values := "", ""
		for name, value := range other {
			columns, values = columns+", "+name, values+", "+value
		}
		return all + `INSERT INTO ` + table + ` (account_id` + columns + `) SELECT 1` + values + ` FROM n`
	}
	alter(t, path,
		rows("documents", map[string]string{"id": "i", "document_id": "'D' || i", "document_type": "''", "first_seen_at": "i",
			"state": "'present'",
			"name":  "'job'", "checked_at": "i", "lines_version": fmt.Sprint(linesAlgorithm)}),
		rows("cycles", map[string]string{"id": "i", "watch": "'runbooks'", "cause": "'sync'", "started_at": "i",
			"partial": "i % 2", "outcome": "'good'"}),
		rows("coverages", map[string]string{"id": "i", "watch": "'runbooks'", "type": "'cycle'", "first_cycle": "i",
			"last_cycle": "i", "accounts": "1", "names": "x'00'"}),
		rows("changes", map[string]string{"id": "i", "document_id": "1", "kind": "'new'", "at": "i", "seen_at": "i",
			"backfill": "0", "late": "0"}),
		rows("diffs", map[string]string{"change_id": "i", "algorithm": fmt.Sprint(diff.Algorithm), "class": "''",
			"added": "0", "removed": "0", "omitted": "0",
			"cut": "0", "skipped": "'[]'", "formatting": "'[]'", "summary": "''", "reason": "''", "partial": "0"}),
		rows("leaves", map[string]string{"log_id": "1", "id": "i + 1000000", "type": "'change'", "ref": "i", "hashes": "x'00'"}),
		fmt.Sprintf(`UPDATE counters SET cycles = %d, coverages = %[1]d`, n),
		`PRAGMA wal_checkpoint(TRUNCATE)`)
	return path
}

// Opening the archive, a cycle and closing it read no more of a large archive than of a small
// one: apart from a few more levels of the trees.
func TestOpeningReadsNothingThatGrows(t *testing.T) {
	read := map[int]int64{}
	for _, n := range []int{2000, 20_000} {
		path := filled(t, n)
		read[n] = readBy(t, func() {
			d, err := Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			begin(t, d) // ends the one of the previous run
			if _, err := d.RebuildDifferences(t.Context()); err != nil {
				t.Error(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		})
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d rows: %d of %d bytes read", n, read[n], info.Size())
	}
	if more := read[20_000] - read[2000]; more > 256<<10 {
		t.Errorf("opening an archive that is ten times as large reads %d bytes more", more)
	}
}

// The statements that run when the archive is opened, those that find unattested cycles, and those
// of each proof use an index.
func TestOpeningScansNothing(t *testing.T) {
	d, _ := open(t)
	for _, query := range []string{unattestedCycles, endRunning, keyChanges,
		strings.NewReplacer("?1", "'prod'", "?2", "0", "?3", "0", "?4", "'w'").Replace(recordedRanges),
		`SELECT ` + recordOf + ` FROM cycles x WHERE x.watch = 'w' AND x.account_id = 1`,
		`SELECT ` + lastGood(recordOf+` <> 'unattested'`) + ` FROM watches w WHERE w.name = 'w'`,
		`SELECT ` + lastGood(attested("0")) + ` FROM watches w WHERE w.name = 'w'`, strings.ReplaceAll(otherLines, "?1", "1"),
		cycleRows + ` WHERE c.watch = 'w' AND c.outcome = 'running'`} {
		plan, err := collect[struct {
			ID, Parent, Unused int
			Detail             string
		}](d.reading(t.Context(), "plan"), `EXPLAIN QUERY PLAN `+query)
		if err != nil || len(plan) == 0 {
			t.Fatalf("%s: %v, %v", query, plan, err)
		}
		for _, p := range plan {
			if strings.HasPrefix(p.Detail, "SCAN") && p.Detail != "SCAN s" && p.Detail != "SCAN k" && !strings.Contains(p.Detail, "cycles_running") {
				t.Errorf("%s\n%s", query, p.Detail)
			}
		}
	}
}

// Root gives away only a file that it created: not one that a link of another user names.
func TestLinksKeepTheirOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	const nobody = 65534
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"database", "created", "secret", "linked"} {
		if err := os.WriteFile(at(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chown(at("database"), nobody, nobody), os.Symlink("secret", at("symbolic")),
		os.Link(at("linked"), at("hard")), syscall.Mkfifo(at("pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"created", "symbolic", "hard", "pipe"} {
		if err := takeOwner(at(name), at("database")); err != nil {
			t.Errorf("takeOwner(%s) = %v", name, err)
		}
	}
	for name, want := range map[string]uint32{"created": nobody, "secret": 0, "linked": 0, "pipe": 0} {
		info, err := os.Stat(at(name))
		if err != nil {
			t.Fatal(err)
		}
		if s := info.Sys().(*syscall.Stat_t); s.Uid != want {
			t.Errorf("%s is of user %d, want %d", name, s.Uid, want)
		}
	}
}

// Root may sync the archive of another user, who can write it afterwards, also after a kill.
func TestFilesOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can write the archive of another user")
	}
	const nobody = 65534
	path := filepath.Join(t.TempDir(), "a.db")
	d, err := Open(t.Context(), path)
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Dir(filepath.Dir(path)), filepath.Dir(path)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	own := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if err := os.Chown(name, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	own(filepath.Dir(path), path, KeyFile(path), HeadFile(path))
	if err := os.Remove(lockFile(path)); err != nil { // root creates it
		t.Fatal(err)
	}
	if d, err = Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	begin(t, d)
	commit(t, d, step("DM1", "a"))
	if err := d.head.Flush(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Dir(path)) // as a kill leaves them
	if err != nil || len(files) < 6 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if s := info.Sys().(*syscall.Stat_t); s.Uid != nobody || s.Gid != nobody || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is of user %d, group %d, mode %v", f.Name(), s.Uid, s.Gid, info.Mode())
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
