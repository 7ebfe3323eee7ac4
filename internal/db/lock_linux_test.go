package db

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"cocsync/internal/hint"
)

// Fault: Open opened the database file itself to check whether it is writable. Closing that
// descriptor released this process's SQLite locks of the file. No opener may do that.
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
	if err := restore(t, path, filepath.Join(t.TempDir(), "restored.db")); err != nil {
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

// Fault: with a named pipe instead of the head file, the daemon blocked before the first cycle
// without a report.
func TestHeadFileThatIsAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := syscall.Mkfifo(HeadFile(path), 0o600); err != nil {
		t.Fatal(err)
	}
	readsNoPipe(t, HeadFile(path), func() {
		if d, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "is not a head file") {
			t.Errorf("Open with a pipe for the head file = %v, %v, want an error", d, err)
		}
	})
}

// Fault: with a named pipe instead of the database, each command blocked.
func TestDatabaseThatIsAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for how, open := range openers() {
		readsNoPipe(t, path, func() {
			if d, err := open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
				t.Errorf("%s of a pipe = %v, %v, want an error", how, d, err)
			}
		})
	}
}

// readsNoPipe fails if f blocks until a named pipe has a writer.
func readsNoPipe(t *testing.T, pipe string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Errorf("it blocks until %s has a writer", pipe)
		w, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0) // f reads no data
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		<-done
	}
}

// Fault: WAL failed for a user who may read but not write the archive, so that status and
// healthcheck failed.
func TestWALOfAReaderThatMayNotWrite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	d, _ := open(t)
	holdCheckpoints(d)
	commit(t, d, step("DM1", "a\n"))
	dir := filepath.Dir(d.path)
	for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o755, d.path: 0o644,
		d.path + "-wal": 0o644, d.path + "-shm": 0o644} {
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
		t.Errorf("WAL() = %+v, %v, want only the size", w, err)
	}
}

// Fault: with a named pipe instead of the lock file, status, healthcheck and a second writer
// blocked without a report; the first writer locked the pipe.
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
			t.Error("Open with a pipe for the lock succeeded: the next one would block")
			d.Close()
		} else if !strings.Contains(err.Error(), "is not a regular file") || hint.Of(err) == "" {
			t.Errorf("Open with a pipe for the lock = %v, want an error with a hint", err)
		}
	})
}

// Fault: a user who could write the folder let root overwrite any file, with a link for the lock file.
func TestLockThatIsALink(t *testing.T) {
	for _, tt := range []struct {
		name string
		link func(old, new string) error
		want string
	}{
		{"symbolic", os.Symlink, "is a symbolic link"},
		{"hard", os.Link, "has several names (hard links)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, other := filepath.Join(t.TempDir(), "cocsync.db"), filepath.Join(t.TempDir(), "other")
			const text = "of another program\n"
			if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := tt.link(other, lockFile(path)); err != nil {
				t.Fatal(err)
			}
			d, err := Open(t.Context(), path)
			if err == nil {
				d.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || hint.Of(err) == "" {
				t.Errorf("Open = %v, want %q and a hint", err, tt.want)
			}
			if got, err := os.ReadFile(other); err != nil || string(got) != text {
				t.Errorf("the other file has %q, %v", got, err)
			}
			if err := os.Remove(lockFile(path)); err != nil {
				t.Fatal(err)
			}
			if d, err = Open(t.Context(), path); err != nil { // nothing is locked
				t.Fatal(err)
			}
			d.Close()
		})
	}
}

// The holder file is not written through a link that replaced it after it was locked.
func TestHolderFileIsNoLink(t *testing.T) {
	dir := t.TempDir()
	name, other := filepath.Join(dir, "a.lock"), filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	lock := flock.New(name)
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer lock.Close()
	if err := errors.Join(os.Remove(name), os.Symlink(other, name)); err != nil {
		t.Fatal(err)
	}
	if err := writeHolder(lock, Process{PID: 1}); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("writeHolder = %v, want ELOOP", err)
	}
	if got, err := os.ReadFile(other); err != nil || string(got) != "kept" {
		t.Errorf("the other file has %q, %v", got, err)
	}
}
