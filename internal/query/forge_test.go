package query

import (
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// rebuild makes the leaves, edges and newest checkpoints of all logs those of the rows, as
// anyone who can write the database can. The checkpoints are signed by key, or not if it is
// nil.
func rebuild(t *testing.T, path string, key *audit.Key) {
	t.Helper()
	d, err := db.OpenReader(t.Context(), path)
	must(t, err)
	defer d.Close()
	logs, err := d.Logs(t.Context())
	must(t, err)
	c, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	defer c.Close()
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := c.Exec(query, args...)
		must(t, err)
	}
	for _, l := range logs {
		var e audit.Edge
		for leaf, err := range d.Leaves(t.Context(), l.Account, l.ID) {
			must(t, err)
			records, err := d.Records(t.Context(), l.Account, leaf.Type, []int64{leaf.Ref})
			must(t, err)
			r, ok := records[leaf.Ref]
			if !ok {
				exec(`DELETE FROM leaves WHERE account_id = ? AND log_id = ? AND id >= ?`, l.Account, l.ID, leaf.Index)
				break
			}
			var hashes []byte
			for _, h := range audit.Stored(e.Add(audit.LeafHash(r.Encode()))) {
				hashes = append(hashes, h[:]...)
			}
			exec(`UPDATE leaves SET hashes = ? WHERE account_id = ? AND log_id = ? AND id = ?`, hashes, l.Account, l.ID, leaf.Index)
		}
		head := audit.Checkpoint{Origin: l.Origin, Size: e.Size, Root: e.Root()}
		note, peaks := []byte(head.Text()), []byte{}
		for _, h := range e.Peaks {
			peaks = append(peaks, h[:]...)
		}
		if key != nil {
			note, err = key.Sign(head)
			must(t, err)
			exec(`UPDATE logs SET public_key = ?`, []byte(key.Public()))
			exec(`UPDATE archive SET public_key = ?`, []byte(key.Public()))
		}
		exec(`UPDATE logs SET size = ?, peaks = ?, note = ? WHERE account_id = ? AND id = ?`, e.Size, peaks, note, l.Account, l.ID)
	}
	exec(`DELETE FROM checkpoints`)
	exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
}

// cutTail removes the last version with all that belongs to it.
const cutTail = `PRAGMA foreign_keys = 0; DELETE FROM changes WHERE id = 5; DELETE FROM revisions WHERE id = 4; DELETE FROM versions WHERE id = 5;
	DELETE FROM leaves WHERE id >= (SELECT min(id) FROM leaves WHERE type = 'version' AND ref = 5)`

// forgery alters an archive with its log, without the key.
type forgery struct {
	name    string
	sql     string
	signed  bool   // by another key
	rebuilt bool   // the log fits the rows
	opened  string // part of the error of Open
}

func forgeries() []forgery {
	const author = `UPDATE revisions SET author = 'COC-somebody' WHERE id = 2`
	return []forgery{
		{"a row and its log", author, false, true, "the log of account prod was altered"},
		{"a row and its log, signed by another key", author, true, true, "is the key of another archive"},
		{"the tail with its events", cutTail, false, true, "and cocsync signed 33 of account prod on "},
		{"a record after the newest checkpoint",
			`INSERT INTO leaves SELECT account_id, log_id, 33, type, ref, hashes FROM leaves WHERE id = 4; UPDATE logs SET size = 34`, false, false,
			"its newest checkpoint is of 33 records"},
		{"an unsigned checkpoint", ``, false, true, ""},
		{"the log", `PRAGMA foreign_keys = 0; DELETE FROM leaves; DELETE FROM logs; DELETE FROM checkpoints`, false, false, "the database has no log of account prod"},
		{"the account", `UPDATE accounts SET name = 'test'`, false, true, "the database has no log of account prod"},
	}
}

// Forgeries without the key are refused when the archive is opened for writing. The head file
// does not change.
func TestForgeriesAreRefused(t *testing.T) {
	master, _ := logged(t)
	for _, f := range forgeries() {
		if f.opened == "" {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			path := forged(t, master, f)
			head, err := os.ReadFile(path + ".head")
			must(t, err)
			d, err := db.Open(t.Context(), path)
			if err == nil {
				d.Close()
			}
			if err == nil || !strings.Contains(err.Error(), f.opened) {
				t.Errorf("Open = %v, want %q", err, f.opened)
			}
			if after, err := os.ReadFile(path + ".head"); err != nil || string(after) != string(head) {
				t.Error("the head file changed")
			}
		})
	}
}

// forged returns a copy of an archive, its key and head file, with a forgery.
func forged(t *testing.T, master string, f forgery) string {
	t.Helper()
	path := copyOf(t, master)
	for _, end := range []string{".key", ".head"} {
		b, err := os.ReadFile(master + end)
		must(t, err)
		must(t, os.WriteFile(path+end, b, 0o600))
	}
	forge(t, path, f)
	return path
}

func forge(t *testing.T, path string, f forgery) {
	t.Helper()
	tamper(t, path, f.sql)
	if !f.rebuilt {
		return
	}
	var key *audit.Key
	if f.signed {
		var err error
		key, err = audit.NewKey()
		must(t, err)
	}
	rebuild(t, path, key)
}

