package query

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"cocsync/internal/audit"
	"cocsync/internal/db"
	"cocsync/internal/witness"
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

// forgery alters an archive with its log, without the key.
type forgery struct {
	sql     string
	signed  bool // by another key
	rebuilt bool // the log fits the rows
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
	if _, err := db.Open(t.Context(), path); !errors.Is(err, db.ErrNoHead) || !errors.Is(err, db.ErrAltered) {
		t.Errorf("Open without the head file = %v", err)
	}
	must(t, os.Remove(path))
	if d, err := db.Open(t.Context(), path); err == nil {
		d.Close()
		t.Error("a new archive was made next to the key of another one")
	}
	must(t, os.Rename(path+".head.away", path+".head"))
	if _, err := db.Open(t.Context(), path); !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), "the database is missing") {
		t.Errorf("Open of a missing database = %v", err)
	}
	must(t, os.Rename(path+".key", path+".key.away"))
	if _, err := db.Open(t.Context(), path); !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), "its key are missing") {
		t.Errorf("Open of a missing database without the key = %v", err)
	}
	must(t, os.Rename(path+".key.away", path+".key"))
	// `cocsync restore` needs the path: a refused process must not leave an empty archive there.
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a missing database created it: %v", err)
	}
	must(t, os.WriteFile(path, nil, 0o600))
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
	// Fault: an unsigned checkpoint was printed as a signed one.
	if n, err := signedLogs(t, path); err == nil {
		t.Errorf("without the key the archive has %d signed checkpoints", n)
	}
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
	refused := func(what, head, want string) {
		t.Helper()
		must(t, os.WriteFile(path+".head", []byte(head), 0o600))
		if d, err := db.Open(t.Context(), path); !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), want) {
			t.Errorf("Open of %s = %v, %v, want %q", what, d, err, want)
		}
	}
	refused("an unsigned tail that the head file does not have", string(early), "records were added without the key")
	var heads witness.Heads
	must(t, json.Unmarshal(late, &heads))
	prod := heads.Log("prod")
	if prod.Signed == "" || heads.Log("test").Signed != "" {
		t.Fatalf("the signed heads in the head file are %+v", heads.Logs)
	}
	edited := func() string {
		b, err := json.Marshal(heads)
		must(t, err)
		return string(b) + "\n"
	}
	kept := prod.Signed
	prod.Signed = ""
	refused("an unsigned tail without the signed head", edited(), "does not have the newest signed head")
	prod.Signed = prod.Note
	refused("an unsigned tail with an unsigned head in place of the signed one", edited(), "")
	// Records that the key signed are altered, and the head file fits them.
	prod.Signed = kept
	genuine, err := os.ReadFile(path)
	must(t, err)
	forge(t, path, forgery{sql: `UPDATE revisions SET author = 'COC-somebody' WHERE id = 2`, rebuilt: true})
	prod.Note = newestNote(t, path)
	refused("an altered start of an unsigned log", edited(), "records are not those that cocsync signed before the key was missing")
	must(t, os.Rename(path+".key", path+".away"))
	refused("it without the key", edited(), "records are not those that cocsync signed before the key was missing")
	must(t, os.Rename(path+".away", path+".key"))
	must(t, os.WriteFile(path, genuine, 0o600))
	must(t, os.WriteFile(path+".head", late, 0o600))
	d, err = db.Open(t.Context(), path)
	must(t, err)
	if records, signed, err := d.LogSize(t.Context()); err != nil || signed != records {
		t.Errorf("LogSize = %d, %d, %v, want all signed", records, signed, err)
	}
	must(t, d.Close())
	if n, err := signedLogs(t, path); n != 2 || err != nil {
		t.Errorf("the archive has %d signed checkpoints, %v, want those of both accounts", n, err)
	}
	// Fault: a log that started without the key was signed when the key was back, as if the key had
	// been there.
	v, faults := verify(t, path, false)
	if notes := strings.Join(v.Notes, "\n"); faults != "" || !strings.Contains(notes,
		"/test: its 2 records were added while the key was missing") {
		t.Errorf("Verify finds\n%s\nwith the notes\n%s", faults, notes)
	}
	a, err := Open(t.Context(), path)
	must(t, err)
	defer a.Close()
	if keys, err := a.Keys(t.Context()); len(keys) != 2 || err != nil {
		t.Errorf("Keys = %q, %v, want those of the log of prod and of the second of test", keys, err)
	}
	if _, err := a.Prove(t.Context(), "start:test/1"); err == nil || !strings.Contains(err.Error(), "never signed") {
		t.Errorf("Prove of a log that started without the key = %v", err)
	}
	if p, err := a.Prove(t.Context(), "start:test/2"); err != nil || !strings.Contains(string(p.Record), "/test\n") {
		t.Errorf("Prove of the log that continues it = %q, %v", p.Record, err)
	}
}

// A log that is rewritten as one that started without the key, with a head file that fits it, is not
// signed.
func TestRewrittenAsUnsigned(t *testing.T) {
	path, _ := logged(t)
	forge(t, path, forgery{sql: `UPDATE revisions SET author = 'COC-somebody' WHERE id = 2; UPDATE logs SET public_key = NULL`, rebuilt: true})
	var heads witness.Heads
	head, err := os.ReadFile(path + ".head")
	must(t, err)
	must(t, json.NewDecoder(bytes.NewReader(head)).Decode(&heads))
	heads.Logs[0].Note, heads.Closed = newestNote(t, path), nil
	before, err := json.Marshal(heads)
	must(t, err)
	before = append(before, '\n')
	must(t, os.WriteFile(path+".head", before, 0o600))
	d, err := db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Close())
	v, faults := verify(t, path, false)
	if notes := strings.Join(v.Notes, "\n"); faults != "" || !strings.Contains(notes, "are not signed") ||
		v.Logs[0].Key != "" || v.Logs[1].Key == "" {
		t.Errorf("Verify finds\n%s\nwith the notes\n%s\nand the logs %+v", faults, notes, v.Logs)
	}
	// A process that was killed before it wrote the head file is not a rollback.
	must(t, os.WriteFile(path+".head", before, 0o600))
	d, err = db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Close())
	// The note of a log that started without the key is not signed by anyone.
	tamper(t, path, `UPDATE logs SET public_key = NULL WHERE id = 2`)
	if _, err := db.Open(t.Context(), path); !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), "cocsync signs no such log") {
		t.Errorf("Open of a signed log without a key = %v", err)
	}
	if _, faults := verify(t, path, false); !strings.Contains(faults, "cocsync signs no such log") {
		t.Errorf("Verify of a signed log without a key finds %q", faults)
	}
}

// signedLogs returns the number of signed checkpoints.
func signedLogs(t *testing.T, path string) (int, error) {
	t.Helper()
	a, err := Open(t.Context(), path)
	must(t, err)
	defer a.Close()
	notes, err := a.Notes(t.Context(), "")
	return len(notes), err
}

// newestNote returns the newest checkpoint of the first account.
func newestNote(t *testing.T, path string) string {
	t.Helper()
	d, err := db.OpenReader(t.Context(), path)
	must(t, err)
	defer d.Close()
	logs, err := d.Logs(t.Context())
	must(t, err)
	return string(logs[0].Note)
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
	} else if !errors.Is(err, db.ErrAltered) {
		t.Errorf("Open with a head file that a lost key signed = %v", err)
	}
}
