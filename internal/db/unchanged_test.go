package db

import (
	"database/sql"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"
)

// Fault: a file that was altered while it was closed was not verified if its size and the time of
// the last write were the same, or if a process that did not verify it had opened it since.
func TestUnchanged(t *testing.T) {
	path := t.TempDir() + "/archive.db"
	opened := func(what string, want, verify bool) {
		t.Helper()
		d, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Unchanged(); got != want {
			t.Errorf("Unchanged after %s = %v, want %v", what, got, want)
		}
		if verify {
			err = d.Verified(time.Now())
		}
		if err := errors.Join(err, d.Close()); err != nil {
			t.Fatal(err)
		}
	}
	opened("nothing", false, false)
	opened("its creation", false, true)
	opened("a verification", true, false)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := sql.Open("sqlite", dsn(path, ""))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(`UPDATE archive SET created_at = created_at + 1`)
	if err := errors.Join(err, c.Close(), os.Chtimes(path, before.ModTime(), before.ModTime())); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" { // which has no time that a program cannot set
		opened("an alteration whose time was set back", false, false)
		opened("a process that did not verify it", false, true)
		opened("a verification", true, false)
	}
}

// Fault: a file was not verified if an alteration was only in its -wal, or in a journal, which
// SQLite copies into it.
func TestStateWithOtherPages(t *testing.T) {
	path := t.TempDir() + "/archive.db"
	for _, tt := range []struct {
		file, text string
		known      bool
	}{
		{path, "pages", true},
		{path + "-wal", "", true},
		{path + "-wal", "pages", false},
		{path + "-wal", "", true},
		{path + "-journal", "pages", false},
	} {
		if err := os.WriteFile(tt.file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := stateOf(path); (got != nil) != tt.known {
			t.Errorf("stateOf with %q in %s = %v, want known %v", tt.text, tt.file, got, tt.known)
		}
	}
}
