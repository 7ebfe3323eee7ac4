package db

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"cocsync/internal/coc"
	"cocsync/migrations"
)

// migrationsUpTo are the released migrations up to a version.
func migrationsUpTo(t testing.TB, version int) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	entries, err := fs.ReadDir(migrations.Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		n, _, _ := strings.Cut(e.Name(), "_")
		if number, err := strconv.Atoi(n); err != nil || number > version {
			continue
		}
		text, err := fs.ReadFile(migrations.Files, e.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = &fstest.MapFile{Data: text}
	}
	return files
}

// oldArchive makes an archive with the schema of that version, and with what d holds in
// the columns that it had.
func oldArchive(t testing.TB, d *DB, version int64) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "old.db")
	if err := migrate(t.Context(), path, migrationsUpTo(t, int(version)), version); err != nil {
		t.Fatal(err)
	}
	old, err := sql.Open("sqlite", dsn(path, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	old.SetMaxOpenConns(1)
	if _, err := old.Exec(`ATTACH ? AS new`, d.path); err != nil {
		t.Fatal(err)
	}
	rows, err := old.Query(`
		SELECT t.name, group_concat(c.name) FROM sqlite_schema t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.sql LIKE '%STRICT%'
			AND c.name IN (SELECT name FROM pragma_table_info(t.name, 'new'))
		GROUP BY t.name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var copies []string
	for rows.Next() {
		var table, columns string
		if err := rows.Scan(&table, &columns); err != nil {
			t.Fatal(err)
		}
		copies = append(copies, fmt.Sprintf(`INSERT INTO %[1]s (%[2]s) SELECT %[2]s FROM new.%[1]s`, table, columns))
	}
	if err := rows.Err(); err != nil || len(copies) == 0 {
		t.Fatalf("%d tables, %v", len(copies), err)
	}
	for _, q := range copies {
		if _, err := old.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	return path
}

// Before a migration the file is copied next to itself, for the owner only, and
// both the copy and the migrated file hold everything.
func TestMigrationBacksUpFirst(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	path := filepath.Join(t.TempDir(), "old.db")
	if _, err := d.write.ExecContext(t.Context(), "VACUUM INTO ?", path); err != nil {
		t.Fatal(err)
	}
	files := migrationsUpTo(t, schemaVersion)
	files[fmt.Sprintf("%04d_next.sql", schemaVersion+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE next (id INTEGER PRIMARY KEY) STRICT;\n")}
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
	// The backup opens as any archive does.
	r, err := OpenReader(t.Context(), backups[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Content(t.Context(), coc.Content{Bytes: []byte("a\n")}.Hash()); err != nil {
		t.Errorf("Content of the backup: %v", err)
	}
}
