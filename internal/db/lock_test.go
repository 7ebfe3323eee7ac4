package db

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/flock"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// Fault: after the lock file of a running daemon was removed, a second one could start and both
// sent every alert. Now the first one starts no more cycles.
func TestRemovedLockEndsCycles(t *testing.T) {
	d, _ := open(t)
	begin := func() error {
		_, err := d.Begin(t.Context(), coc.Cycle{Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: day})
		return err
	}
	if err := begin(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(lockFile(d.path)); err != nil {
		t.Skipf("a locked file cannot be removed here: %v", err)
	}
	if err := begin(); !errors.Is(err, ErrLocked) || hint.Of(err) == "" {
		t.Errorf("Begin without the lock's file = %v, want ErrLocked and a hint", err)
	}
	other, err := OpenWith(t.Context(), d.path, Options{Command: "run"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := begin(); !errors.Is(err, ErrLocked) {
		t.Errorf("Begin next to another writer = %v, want ErrLocked", err)
	}
}

// Holder returns the process that has the archive open, with its id, start and command.
func TestHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cocsync.db")
	free := func(when string) {
		t.Helper()
		if p, held, err := Holder(path); held || p != (Process{}) || err != nil {
			t.Errorf("%s: Holder = %v, %v, %v, want none", when, p, held, err)
		}
	}
	free("before the first")
	begun := time.Now().Truncate(time.Second)
	d, err := OpenWith(t.Context(), path, Options{Command: "run"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		p, held, err := Holder(path)
		if !held || p.PID != os.Getpid() || p.Command != "run" || p.Since.Before(begun) || p.Since.After(time.Now()) || err != nil {
			t.Errorf("Holder = %v, %v, %v, want this process", p, held, err)
		}
	}
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "by pid ") {
		t.Errorf("Open of an open archive = %v, want ErrLocked with the process", err)
	}
	// If the holder file is invalid, the process is unknown.
	for _, text := range []string{"", "garbage", "pid -1 since 2026-11-30T02:52:38Z", "pid 1 since yesterday",
		"pid 99999999999999999999 since 2026-11-30T02:52:38Z"} {
		if err := os.WriteFile(holderFile(lockFile(path)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, held, err := Holder(path); !held || p != (Process{}) || p.String() != "another process" || err != nil {
			t.Errorf("holder file %q: Holder = %v, %v, %v, want an unknown process", text, p, held, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	free("after the end")
}

// Fault: the lock file was named after the path as given, so that a second daemon could open the
// archive through a symbolic link and repeat each alert.
func TestSymbolicLinksLeadToOneLock(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "data", "cocsync.db")
	link := filepath.Join(dir, "links", "a.db")
	again := filepath.Join(dir, "links", "b.db")
	folder := filepath.Join(dir, "folder")
	for _, err := range []error{
		os.Mkdir(filepath.Dir(real), 0o700), os.Mkdir(filepath.Dir(link), 0o700),
		os.Symlink("../data/cocsync.db", link), // the target does not exist yet
		os.Symlink(link, again), os.Symlink("data", folder),
	} {
		if err != nil {
			t.Skip(err) // Windows requires a privilege
		}
	}
	d, err := Open(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	if d.Path() != again {
		t.Errorf("Path() = %q, want the path as given", d.Path())
	}
	for _, name := range []string{real, link, again, filepath.Join(folder, "cocsync.db")} {
		if _, err := Open(t.Context(), name); !errors.Is(err, ErrLocked) {
			t.Errorf("Open(%q) = %v, want ErrLocked", name, err)
		}
		if p, held, err := Holder(name); !held || p.PID != os.Getpid() || err != nil {
			t.Errorf("Holder(%q) = %v, %v, %v, want this process", name, p, held, err)
		}
		if got, want := KeyFile(name), real+".key"; !sameFile(t, got, want) {
			t.Errorf("KeyFile(%q) = %q, want %q", name, got, want)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(filepath.Dir(link))
	if err != nil || len(list) != 2 {
		t.Errorf("the directory of the links has %v, %v, want only the links", list, err)
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(x, y)
}

// Fault: a second daemon could open the archive by another hard link, with a separate lock and
// write-ahead log, and corrupt it. Readers can still open a closed copy.
func TestHardLinksAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cocsync.db")
	d, err := Open(t.Context(), path)
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.db")
	if err := os.Link(path, other); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{path, other} {
		for how, open := range map[string]func(context.Context, string) (*DB, error){"Open": Open, "OpenShared": OpenShared} {
			d, err := open(t.Context(), name)
			if err == nil {
				t.Errorf("%s(%q) = nil, want an error", how, name)
				d.Close()
				continue
			}
			if !strings.Contains(err.Error(), "2 names (hard links)") || !strings.Contains(hint.Of(err), "-samefile") {
				t.Errorf("%s(%q) = %v (hint: %s), want both names and a hint", how, name, err, hint.Of(err))
			}
		}
	}
	r, err := OpenReader(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	d, err = Open(t.Context(), path)
	if err != nil {
		t.Fatalf("Open with one name = %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// Fault: a process that started while Holder tested the lock was refused. Now it retries: only a
// process that syncs keeps the lock.
func TestHolderDoesNotBlockOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cocsync.db")
		d, err := Open(t.Context(), path)
		if err == nil {
			err = d.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		look := flock.New(lockFile(path))
		if ok, err := look.TryRLock(); !ok || err != nil {
			t.Fatalf("TryRLock = %v, %v", ok, err)
		}
		if taken, err := locked(lockFile(path)); taken || err != nil {
			t.Errorf("locked = %v, %v during Holder, want false", taken, err)
		}
		opened := make(chan error, 1)
		go func() {
			d, err := Open(t.Context(), path)
			if err == nil {
				err = d.Close()
			}
			opened <- err
		}()
		synctest.Wait() // Open has found the lock taken
		if err := look.Unlock(); err != nil {
			t.Fatal(err)
		}
		if err := <-opened; err != nil {
			t.Errorf("Open = %v", err)
		}
	})
}
