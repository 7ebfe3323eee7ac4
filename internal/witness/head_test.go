package witness

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/audit"
)

// world is a database with a key, and its heads.
func world(t *testing.T) (database, head string, key *audit.Key, h *Heads) {
	t.Helper()
	dir := t.TempDir()
	database, head = filepath.Join(dir, "a.db"), filepath.Join(dir, "a.db.head")
	if err := os.WriteFile(database, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	key, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC)
	h = &Heads{Archive: "0f3a", VerifiedAt: &at}
	for i, account := range []string{"prod", "test"} {
		e := &audit.Edge{}
		for range i + 3 {
			e.Add(audit.LeafHash([]byte(account)))
		}
		c := audit.Checkpoint{Origin: "cocsync/0f3a/" + account, Size: e.Size, Root: e.Root()}
		note, err := key.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		h.Logs = append(h.Logs, Log{Account: account, Change: int64(10 * i), At: at, Note: string(note)})
	}
	return database, head, key, h
}

// What is written is read, with the mode of the database, and no other file stays.
func TestHeads(t *testing.T) {
	database, path, key, h := world(t)
	if _, err := Read(path, "0f3a", key.Public()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read without a file = %v, want ErrNotExist", err)
	}
	for range 2 {
		if err := Write(path, database, h, key); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(path, "0f3a", key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, got); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	c, signed, err := got.Log("test").Checkpoint()
	if err != nil || !signed || c.Size != 4 || got.Log("other") != nil {
		t.Errorf("Checkpoint = %+v, %v, %v", c, signed, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v; want 0640", info.Mode(), err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 2 {
		t.Errorf("%d files, %v; want 2", len(files), err)
	}
}

// A file without a signature is read and named as such.
func TestUnsignedHeads(t *testing.T) {
	database, path, key, h := world(t)
	h.Logs = h.Logs[:1]
	h.Logs[0].Note, _, _ = strings.Cut(h.Logs[0].Note, "\n\n")
	h.Logs[0].Note += "\n"
	if err := Write(path, database, h, nil); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path, "0f3a", key.Public())
	if !errors.Is(err, ErrUnsigned) || got == nil {
		t.Fatalf("Read = %+v, %v, want ErrUnsigned", got, err)
	}
	if c, signed, err := got.Logs[0].Checkpoint(); err != nil || signed || c.Size != 3 {
		t.Errorf("Checkpoint = %+v, %v, %v", c, signed, err)
	}
}

// An altered file, that of another archive, and one of another key are refused.
func TestForgedHeads(t *testing.T) {
	database, path, key, h := world(t)
	other, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(path, database, h, key); err != nil {
		t.Fatal(err)
	}
	signed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	forged := *h
	forged.Logs = append([]Log{}, h.Logs...)
	note, err := other.Sign(audit.Checkpoint{Origin: "cocsync/0f3a/prod", Size: 2})
	if err != nil {
		t.Fatal(err)
	}
	forged.Logs[0].Note = string(note)
	for name, write := range map[string]func() error{
		"altered": func() error {
			return os.WriteFile(path, []byte(strings.Replace(string(signed), `"change": 10`, `"change": 11`, 1)), 0o600)
		},
		"cut":                   func() error { return os.WriteFile(path, signed[:len(signed)-9], 0o600) },
		"empty":                 func() error { return os.WriteFile(path, nil, 0o600) },
		"of another archive":    func() error { return Write(path, database, &Heads{Archive: "ffff"}, key) },
		"of another key":        func() error { return Write(path, database, h, other) },
		"a head of another key": func() error { return Write(path, database, &forged, key) },
		"unsigned, with a head of another key": func() error {
			return Write(path, database, &forged, nil)
		},
		"too long": func() error { return os.WriteFile(path, make([]byte, maxHeadFile+1), 0o600) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(path, "0f3a", key.Public()); err == nil || errors.Is(err, ErrUnsigned) {
			t.Errorf("%s: Read = %+v, %v, want an error", name, got, err)
		}
	}
}

// If the file cannot be written, the old one stays.
func TestHeadsNotWritten(t *testing.T) {
	database, path, key, h := world(t)
	if err := Write(path, database, h, key); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(path, filepath.Join(t.TempDir(), "missing"), &Heads{Archive: "0f3a"}, key); err == nil {
		t.Error("Write for a missing database = nil")
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file changed: %q, %v", after, err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 2 {
		t.Errorf("%d files, %v; want 2", len(files), err)
	}
}

// A log that goes on without the key keeps its newest signed checkpoint, of the same origin.
func TestSignedCheckpointIsKept(t *testing.T) {
	database, path, key, h := world(t)
	f := NewFile(path, database, h, nil, func(error) {})
	signed := h.Log("prod").Note
	text := func(size int64) []byte {
		return []byte(audit.Checkpoint{Origin: "cocsync/0f3a/prod", Size: size}.Text())
	}
	sign := func(c audit.Checkpoint) string {
		note, err := key.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(note)
	}
	for _, tt := range []struct {
		note string
		want string
	}{
		{string(text(4)), signed},
		{string(text(5)), signed},
		{sign(audit.Checkpoint{Origin: "cocsync/0f3a/prod", Size: 6}), ""},
		{audit.Checkpoint{Origin: "cocsync/0f3a/prod/2", Size: 1}.Text(), ""},
	} {
		f.Set("prod", 1, []byte(tt.note), time.Now())
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path, "0f3a", key.Public())
		if !errors.Is(err, ErrUnsigned) || got.Log("prod").Signed != tt.want {
			t.Errorf("after %q, Signed = %q, %v, want %q", tt.note, got.Log("prod").Signed, err, tt.want)
		}
	}
	// One that is not signed, of another origin, or newer than the checkpoint is refused.
	for _, note := range []string{string(text(2)), sign(audit.Checkpoint{Origin: "cocsync/0f3a/test", Size: 2}),
		sign(audit.Checkpoint{Origin: "cocsync/0f3a/prod", Size: 9})} {
		*h.Log("prod") = Log{Account: "prod", Note: string(text(4)), Signed: note}
		if err := Write(path, database, h, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(path, "0f3a", key.Public()); err == nil || errors.Is(err, ErrUnsigned) {
			t.Errorf("Read with the signed checkpoint %q = %+v, %v, want an error", note, got, err)
		}
	}
}

// A temporary file that a crash left is replaced, and each error is reported once.
func TestWriteErrors(t *testing.T) {
	database, path, key, h := world(t)
	var reported []string
	f := NewFile(path, database, h, key, func(err error) {
		if err == nil {
			err = errors.New("written")
		}
		reported = append(reported, err.Error())
	})
	if err := os.WriteFile(path+".new", []byte("{"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := f.Verified(time.Now()); err != nil {
		t.Errorf("a write after a crash = %v", err)
	}
	if err := os.MkdirAll(path+".new/x", 0o700); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if f.Verified(time.Now()) == nil {
			t.Error("a write next to a folder with the name of the temporary file = nil")
		}
	}
	if err := os.RemoveAll(path + ".new"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(true); err != nil {
		t.Error(err)
	}
	if len(reported) != 3 || reported[0] != "written" || reported[2] != "written" || reported[1] == "written" {
		t.Errorf("reported %q, want a success, an error and a success", reported)
	}
}

// A number of a change that leaves no room for others is refused.
func TestHeadWithAnImpossibleChange(t *testing.T) {
	for _, n := range []int64{-1, maxChange + 1, math.MaxInt64} {
		l := Log{Account: "prod", Note: "cocsync/0/prod\n0\n" + (audit.Hash{}).String() + "\n", Change: n}
		if _, _, err := l.Checkpoint(); err == nil || !strings.Contains(err.Error(), "is not a number of a change") {
			t.Errorf("Checkpoint with change %d = %v, want an error", n, err)
		}
	}
}
