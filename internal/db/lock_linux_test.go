package db

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Open opened the database file itself to see whether it may be written. Closing that
// descriptor dropped the locks by which SQLite protected the file for this process.
func TestOpenKeepsTheLocksOfSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cocsync.db")
	d, err := Open(t.Context(), path)
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Documents(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := posixLocks(t, path); n == 0 {
		t.Skip("/proc/locks shows no locks here")
	}
	d, err = Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n := posixLocks(t, path); n == 0 {
		t.Error("after a second Open in this process it has no lock on the database file")
	}
}

// posixLocks counts the POSIX locks on a file.
func posixLocks(t *testing.T, path string) (n int) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Skip(err)
	}
	inode := fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino)
	for line := range strings.Lines(string(list)) {
		if strings.Contains(line, "POSIX") && strings.Contains(line, inode) {
			n++
		}
	}
	return n
}
