package db

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// restore restores a copy of an archive on a machine without its key.
func restore(t *testing.T, from, to string) error {
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := Copy(t.Context(), from, copied); err != nil {
		return err
	}
	_, err := Restore(t.Context(), to, Restoring{Copy: copied, Person: "root@here", At: time.Now()})
	return err
}

// Fault: Restore copied the database file without its write-ahead log, although the backup
// had been verified with it.
func TestRestoreIncludesTheWriteAheadLog(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n")) // d stays open: nothing is checkpointed
	to := filepath.Join(t.TempDir(), "restored.db")
	if err := restore(t, d.Path(), to); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if docs, err := all(r.Documents(t.Context())); len(docs) != 1 || err != nil {
		t.Errorf("Documents() of the restored archive = %v, %v, want one", docs, err)
	}
}

// Fault: Restore copied an altered archive that no command would open. A backup of an earlier
// release was even migrated with its triggers.
func TestRestoreRefusesAnAlteredArchive(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	now := filepath.Join(t.TempDir(), "now.db")
	if err := d.Backup(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{"this release": now} {
		alter(t, from, silence)
		to := filepath.Join(t.TempDir(), "restored.db")
		if err := restore(t, from, to); !errors.Is(err, ErrAltered) {
			t.Errorf("Restore of an altered archive of %s = %v, want ErrAltered", name, err)
		}
		if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Restore of an altered archive of %s left a file: %v", name, err)
		}
	}
}