// The same forgeries while the archive is open, between two commits of a cycle: the next one
// fails, and nothing is signed.
func TestForgeriesWhileOpen(t *testing.T) {
	for _, f := range forgeries() {
		if f.name == "the tail with its events" {
			continue // of another archive
		}
		t.Run(f.name, func(t *testing.T) {
			path := t.TempDir() + "/archive.db"
			d, err := db.Open(t.Context(), path)
			must(t, err)
			defer d.Close()
			_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
			must(t, err)
			c := coc.Cycle{Watch: "all", Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: on(1)}
			c.Key, err = d.Begin(t.Context(), c)
			must(t, err)
			must(t, d.Commit(t.Context(), version(1), version(2), version(3)))
			heads, err := d.Heads(t.Context(), []string{"prod"}, on(1)) // the head file has them
			must(t, err)
			head, err := os.ReadFile(path + ".head")
			must(t, err)
			f.sql = strings.ReplaceAll(f.sql, "33", "17")
			f.sql = strings.ReplaceAll(f.sql, "34", "18")
			forge(t, path, f)
			if err := d.Commit(t.Context(), version(4)); !errors.Is(err, db.ErrAltered) {
				t.Errorf("Commit = %v, want ErrAltered", err)
			}
			c.EndedAt, c.Outcome = on(1).Add(time.Minute), coc.CycleGood
			if err := d.End(t.Context(), c, nil); f.name != "the account" && err == nil {
				// A good cycle is only counted in memory; the next commit fails.
				if err := d.Commit(t.Context(), version(5)); !errors.Is(err, db.ErrAltered) {
					t.Errorf("the second Commit = %v, want ErrAltered", err)
				}
			}
			_ = d.Close()
			now, err := os.ReadFile(path + ".head")
			must(t, err)
			if !strings.Contains(string(now), noteOf(head)) {
				t.Errorf("the head file was\n%s\nand is\n%s", head, now)
			}
			_ = heads
		})
	}
}

// noteOf returns the head of the only log in a head file.
func noteOf(head []byte) string {
	_, rest, _ := strings.Cut(string(head), `"note": `)
	note, _, _ := strings.Cut(rest, "\n")
	return note
}

// An older copy of the database is refused; so is a database without its head file.
func TestRollbacks(t *testing.T) {
	path, _ := logged(t)
	older, err := os.ReadFile(path)
	must(t, err)
	d, err := db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Commit(t.Context(), version(7)))
	must(t, d.Close())
	newest, err := os.ReadFile(path)
	must(t, err)

	must(t, os.WriteFile(path, older, 0o600))
	if _, err := db.Open(t.Context(), path); !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), "an older copy?") {
		t.Errorf("Open of an older copy = %v", err)
	}
	must(t, os.WriteFile(path, newest, 0o600))
	must(t, os.Rename(path+".head", path+".head.away"))
	if _, err := db.Open(t.Context(), path); !errors.Is(err, db.ErrNoHead) {
		t.Errorf("Open without the head file = %v", err)
	}
	must(t, os.Remove(path))
	if d, err := db.Open(t.Context(), path); err == nil {
		d.Close()
		t.Error("a new archive was made next to the key of another one")
	}
	must(t, os.Rename(path+".head.away", path+".head"))
	if _, err := db.Open(t.Context(), path); !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), "the database is empty") {
		t.Errorf("Open of an empty database = %v", err)
	}
	must(t, os.WriteFile(path, newest, 0o600))
	d, err = db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Close())
}

// Without the key the archive goes on; when it is back, only a tail that ends where the head
// file says is signed.
func TestMissingKey(t *testing.T) {
	path, _ := logged(t)
	must(t, os.Rename(path+".key", path+".away"))
	d, err := db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Commit(t.Context(), version(7)))
	_, err = d.Account(t.Context(), "test", "https://coc.example", false)
	must(t, err)
	if records, signed, err := d.LogSize(t.Context()); err != nil || signed >= records {
		t.Errorf("LogSize = %d, %d, %v, want fewer signed", records, signed, err)
	}
	must(t, d.Close())
	if v, faults := verify(t, path, false); v.Good || !strings.Contains(faults, "its newest checkpoint") {
		t.Errorf("Verify without signatures finds %q", faults)
	}
	early, err := os.ReadFile(path + ".head")
	must(t, err)
	d, err = db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Commit(t.Context(), version(8)))
	must(t, d.Close())
	late, err := os.ReadFile(path + ".head")
	must(t, err)
	must(t, os.Rename(path+".away", path+".key"))
	must(t, os.WriteFile(path+".head", early, 0o600))
	if _, err := db.Open(t.Context(), path); !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), "records were added without the key") {
		t.Errorf("Open of an unsigned tail that the head file does not have = %v", err)
	}
	must(t, os.WriteFile(path+".head", late, 0o600))
	d, err = db.Open(t.Context(), path)
	must(t, err)
	if records, signed, err := d.LogSize(t.Context()); err != nil || signed != records {
		t.Errorf("LogSize = %d, %d, %v, want all signed", records, signed, err)
	}
	must(t, d.Close())
	if _, faults := verify(t, path, false); faults != "" {
		t.Errorf("Verify finds\n%s", faults)
	}
}

// A process that is killed before it writes the head file, or between the steps of a new
// archive, is not a rollback.
func TestKilledBeforeTheHeadFile(t *testing.T) {
	path, _ := logged(t)
	head, err := os.ReadFile(path + ".head")
	must(t, err)
	d, err := db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Commit(t.Context(), version(7)))
	must(t, d.Close())
	must(t, os.WriteFile(path+".head", head, 0o600))
	d, err = db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Close())

	fresh := t.TempDir() + "/archive.db"
	d, err = db.Open(t.Context(), fresh)
	must(t, err)
	must(t, d.Close())
	must(t, os.Remove(fresh)) // the head file and the key exist, and no commit
	d, err = db.Open(t.Context(), fresh)
	must(t, err)
	must(t, d.Close())
	must(t, os.Remove(fresh))
	must(t, os.Remove(fresh+".key")) // only the head file exists
	if d, err := db.Open(t.Context(), fresh); err == nil {
		must(t, d.Close())
	} else if !errors.Is(err, audit.ErrSignature) {
		t.Errorf("Open with a head file that a lost key signed = %v", err)
	}
}
