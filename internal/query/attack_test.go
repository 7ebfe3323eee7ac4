package query

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// attack is what someone does to an archive without its key, and what is found.
type attack struct {
	name string
	do   func(t *testing.T, path, older string)
	// The logs are what they were: they may be extended and signed.
	genuine bool
	// Parts of the first error: of opening the archive and, if that succeeds, verifying it; of
	// the next commits of a process that has it open. "" if nothing was altered.
	stopped, running string
}

func attacks() []attack {
	statements := func(f forgery) func(t *testing.T, path, older string) {
		return func(t *testing.T, path, _ string) {
			f.sql = "PRAGMA foreign_keys = 0; " + f.sql
			forge(t, path, f)
		}
	}
	const (
		author   = `UPDATE revisions SET author = 'COC-somebody' WHERE account_id = 1 AND id = 2; `
		inLeaves = ` > (SELECT id FROM leaves WHERE account_id = 1 AND type = 'revision' AND ref = 2)`
		tail     = `DELETE FROM changes WHERE account_id = 1 AND id = 3; DELETE FROM revisions WHERE account_id = 1 AND id = 3;
			DELETE FROM versions WHERE account_id = 1 AND id = 3; DELETE FROM diffs WHERE account_id = 1 AND change_id = 3;
			DELETE FROM leaves WHERE account_id = 1 AND id >= (SELECT min(id) FROM leaves WHERE account_id = 1 AND type = 'versions' AND ref = 3)`
		swap = `UPDATE logs SET account_id = -account_id; UPDATE logs SET account_id = 3 + account_id;
			UPDATE leaves SET account_id = -account_id; UPDATE leaves SET account_id = 3 + account_id`
		remove  = `DELETE FROM logs WHERE account_id = 2; DELETE FROM leaves WHERE account_id = 2; DELETE FROM checkpoints WHERE account_id = 2`
		add     = `INSERT INTO leaves SELECT account_id, log_id, (SELECT size FROM logs WHERE account_id = 1), type, ref, hashes FROM leaves WHERE account_id = 1 AND id = 4`
		opened  = "another program altered it while it was open"
		named   = "v2#1 of prod/DM1" // the altered row
		altered = "the log of account prod was altered"
	)
	head := func(text func(path, older string) []byte) func(t *testing.T, path, older string) {
		return func(t *testing.T, path, older string) {
			t.Helper()
			must(t, os.Remove(path+".head"))
			if b := text(path, older); b != nil {
				must(t, os.WriteFile(path+".head", b, 0o600))
			}
		}
	}
	return []attack{
		{"a row", statements(forgery{sql: author}), true, named, named},
		{"a row, and the checkpoints after its record", statements(forgery{sql: author +
			`DELETE FROM checkpoints WHERE size` + inLeaves}), true, named, named},
		{"a row and the log", statements(forgery{sql: author, rebuilt: true}), false, altered, opened},
		{"a row and the log, signed with another key", statements(forgery{sql: author, rebuilt: true, signed: true}), false,
			"the key of the archive was altered", opened},
		{"the tail with its events", statements(forgery{sql: tail, rebuilt: true}), false, "of account prod on ", opened},
		{"a record after the newest checkpoint", statements(forgery{sql: add + `; UPDATE logs SET size = size + 1 WHERE account_id = 1`}), false,
			"the log of account prod: its right edge does not have the hashes", opened},
		{"a leaf after the newest checkpoint", statements(forgery{sql: add}), false, "cocsync/", "has a record"},
		{"an older copy", putBack, false, "an older copy?", opened},
		{"the logs of two accounts, exchanged", statements(forgery{sql: swap}), false, "and the head file has", opened},
		{"the log of an account", statements(forgery{sql: remove}), false, "the database has no log of account test", opened},
		{"the name of an account", statements(forgery{sql: `UPDATE accounts SET name = 'other' WHERE id = 1`, rebuilt: true}), false,
			"the database has no log of account prod", opened},
		{"the signatures", statements(forgery{rebuilt: true}), true, "", opened},
		{"the head file, removed", head(func(string, string) []byte { return nil }), true, "the head file is missing", ""},
		{"the head file, replaced by an older one", head(func(_, older string) []byte {
			b, _ := os.ReadFile(older + ".head")
			return b
		}), true, "", ""},
	}
}

// putBack replaces the contents of a database by those of an older copy, as `.restore` of sqlite3
// does, also while it is open.
func putBack(t *testing.T, path, older string) {
	t.Helper()
	d, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	defer d.Close()
	c, err := d.Conn(context.Background())
	must(t, err)
	must(t, c.Raw(func(c any) error {
		b, err := c.(interface {
			NewRestore(string) (*sqlite.Backup, error)
		}).NewRestore("file:" + older)
		if err != nil {
			return err
		}
		_, err = b.Step(-1)
		return errors.Join(err, b.Finish())
	}))
	must(t, c.Close())
}

// twoAccounts returns an archive of two accounts with checkpoints, and an older copy of it, both
// with their head files.
func twoAccounts(t *testing.T) (path, older string) {
	t.Helper()
	path, older = t.TempDir()+"/archive.db", t.TempDir()+"/older.db"
	d, err := db.Open(t.Context(), path)
	must(t, err)
	for _, account := range []string{"prod", "test"} {
		_, err = d.Account(t.Context(), account, "https://coc.example", false)
		must(t, err)
	}
	other := compared(1, 0)
	other.Account = "test"
	for n, steps := range [][]coc.Step{{compared(1, 0), other}, {compared(2, 1)}, {compared(3, 2)}} {
		if n == 2 {
			must(t, d.Backup(t.Context(), older))
			head, err := os.ReadFile(path + ".head")
			must(t, err)
			must(t, os.WriteFile(older+".head", head, 0o600))
		}
		c := beginOne(t, d, n+1)
		must(t, d.Commit(t.Context(), steps...))
		must(t, endOne(t, d, c))
		_, err := d.Heads(t.Context(), []string{"prod", "test"}, on(n+1)) // the head file has them
		must(t, err)
	}
	must(t, d.Close())
	return path, older
}

