package db

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cocsync/internal/audit"
	"cocsync/internal/witness"
)

// disk has the files of an archive as a crash leaves them, by the end of their names. The -shm
// file is rebuilt after a crash.
type disk map[string]string

func diskOf(t *testing.T, path string) disk {
	t.Helper()
	d := disk{}
	for _, end := range []string{"", "-wal", ".key", ".head"} {
		if b, err := os.ReadFile(path + end); err == nil {
			d[end] = string(b)
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return d
}

// with returns a copy with other files.
func (d disk) with(files disk) disk {
	d = maps.Clone(d)
	maps.Copy(d, files)
	return d
}

// opened opens the archive of a disk for writing in a new folder, and adds a record.
func (d disk) opened(t *testing.T) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.db")
	for end, text := range d {
		if err := os.WriteFile(path+end, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := Open(t.Context(), path)
	if err != nil {
		return err
	}
	if _, err := a.Account(t.Context(), "after the crash", "https://coc.example", false); err != nil {
		t.Errorf("Account after a crash: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("Close after a crash: %v", err)
	}
	if a, err = Open(t.Context(), path); err != nil {
		t.Fatalf("the second Open after a crash: %v", err)
	}
	return a.Close()
}

// A process that is killed while it creates an archive leaves nothing that is refused.
func TestKilledWhileCreated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	disks := map[string]disk{"nothing": {}, "an empty file": {"": ""}}
	// The key cannot be created: this is the disk before it.
	if d, err := OpenWith(t.Context(), path, Options{Key: filepath.Join(t.TempDir(), "missing", "key")}); err == nil {
		d.Close()
		t.Fatal("Open without a key = nil")
	}
	before := diskOf(t, path)
	if before[".head"] == "" || before[".key"] != "" {
		t.Fatal("the head file was not created before the key")
	}
	disks["the head file"] = before
	disks["the schema"] = disk{"": before[""]}
	// The first commit fails: this is the disk before it.
	d := newDB(&store{name: path, path: path, keyPath: KeyFile(path), headPath: HeadFile(path), report: func(error) {}})
	if err := d.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.commit = failing
	if err := d.beginLog(t.Context()); !errors.Is(err, errDisk) {
		t.Fatalf("beginLog = %v, want the error of the commit", err)
	}
	signed := diskOf(t, path)
	if err := errors.Join(d.write.Close(), d.pool.Close()); err != nil {
		t.Fatal(err)
	}
	if signed[".key"] == "" || !strings.Contains(signed[".head"], "\n\n") {
		t.Fatal("the head file is not signed before the first commit")
	}
	disks["the key"] = before.with(disk{".key": signed[".key"]})
	disks["the signed head file"] = signed
	for name, d := range disks {
		for _, torn := range []disk{nil, {".head.new": "{\"archive\""}} {
			if err := d.with(torn).opened(t); err != nil {
				t.Errorf("Open with %s and %q = %v", name, torn, err)
			}
		}
	}
}

// The head file is never newer than the database, which may have any number of further commits: a
// kill, or a power failure after which only what was synced is left, is not a rollback. A
// database with fewer commits than the head file is one.
func TestKilledBetweenCommits(t *testing.T) {
	d, _ := open(t)
	if err := d.head.Flush(); err != nil {
		t.Fatal(err)
	}
	disks := []disk{diskOf(t, d.path)}
	for i := range 5 {
		commit(t, d, step(fmt.Sprint("DM", i), fmt.Sprint(i)))
		if i == 2 { // the next ones begin the write-ahead log again
			d.Checkpoint()
		}
		// After a commit and before the head file; then after the rename.
		disks = append(disks, diskOf(t, d.path))
		if err := d.head.Flush(); err != nil {
			t.Fatal(err)
		}
		disks[len(disks)-1][".head"] = diskOf(t, d.path)[".head"]
	}
	for i, head := range disks {
		for j, database := range disks {
			crashed := database.with(disk{".head": head[".head"], ".head.new": head[".head"][:100]})
			err := crashed.opened(t)
			if j >= i && err != nil {
				t.Errorf("Open with the head file of commit %d and the database of %d = %v", i, j, err)
			}
			if j < i && (!errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), "an older copy?")) {
				t.Errorf("Open with the head file of commit %d and the database of %d = %v, want an older copy", i, j, err)
			}
		}
	}
}

// Whatever part of the write-ahead log after the commit of the head file is lost, the archive opens.
func TestLostEndOfWAL(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a"))
	if err := d.head.Flush(); err != nil {
		t.Fatal(err)
	}
	synced := diskOf(t, d.path)
	commit(t, d, step("DM2", "b"))
	commit(t, d, step("DM3", "c"))
	wal, n := diskOf(t, d.path)["-wal"], len(synced["-wal"])
	if len(wal) <= n {
		t.Fatal("the write-ahead log did not grow")
	}
	for end := n; end <= len(wal); end += 1 + (len(wal)-n)/7 {
		for _, rest := range []string{"", strings.Repeat("\x00", len(wal)-end)} {
			if err := synced.with(disk{"-wal": wal[:end] + rest}).opened(t); err != nil {
				t.Errorf("Open with %d of %d bytes of the write-ahead log = %v", end, len(wal), err)
			}
		}
	}
	if err := synced.with(disk{"-wal": wal[:n-1]}).opened(t); !errors.Is(err, ErrAltered) {
		t.Errorf("Open without a commit that the head file has = %v, want ErrAltered", err)
	}
}

// Every commit that adds a record is synced, so that it is durable before the head file has it.
func TestCommitsAreSynced(t *testing.T) {
	d, _ := open(t)
	var mode int
	if err := d.write.QueryRow(`PRAGMA synchronous`).Scan(&mode); err != nil || mode != 2 {
		t.Errorf("PRAGMA synchronous = %d, %v, want 2 (FULL)", mode, err)
	}
}

// A head file that cannot be written stops neither the archive nor messages. It is reported once,
// recorded for status, and an error when the archive is closed.
func TestHeadFileThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	folder, path := filepath.Join(dir, "heads"), filepath.Join(dir, "a.db")
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	reported := make(chan error, 10)
	o := Options{Head: filepath.Join(folder, "head"), Report: func(err error) { reported <- err }}
	d, err := OpenWith(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	begin(t, d)
	heads := func(want int) {
		t.Helper()
		if h, err := d.Heads(t.Context(), []string{"prod"}, day); err != nil || len(h) != want {
			t.Errorf("Heads = %d heads, %v, want %d", len(h), err, want)
		}
	}
	recorded := func(want string) {
		t.Helper()
		if text, err := d.HeadError(t.Context()); err != nil || (text == "") != (want == "") || !strings.Contains(text, want) {
			t.Errorf("HeadError = %q, %v, want %q", text, err, want)
		}
	}
	heads(2) // of the account, and the only one
	move(folder, folder+".away")
	commit(t, d, step("DM1", "a"))
	heads(0)
	for range 3 {
		if d.head.Flush() == nil {
			t.Error("Flush without the folder = nil")
		}
	}
	commit(t, d, step("DM2", "b"))
	recorded("write the head file")
	move(folder+".away", folder)
	heads(2)
	commit(t, d, step("DM3", "c"))
	recorded("")
	if err := d.head.Flush(); err != nil {
		t.Error(err)
	}
	for _, want := range []bool{true, false} {
		if err := <-reported; (err != nil) != want {
			t.Errorf("reported %v, want an error: %t", err, want)
		}
	}
	if len(reported) > 0 {
		t.Errorf("reported again: %v", <-reported)
	}
	move(folder, folder+".away")
	commit(t, d, step("DM4", "d"))
	if err := d.Close(); err == nil || !strings.Contains(err.Error(), "write the head file") {
		t.Errorf("Close without the folder = %v, want an error", err)
	}
	r, err := OpenReader(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := r.HeadError(t.Context()); err != nil || text == "" {
		t.Errorf("HeadError after Close = %q, %v", text, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	move(folder+".away", folder)
	d, err = OpenWith(t.Context(), path, o) // the head file is older than the database
	if err != nil {
		t.Fatal(err)
	}
	commit(t, d, step("DM5", "e"))
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	key, err := audit.ReadKey(KeyFile(path))
	if err != nil {
		t.Fatal(err)
	}
	if h, err := witness.Read(o.Head, "", key.Public()); err != nil || h.Log("prod").Change != 5 {
		t.Errorf("the head file = %+v, %v", h, err)
	}
	if files, err := os.ReadDir(folder); err != nil || slices.ContainsFunc(files, func(f os.DirEntry) bool { return f.Name() != "head" }) {
		t.Errorf("the folder has %v, %v", files, err)
	}
}
