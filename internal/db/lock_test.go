package db

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"
)

// Who syncs is known to those who look; nobody does where nobody ever did, and after
// the end.
func TestHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cocsync.db")
	if who, err := Holder(path); who != "" || err != nil {
		t.Errorf("before the first: Holder = %q, %v, want nobody", who, err)
	}
	d, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if who, err := Holder(path); !strings.HasPrefix(who, "pid ") || err != nil {
			t.Errorf("Holder = %q, %v, want this process", who, err)
		}
	}
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "by pid ") {
		t.Errorf("Open of an open archive = %v, want ErrLocked and by whom", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if who, err := Holder(path); who != "" || err != nil {
		t.Errorf("after the end: Holder = %q, %v, want nobody", who, err)
	}
}

// A process that begins in the instant in which somebody looks at the lock gets it all
// the same.
func TestLookingRefusesNobody(t *testing.T) {
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
		t.Errorf("locked = %v, %v while somebody looks, want false", taken, err)
	}
	opened := make(chan error)
	go func() {
		d, err := Open(t.Context(), path)
		if err == nil {
			err = d.Close()
		}
		opened <- err
	}()
	if err := look.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("Open = %v", err)
	}
}