func beginOne(t *testing.T, d *db.DB, n int) coc.Cycle {
	t.Helper()
	c := coc.Cycle{Watch: "all", Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: on(n)}
	var err error
	c.Key, err = d.Begin(t.Context(), c)
	must(t, err)
	return c
}

func endOne(t *testing.T, d *db.DB, c coc.Cycle) error {
	t.Helper()
	c.EndedAt, c.Outcome, c.Complete = c.StartedAt.Add(time.Minute), coc.CycleGood, true
	return d.End(t.Context(), c, nil)
}

// Each attack is found while no process has the archive open, while a daemon has it open, and
// between two commits of a cycle. Nothing that was forged is signed, and the head file stays.
func TestAttacks(t *testing.T) {
	master, older := twoAccounts(t)
	open := func(t *testing.T, path string) *db.DB {
		t.Helper()
		d, err := db.Open(t.Context(), path)
		must(t, err)
		return d
	}
	// verified is what the start of run and sync does, and the daily verification of the daemon.
	verified := func(t *testing.T, d *db.DB) error {
		v, err := New(d).Verify(t.Context(), Verification{}, nil)
		for _, f := range v.Faults {
			err = errors.Join(err, errors.New(f))
		}
		return err
	}
	// goesOn is what a process does that has the archive open.
	goesOn := func(t *testing.T, d *db.DB, version int) error {
		c := coc.Cycle{Watch: "all", Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: on(9)}
		_, err := d.Begin(t.Context(), c)
		if err == nil {
			err = d.Commit(t.Context(), compared(version, version-1))
		}
		if err == nil {
			_, err = d.Heads(t.Context(), []string{"prod"}, on(9))
		}
		if err == nil {
			err = verified(t, d)
		}
		return err
	}
	for _, a := range attacks() {
		var before map[string]bool // the notes that the key signed before the attack
		do := a.do
		a.do = func(t *testing.T, path, older string) {
			t.Helper()
			before = signedNotes(t, path, master+".key")
			do(t, path, older)
		}
		for state, attacked := range map[string]func(t *testing.T, path string) error{
			"stopped": func(t *testing.T, path string) error {
				a.do(t, path, older)
				d, err := db.Open(t.Context(), path)
				if err == nil {
					defer d.Close()
					err = verified(t, d)
				}
				return err
			},
			"running": func(t *testing.T, path string) error {
				d := open(t, path)
				defer d.Close()
				must(t, endOne(t, d, beginOne(t, d, 4)))
				a.do(t, path, older)
				return goesOn(t, d, 4)
			},
			"between two commits": func(t *testing.T, path string) error {
				d := open(t, path)
				defer d.Close()
				c := beginOne(t, d, 4)
				must(t, d.Commit(t.Context(), compared(4, 3)))
				_, err := d.Heads(t.Context(), []string{"prod"}, on(4))
				must(t, err)
				a.do(t, path, older)
				err = d.Commit(t.Context(), compared(5, 4))
				if err == nil {
					err = endOne(t, d, c)
				}
				if err == nil {
					err = goesOn(t, d, 6)
				}
				return err
			},
		} {
			t.Run(a.name+", "+state, func(t *testing.T) {
				want := a.running
				if state == "stopped" {
					want = a.stopped
				}
				path := forged(t, master, forgery{sql: `SELECT 1`})
				err := attacked(t, path)
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("the result is %v, want %q", err, want)
				}
				if want == "" && state != "stopped" { // the process has written it again
					if b, err := os.ReadFile(path + ".head"); err != nil || !strings.Contains(string(b), "/prod") {
						t.Errorf("the head file is %q, %v", b, err)
					}
				}
				if want == "" || a.genuine {
					return
				}
				refusedAfter(t, path)
				for note := range signedNotes(t, path, master+".key") {
					if !before[note] {
						t.Errorf("signed after the attack:\n%s", note)
					}
				}
			})
		}
	}
}

// refusedAfter checks that no later process opens an archive that was refused, and that the head
// file has not less than the master's.
func refusedAfter(t *testing.T, path string) {
	t.Helper()
	head, err := os.ReadFile(path + ".head")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), path)
	if err == nil {
		v, verr := New(d).Verify(t.Context(), Verification{}, nil)
		must(t, errors.Join(verr, d.Close()))
		if v.Good {
			t.Error("the next process accepts the archive")
		}
		return
	}
	if after, _ := os.ReadFile(path + ".head"); string(after) != string(head) {
		t.Error("the head file changed")
	}
}

// signedNotes returns the checkpoints in a database that a key signed.
func signedNotes(t *testing.T, path, key string) map[string]bool {
	t.Helper()
	k, err := audit.ReadKey(key)
	must(t, err)
	d, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	defer d.Close()
	rows, err := d.Query(`SELECT note FROM logs UNION SELECT note FROM checkpoints`)
	must(t, err)
	defer rows.Close()
	notes := map[string]bool{}
	for rows.Next() {
		var note []byte
		must(t, rows.Scan(&note))
		if _, err := audit.Open(note, k.Public()); err == nil {
			notes[string(note)] = true
		}
	}
	must(t, rows.Err())
	return notes
}
