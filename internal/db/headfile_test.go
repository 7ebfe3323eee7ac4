package db

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Fault: the time of the last verification was in the archive. A trigger could renew it, and
// the archive was never verified again.
func TestLastVerified(t *testing.T) {
	d, _ := open(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	last := func(now time.Time) time.Time {
		t.Helper()
		at, err := d.LastVerified(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if at := last(now); !at.IsZero() {
		t.Errorf("LastVerified of a new archive = %v, want never", at)
	}
	if err := os.Chmod(d.path, 0o640); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Verified(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	if at := last(now); !at.Equal(now) {
		t.Errorf("LastVerified = %v, want %v", at, now)
	}
	if at := last(now.Add(-time.Second)); !at.IsZero() {
		t.Errorf("LastVerified a second before = %v, want never: the clock was ahead", at)
	}
	file := HeadFile(d.path)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the head file has mode %v, %v, want that of the archive", info.Mode(), err)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{", "[]", `{"format":1}`, string(good[:len(good)/2]),
		strings.Replace(string(good), "cocsync/", "cocsync/0", 1), strings.Replace(string(good), `"format":1`, `"format":2`, 1)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if at := last(now); !at.IsZero() {
			t.Errorf("LastVerified with a head file of %q = %v, want never", text, at)
		}
	}
	// A later release may add fields.
	if err := os.WriteFile(file, []byte(strings.Replace(string(good), "{", `{"heads":[{"size":1}],`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if at := last(now); !at.Equal(now) {
		t.Errorf("LastVerified with an additional field = %v, want %v", at, now)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if at := last(now); !at.IsZero() {
		t.Errorf("LastVerified without a head file = %v, want never", at)
	}
	if left, err := filepath.Glob(globbed(file) + "-*"); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}
