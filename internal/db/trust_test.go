package db

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cocsync/internal/coc"
)

// Nothing is written before the archive was verified, nor if that fails or the archive is written
// meanwhile.
func TestTrustWritesAfterVerification(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cocsync.db")
	d, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	begin(t, d)
	if err := errors.Join(d.Close(), os.Remove(HeadFile(path))); err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("it is wrong")
	for _, tt := range []struct {
		name   string
		verify func(*DB) error
		want   string
	}{
		{"wrong", func(*DB) error { return wrong }, wrong.Error()},
		{"written meanwhile", func(*DB) error {
			other, err := OpenShared(t.Context(), path)
			if err != nil {
				return err
			}
			err = other.Responded(t.Context(), coc.Key{Account: 1, ID: 1}, day)
			return errors.Join(err, other.Close())
		}, "it was written while it was verified"},
		{"good", func(*DB) error { return nil }, ""},
	} {
		verify := func(_ context.Context, d *DB) error {
			if _, err := os.Lstat(HeadFile(path)); !os.IsNotExist(err) {
				t.Errorf("%s: while it is verified the head file: %v", tt.name, err)
			}
			if n := trusts(t, d); n != 0 {
				t.Errorf("%s: while it is verified it has %d records", tt.name, n)
			}
			return tt.verify(d)
		}
		d, err := OpenWith(t.Context(), path, Options{Trust: &Trust{Person: "me", Reason: "a test", At: day, Verify: verify}})
		if tt.want == "" && err == nil {
			if n := trusts(t, d); n != 1 {
				t.Errorf("%s: %d records, want 1", tt.name, n)
			}
			err = d.Close()
		}
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: OpenWith = %v, want %q", tt.name, err, tt.want)
		}
		if _, err := os.Lstat(HeadFile(path)); (err == nil) != (tt.want == "") {
			t.Errorf("%s: after it the head file: %v", tt.name, err)
		}
	}
}

// trusts counts the records of decisions.
func trusts(t *testing.T, d *DB) int {
	t.Helper()
	n, err := first[int](d.reading(t.Context(), "trusts"), `SELECT count(*) FROM trusts`)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
