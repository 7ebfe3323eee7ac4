package query

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/witness"
)

// restored restores a backup in place of the archive at path.
func restored(t *testing.T, path, backup string) []db.Restored {
	t.Helper()
	must(t, os.Remove(path))
	must(t, db.Copy(t.Context(), backup, path+".copy"))
	list, err := db.Restore(t.Context(), path, db.Restoring{Copy: path + ".copy", Heads: backup + ".head", Person: "root@here", At: on(30)})
	must(t, err)
	return list
}

// opened opens an archive for writing until f returns.
func opened(t *testing.T, path string, f func(*db.DB)) {
	t.Helper()
	d, err := db.Open(t.Context(), path)
	must(t, err)
	f(d)
	must(t, d.Close())
}

// externals returns the newest checkpoints of an archive.
func externals(t *testing.T, path string) (list []External) {
	t.Helper()
	d, err := db.OpenReader(t.Context(), path)
	must(t, err)
	defer d.Close()
	heads, err := d.NewestHeads(t.Context())
	must(t, err)
	for _, l := range heads.Logs {
		c, signed, err := l.Checkpoint()
		if must(t, err); !signed {
			t.Fatalf("%q is not signed", l.Note)
		}
		list = append(list, External{Origin: c.Origin, Size: c.Size, Root: c.Root, Note: []byte(l.Note), Name: l.Account})
	}
	return list
}

// A restore loses an account that was added after the backup, and records of another one. Both get
// a new log, and a crash at any point of it is not a rollback.
func TestLossyRestore(t *testing.T) {
	path, _ := logged(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	opened(t, path, func(d *db.DB) { must(t, d.Backup(t.Context(), backup)) })
	opened(t, path, func(d *db.DB) {
		must(t, d.Commit(t.Context(), version(7)))
		_, err := d.Account(t.Context(), "test", "https://coc.example", false)
		must(t, err)
	})
	lost := externals(t, path)
	head, err := os.ReadFile(path + ".head")
	must(t, err)
	list := restored(t, path, backup)
	if len(list) != 2 || list[0].Continues || list[0].Lost == nil || list[0].Lost.Size != lost[0].Size ||
		list[1].Continues || list[1].Size != 0 {
		t.Errorf("Restore = %+v", list)
	}
	for what, prepare := range map[string]func(){
		"the restore": func() {},
		"a restore killed before the head file's": func() { must(t, os.WriteFile(path+".head", head, 0o600)) },
	} {
		prepare()
		opened(t, path, func(*db.DB) {})
		v, faults := verify(t, path, true, lost...)
		if faults != "" || len(v.Lost) != 2 || len(v.Logs) != 3 {
			t.Errorf("after %s: Verify finds\n%s\nlost %q, logs %+v", what, faults, v.Lost, v.Logs)
		}
	}
	opened(t, path, func(d *db.DB) {
		if s, err := d.Account(t.Context(), "test", "https://coc.example", false); err != nil {
			t.Errorf("Account of the lost account = %+v, %v", s, err)
		}
		for _, account := range []string{"prod", "test"} {
			s := version(7)
			s.Account, s.Changes[0].From = account, coc.RevisionRef{}
			must(t, d.Commit(t.Context(), s))
		}
	})
	if v, faults := verify(t, path, false, lost...); faults != "" || len(v.Lost) != 2 {
		t.Errorf("Verify finds\n%s\nlost %q", faults, v.Lost)
	}
	for name, sql := range map[string]string{
		"the old log":         `DELETE FROM logs WHERE id = 1; DELETE FROM leaves WHERE log_id = 1`,
		"what was lost":       `UPDATE logs SET lost_size = lost_size + 1 WHERE id = 2`,
		"the person":          `UPDATE logs SET person = 'nobody' WHERE id = 2`,
		"the skipped numbers": `UPDATE logs SET skipped_changes = skipped_changes + 1 WHERE id = 2`,
	} {
		other := copyOf(t, path)
		tamper(t, other, `PRAGMA foreign_keys = 0; `+sql)
		if _, faults := verify(t, other, false, lost...); faults == "" {
			t.Errorf("%s was altered: Verify finds nothing", name)
		}
	}
}

// A restore of all records continues the logs; a backup that does not extend the head file is
// refused, and leaves nothing.
func TestRestoreContinues(t *testing.T) {
	path, external := logged(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	opened(t, path, func(d *db.DB) { must(t, d.Backup(t.Context(), backup)) })
	for range 2 {
		if list := restored(t, path, backup); len(list) != 1 || !list[0].Continues {
			t.Fatalf("Restore = %+v, want that the log continues", list)
		}
		if v, faults := verify(t, path, true, external); faults != "" || len(v.Lost) != 0 || len(v.Logs) != 1 {
			t.Errorf("Verify finds\n%s\nand %+v", faults, v)
		}
		opened(t, path, func(*db.DB) {})
	}
	opened(t, path, func(d *db.DB) { must(t, d.Commit(t.Context(), version(7))) })
	// Another continuation of the backup, as on a machine that was copied.
	fork := filepath.Join(t.TempDir(), "fork.db")
	must(t, db.Copy(t.Context(), backup, fork))
	key, err := os.ReadFile(path + ".key")
	must(t, err)
	must(t, os.WriteFile(fork+".key", key, 0o600))
	d, err := db.OpenWith(t.Context(), fork, db.Options{Trust: &db.Trust{Reason: "a copy", Person: "root@here", At: on(30)}})
	must(t, err)
	for n := 7; n < 12; n++ {
		must(t, d.Commit(t.Context(), version(n)))
	}
	must(t, d.Close())
	must(t, os.Remove(path))
	must(t, db.Copy(t.Context(), fork, path+".copy"))
	_, err = db.Restore(t.Context(), path, db.Restoring{Copy: path + ".copy", Person: "root@here", At: time.Now()})
	if !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), "are not those that cocsync signed") {
		t.Errorf("Restore of a fork = %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused restore left an archive: %v", err)
	}
}

