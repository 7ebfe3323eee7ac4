package db

import (
	"cmp"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"cocsync/internal/coc"
	"cocsync/migrations"
)

var update = flag.Bool("update", false, "write migrations/schema.sql")

// migrations/schema.sql is the schema that the migrations create.
func TestSchemaFile(t *testing.T) {
	m, err := sql.Open("sqlite", "file::memory:?_pragma=trusted_schema(0)")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.SetMaxOpenConns(1)
	p, err := goose.NewProvider(goose.DialectSQLite3, m, migrations.Files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	want, err := readObjects(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(want, func(a, b Object) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
	})
	if *update {
		var b strings.Builder
		for _, o := range want {
			fmt.Fprintf(&b, "%s%s %s %s\n%s;\n", objectLine, o.Type, o.Name, o.Table, o.SQL)
		}
		if err := os.WriteFile("../../migrations/schema.sql", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Skip("written: build again")
	}
	if diff := gocmp.Diff(want, expectedSchema()); diff != "" {
		t.Errorf("migrations/schema.sql is not the schema of the migrations (-migrations +file); go test ./internal/db -run SchemaFile -update\n%s", diff)
	}
}

// alter runs statements in the file without cocsync.
func alter(t testing.TB, path string, statements ...string) {
	t.Helper()
	c, err := sql.Open("sqlite", dsn(path, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetMaxOpenConns(1)
	for _, q := range statements {
		if _, err := c.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// silence are triggers that keep every alert from being sent.
const silence = `CREATE TRIGGER silence AFTER INSERT ON deliveries BEGIN DELETE FROM deliveries WHERE id = new.id; END`

// Fault: a trigger in the file dropped all alerts without a report, because only verify checked
// the schema. Now no command opens such a file.
func TestAlteredSchemaIsRefused(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	for _, tt := range []struct {
		name string
		sql  []string
		want string // in the error; "" for none
	}{
		{"a trigger", []string{silence}, `trigger "silence" on "deliveries" does not belong to cocsync`},
		{"a view", []string{`CREATE VIEW v AS SELECT 1`}, `view "v" on "v" does not belong to cocsync`},
		{"a table", []string{`CREATE TABLE t (a)`}, `table "t" on "t" does not belong to cocsync`},
		{"a virtual table", []string{`CREATE VIRTUAL TABLE f USING fts5 (a)`}, `table "f" on "f" does not belong to cocsync`},
		{"an index", []string{`CREATE INDEX i ON changes (kind)`}, `index "i" on "changes" does not belong to cocsync`},
		{"an index less", []string{`DROP INDEX changes_at`}, `index "changes_at" is missing`},
		{"another index", []string{`DROP INDEX changes_at`, `CREATE INDEX changes_at ON changes (at DESC)`},
			`index "changes_at" differs from cocsync's definition`},
		{"a column more", []string{`ALTER TABLE changes ADD COLUMN note TEXT`}, `table "changes" differs from cocsync's definition`},
		{"a view for a table", []string{`ALTER TABLE holds RENAME TO holds2`,
			`CREATE VIEW holds AS SELECT * FROM holds2 WHERE 0`}, `view "holds" on "holds" does not belong to cocsync`},
		{"a check less", []string{`PRAGMA writable_schema = 1`,
			`UPDATE sqlite_schema SET sql = replace(sql, ' CHECK (late IN (0, 1))', '') WHERE name = 'changes'`},
			`table "changes" differs from cocsync's definition`},
		{"Litestream's table with another column",
			[]string{`CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER, x)`},
			`table "_litestream_seq" on "_litestream_seq" does not belong to cocsync`},
		{"Litestream's tables", []string{`CREATE TABLE IF NOT EXISTS _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);`,
			`CREATE TABLE IF NOT EXISTS _litestream_lock (id INTEGER);`}, ""},
		{"statistics", []string{`ANALYZE`}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.db")
			if err := d.Backup(t.Context(), path); err != nil {
				t.Fatal(err)
			}
			alter(t, path, tt.sql...)
			for how, open := range openers() {
				d, err := open(t.Context(), path)
				if err == nil {
					if err := errors.Join(checkObjects(t.Context(), d.pool), d.Close()); err != nil {
						t.Error(err)
					}
				}
				if tt.want == "" && err != nil {
					t.Errorf("%s = %v, want no error", how, err)
				}
				if tt.want != "" && (!errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("%s = %v, want ErrAltered with %q", how, err, tt.want)
				}
			}
		})
	}
}

// A trigger that another process adds to the file of a running daemon has no effect: the next
// transaction and the next cycle fail.
func TestAlteredSchemaStopsTheWriter(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	r, err := OpenReader(t.Context(), d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	alter(t, d.path, silence)
	err = d.Commit(t.Context(), step("DM2", "b\n"))
	if !errors.Is(err, ErrAltered) {
		t.Errorf("Commit = %v, want ErrAltered", err)
	}
	_, err = d.Begin(t.Context(), coc.Cycle{Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSync, StartedAt: day})
	if !errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), `trigger "silence"`) {
		t.Errorf("Begin = %v, want ErrAltered that names the trigger", err)
	}
	if err := checkObjects(t.Context(), r.pool); !errors.Is(err, ErrAltered) {
		t.Errorf("checkObjects of a reader = %v, want ErrAltered", err)
	}
	// Nothing is written until another process has verified the archive.
	alter(t, d.path, `DROP TRIGGER silence`)
	if err := d.Commit(t.Context(), step("DM2", "b\n")); !errors.Is(err, ErrAltered) {
		t.Errorf("Commit after the trigger was removed = %v, want ErrAltered", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, err = Open(t.Context(), d.path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	commit(t, d, step("DM2", "b\n"))
}

// A direct write to sqlite_schema does not change the schema version, so open connections ignore
// it but new ones do not. Begin detects it.
func TestSchemaAlteredUnseenStopsTheWriter(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	alter(t, d.path, `PRAGMA writable_schema = 1`,
		`INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('trigger', 'silence', 'deliveries', 0, '`+silence+`')`)
	_, err := d.Begin(t.Context(), coc.Cycle{Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSync, StartedAt: day})
	if !errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), `trigger "silence"`) {
		t.Errorf("Begin = %v, want ErrAltered that names the trigger", err)
	}
}

// A trigger in an archive of an earlier release must not run in a migration. The file must not be
// converted to a WAL database either.
func TestOldArchiveWithATriggerIsNotMigrated(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	for _, q := range []string{silence, `CREATE VIEW v AS SELECT 1`, `CREATE VIRTUAL TABLE f USING fts5 (a)`,
		`DROP TABLE holds; CREATE VIRTUAL TABLE holds USING fts5vocab (trigrams, row)`} {
		path := oldArchive(t, d)
		alter(t, path, q, `PRAGMA journal_mode = DELETE`)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := migrate(t.Context(), path, nextMigrations(t), schemaVersion+1); !errors.Is(err, ErrAltered) {
			t.Errorf("%s: migrate = %v, want ErrAltered", q, err)
		}
		after, err := os.ReadFile(path)
		if err != nil || string(before) != string(after) {
			t.Errorf("%s: the file was written to: %v", q, err)
		}
	}
}

// A leftover journal blocks readers, so that only the writer can find a trigger in an archive of an
// earlier release.
func TestOldArchiveWithAJournalIsNotMigrated(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	path := oldArchive(t, d)
	alter(t, path, silence, `PRAGMA journal_mode = DELETE`)
	crashed := filepath.Join(t.TempDir(), "a.db")
	c, err := sql.Open("sqlite", dsn(path, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetMaxOpenConns(1)
	for _, q := range []string{`PRAGMA cache_size = 1`, `BEGIN`, `CREATE TABLE t (a)`,
		`INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT zeroblob(4000) FROM n`} {
		if _, err := c.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	for _, end := range []string{"", "-journal"} {
		text, err := os.ReadFile(path + end)
		if err == nil {
			err = os.WriteFile(crashed+end, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var blocked *sqlite.Error
	if _, err := versionToMigrate(t.Context(), readDSN(crashed, false), schemaVersion+1); !errors.As(err, &blocked) {
		t.Fatalf("versionToMigrate = %v, want the journal to block it", err)
	}
	if err := migrate(t.Context(), crashed, nextMigrations(t), schemaVersion+1); !errors.Is(err, ErrAltered) {
		t.Errorf("migrate = %v, want ErrAltered", err)
	}
	if copies, err := filepath.Glob(crashed + ".schema*"); err != nil || len(copies) > 0 {
		t.Errorf("the migration started: %q, %v", copies, err)
	}
}

// The check runs at each open and before each cycle, so it must be fast for any size of the archive.
func BenchmarkCheckSchema(b *testing.B) {
	d, _ := open(b)
	commit(b, d, step("DM1", "a\n"))
	_, err := d.write.Exec(`
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
		INSERT INTO versions (document_id, label, version_uuid, listed_at, backfill, state)
		SELECT 1, 'x' || i, '', 0, 1, 'archived' FROM n`)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := checkObjects(b.Context(), d.pool); err != nil {
			b.Fatal(err)
		}
	}
}
