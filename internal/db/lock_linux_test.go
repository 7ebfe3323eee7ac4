package db

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"cocsync/internal/hint"
)

// Open opened the database file itself to see whether it may be written. Closing that
// descriptor dropped the locks by which SQLite protected the file for this process. No
// other way to open the archive may do so.
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
	if _, err := all(r.Documents(t.Context())); err != nil {
		t.Fatal(err)
	}
	if n := posixLocks(t, path); n == 0 {
		t.Skip("/proc/locks shows no locks here")
	}
	for how, open := range openers() {
		d, err := open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if n := posixLocks(t, path); n == 0 {
			t.Errorf("after %s in this process it has no lock on the database file", how)
		}
	}
	if err := Restore(t.Context(), path, filepath.Join(t.TempDir(), "restored.db"), ""); err != nil {
		t.Fatal(err)
	}
	if n := posixLocks(t, path); n == 0 {
		t.Error("after Restore in this process it has no lock on the database file")
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

// A named pipe in place of the head file had the daemon wait for its writer before the
// first cycle, without a report.
func TestHeadFileThatIsAPipe(t *testing.T) {
	d, _ := open(t)
	if err := syscall.Mkfifo(HeadFile(d.path), 0o600); err != nil {
		t.Fatal(err)
	}
	readsNoPipe(t, HeadFile(d.path), func() {
		if at, err := d.LastVerified(t.Context(), time.Now()); err != nil || !at.IsZero() {
			t.Errorf("LastVerified with a pipe for the head file = %v, %v, want never", at, err)
		}
	})
}

// readsNoPipe fails when f waits for somebody who writes into a named pipe.
func readsNoPipe(t *testing.T, pipe string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Errorf("it waits for a writer of %s", pipe)
		w, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0) // of which f reads nothing
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		<-done
	}
}

// For a user who may read the archive and its write-ahead log, and may not write to them,
// the size of the log was an error: status and healthcheck failed.
func TestWALOfAReaderThatMayNotWrite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	d, _ := open(t)
	holdCheckpoints(d)
	commit(t, d, step("DM1", "a\n"))
	dir := filepath.Dir(d.path)
	for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o755, d.path: 0o644, d.path + "-wal": 0o644, d.path + "-shm": 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(65534); err != nil { // of this thread
		t.Fatal(err)
	}
	defer syscall.Setfsuid(0)
	r, err := OpenReader(t.Context(), d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if w, err := r.WAL(t.Context()); err != nil || w.Bytes == 0 || w.Pending != 0 || !w.Since.IsZero() {
		t.Errorf("WAL() = %+v, %v, want the size alone", w, err)
	}
}

// A named pipe in place of the lock had status and healthcheck wait without a report, and
// the second of two processes that write: the first took the pipe for its lock.
func TestLockThatIsAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cocsync.db")
	if err := syscall.Mkfifo(lockFile(path), 0o600); err != nil {
		t.Fatal(err)
	}
	readsNoPipe(t, lockFile(path), func() {
		if p, held, err := Holder(path); err == nil || held {
			t.Errorf("Holder with a pipe for the lock = %v, %t, %v, want an error", p, held, err)
		}
		if d, err := Open(t.Context(), path); err == nil {
			t.Error("Open with a pipe for the lock succeeded: the next one would wait")
			d.Close()
		} else if !strings.Contains(err.Error(), "is not a file") || hint.Of(err) == "" {
			t.Errorf("Open with a pipe for the lock = %v, want what is wrong and a hint", err)
		}
	})
}