// Fault: a head without a signature in the head file of a backup closed a log that was complete, and
// added an account, whose log the key signed.
func TestForgedHeadOfABackup(t *testing.T) {
	path, _ := logged(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	opened(t, path, func(d *db.DB) { must(t, d.Backup(t.Context(), backup)) })
	heads := externals(t, path)
	logs := func(text string, accounts ...string) *witness.Heads {
		h := &witness.Heads{Archive: strings.Split(heads[0].Origin, "/")[1]}
		for _, account := range accounts {
			h.Logs = append(h.Logs, witness.Log{Account: account, Note: strings.ReplaceAll(text, "prod", account)})
		}
		return h
	}
	later := audit.Checkpoint{Origin: heads[0].Origin, Size: heads[0].Size + 100, Root: heads[0].Root}
	must(t, witness.Write(backup+".head", backup, logs(later.Text(), "evil", "prod"), nil))
	if list := restored(t, path, backup); len(list) != 1 || !list[0].Continues {
		t.Errorf("Restore with heads that are not signed = %+v, want that the log continues", list)
	}
	if _, faults := verify(t, path, false); faults != "" {
		t.Errorf("Verify finds\n%s", faults)
	}
	// The head of an account, which is signed, is not that of another one.
	h := logs(later.Text(), "evil")
	h.Logs[0].Note = string(heads[0].Note)
	must(t, witness.Write(backup+".head", backup, h, nil))
	must(t, os.Remove(path))
	must(t, db.Copy(t.Context(), backup, path+".copy"))
	_, err := db.Restore(t.Context(), path, db.Restoring{Copy: path + ".copy", Heads: backup + ".head", At: on(30)})
	if !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), "for account evil") {
		t.Errorf("Restore with the head of another account = %v, want an ErrAltered", err)
	}
}

// Fault: of two checkpoints of one log the first one counted, also if the other one was newer.
func TestRestartAfterTheNewestCheckpoint(t *testing.T) {
	path, external := logged(t)
	first := audit.Checkpoint{Origin: external.Origin, Size: externals(t, path)[0].Size + 1, Root: external.Root}
	second := first
	second.Size++
	opened(t, path, func(d *db.DB) {
		list, err := d.RestartLogs(t.Context(), []audit.Checkpoint{first, second, first}, "root@here", on(30))
		if err != nil || len(list) != 1 || list[0].Lost == nil || *list[0].Lost != second {
			t.Errorf("RestartLogs = %+v, %v, want that the log lost %+v", list, err, second)
		}
	})
}

// Fault: without the key, the head file of another archive was put aside without a message.
func TestRestoreNextToTheHeadOfAnotherArchive(t *testing.T) {
	backup, _ := logged(t)
	other, _ := logged(t)
	path := filepath.Join(t.TempDir(), "a.db")
	head, err := os.ReadFile(other + ".head")
	must(t, err)
	must(t, os.WriteFile(path+".head", head, 0o600))
	must(t, db.Copy(t.Context(), backup, path+".copy"))
	_, err = db.Restore(t.Context(), path, db.Restoring{Copy: path + ".copy", Person: "root@here", At: on(30)})
	if !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), ".head") {
		t.Errorf("Restore = %v, want ErrAltered with the head file", err)
	}
	if now, err := os.ReadFile(path + ".head"); err != nil || string(now) != string(head) {
		t.Errorf("the head file has changed: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is an archive: %v", err)
	}
}
