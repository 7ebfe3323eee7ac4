package db

import (
	"bytes"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"cocsync/internal/coc"
	"cocsync/migrations"
)

// nextMigrations returns the migrations and an additional one.
func nextMigrations(t testing.TB) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{fmt.Sprintf("%04d_next.sql",
		schemaVersion+1): {Data: []byte("-- +goose Up\nCREATE TABLE next (id INTEGER PRIMARY KEY) STRICT;\n")}}
	entries, err := fs.ReadDir(migrations.Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := fs.ReadFile(migrations.Files, e.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = &fstest.MapFile{Data: text}
	}
	return files
}

// oldArchive returns a copy of an archive, which is of an earlier release for nextMigrations.
func oldArchive(t testing.TB, d *DB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "old.db")
	if err := d.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

// An archive of a build before 1.0 is refused with a specific error and not changed.
func TestEarlyArchiveIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "early.db")
	alter(t, path, `PRAGMA journal_mode = WAL`, `PRAGMA application_id = 1668244273`,
		`CREATE TABLE goose_db_version (version_id INTEGER, is_applied INTEGER)`, `INSERT INTO goose_db_version VALUES (6, 1)`)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for how, open := range openers() {
		if _, err := open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "made by a build before 1.0") {
			t.Errorf("%s = %v, want that it was made by a build before 1.0", how, err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was written to: %v", err)
	}
}

// Before a migration the file is backed up next to it with mode 0600. The backup and the
// migrated file are complete.
func TestMigrationBacksUpFirst(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	path := filepath.Join(t.TempDir(), "old.db")
	if _, err := d.write.ExecContext(t.Context(), "VACUUM INTO ?", path); err != nil {
		t.Fatal(err)
	}
	files := nextMigrations(t)
	if err := migrate(t.Context(), path, files, schemaVersion+1); err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), path, files, schemaVersion+1); err != nil {
		t.Errorf("migrate again = %v", err)
	}
	backups, err := filepath.Glob(fmt.Sprintf("%s.schema%d-*", path, schemaVersion))
	if err != nil || len(backups) != 1 {
		t.Fatalf("backups %q, %v, want one", backups, err)
	}
	info, err := os.Stat(backups[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("backup has mode %v, %v, want 600", info.Mode(), err)
	}
	for file, want := range map[string]int64{path: schemaVersion + 1, backups[0]: schemaVersion} {
		c, err := sql.Open("sqlite", readDSN(file, false))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var version int64
		var documents int
		err = c.QueryRow(`SELECT max(version_id), (SELECT count(*) FROM documents) FROM goose_db_version`).Scan(&version, &documents)
		if err != nil || version != want || documents != 1 {
			t.Errorf("%s: schema %d with %d documents, %v, want %d with 1", filepath.Base(file), version, documents, err, want)
		}
	}
	// The backup can be opened.
	r, err := OpenReader(t.Context(), backups[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Content(t.Context(), 1, coc.Content{Bytes: []byte("a\n")}.Hash()); err != nil {
		t.Errorf("Content of the backup: %v", err)
	}
}
