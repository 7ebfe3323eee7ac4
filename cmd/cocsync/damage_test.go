package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"cocsync/internal/db"
	"cocsync/internal/query"
	"cocsync/internal/web"
)

// A damaged archive must not break the program: each command ends with a result or an
// error, and needs little memory.

// readingCommands are commands that read an archive; FILE and FOLDER mean new names.
const readingCommands = `
show DM-restart
show DM-restart@v1
show DM-restart --meta
show DM-restart --meta -o json
show DM-evil --meta -o json
diff DM-restart
diff DM-restart --format json
diff DM-restart@v1 v5 --format side-by-side
diff DM-restart --format dsl
log -p
log -o json -p
log --oneline --stat
log -S timeout
log --path steps --task hwc*
grep timeout
grep . --newest
grep x --at 2026-03-15 -o json
list
list -o json
list --at 2026-03-15
blame DM-restart
blame DM-restart -o json
report --since 2026-02-01 --until 2026-04-01
report --since 2026-02-01 --until 2026-04-01 -o json
status
status -o json
healthcheck
notify list
notify list -o json
verify --deep
verify -o json
audit prove 1
export git
export jsonl
export csv
export dir FOLDER
backup FILE
`

// readingPages are addresses of the page.
const readingPages = `/ /documents /documents/prod/DM-restart /documents/prod/DM-restart/v1 /changes /changes/1 /changes/3
/changes/3/patch /changes/1/proof /compare?a=DM-restart@v1&b=DM-restart@v5 /search?q=timeout /fleet?at=2026-03-15 /health /feed.atom /metrics
/-/ready /api/v1/documents /api/v1/changes /api/v1/changes/3 /api/v1/status`

// maxMemory is the maximum that one command may allocate. Contents of up to 32 MB are
// compared.
const maxMemory = 3 << 30

// hangs is the timeout of a command.
const hangs = time.Minute

// someCommands and somePages return readingCommands and readingPages: all of them for part 0
// of 1, else a part, so that a fuzzer can test many archives.
func someCommands(part, parts int) (list []string) {
	return every(strings.Split(strings.TrimSpace(readingCommands), "\n"), part, parts)
}

func somePages(part, parts int) (list []string) {
	return every(strings.Fields(readingPages), part, parts)
}

func every(all []string, part, parts int) (list []string) {
	for i := part; i < len(all); i += parts {
		list = append(list, all[i])
	}
	return list
}

// readAll runs commands and pages on an archive, and reports panics, timeouts, memory, and
// statuses that do not match the error.
func readAll(t *testing.T, path, what string, commands, pages []string) {
	t.Helper()
	dir := t.TempDir()
	for i, line := range commands {
		line = strings.NewReplacer("FILE", filepath.Join(dir, fmt.Sprint(i, ".db")), "FOLDER", filepath.Join(dir, fmt.Sprint(i))).Replace(line)
		guard(t, what+": "+line, func(ctx context.Context) {
			var stderr bytes.Buffer
			err := run(ctx, append([]string{"--db", path}, strings.Fields(line)...), nil, new(bytes.Buffer), &stderr)
			status := report(&stderr, err)
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Errorf("%s: %s did not end", what, line)
			}
			if status == exitUsage || errors.Is(err, db.ErrAltered) && status != exitAltered {
				t.Errorf("%s: %s has status %d: %v", what, line, status, err)
			}
		})
	}
	guard(t, what+": open the page", func(ctx context.Context) {
		q, err := query.Open(ctx, path)
		if err != nil {
			return
		}
		defer q.Close()
		q.Now, q.Local = func() time.Time { return dayOf(30) }, time.UTC
		site := &web.Site{Archive: q, Log: slog.New(slog.DiscardHandler)}
		handler, err := site.Handler()
		must(t, err)
		for _, address := range pages {
			guard(t, what+": "+address, func(ctx context.Context) {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1"+address, nil)
				handler.ServeHTTP(httptest.NewRecorder(), r)
			})
		}
	})
}

// guard runs f, and reports a panic, a timeout, or too much allocation.
func guard(t *testing.T, what string, f func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: panic: %v\n%s", what, p, debug.Stack())
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > maxMemory {
			t.Errorf("%s: allocated %d MB", what, n>>20)
		}
	}()
	f(ctx)
}

// tamper runs SQL statements without checking constraints. Statements that fail are ignored.
func tamper(t *testing.T, path string, statements ...string) {
	t.Helper()
	c, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	must(t, err)
	defer c.Close()
	c.SetMaxOpenConns(1)
	for _, q := range append([]string{"PRAGMA ignore_check_constraints = 1", "PRAGMA foreign_keys = 0"}, statements...) {
		_, _ = c.Exec(q)
	}
	_, _ = c.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
}

// archiveColumns returns the columns of the archive's tables, as table.column.type.
func archiveColumns(t *testing.T, path string) (list [][3]string) {
	t.Helper()
	c, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	must(t, err)
	defer c.Close()
	rows, err := c.Query(`
		SELECT t.name, c.name, c.type FROM sqlite_schema t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.sql LIKE '%STRICT%' ORDER BY t.name, c.cid`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var column [3]string
		must(t, rows.Scan(&column[0], &column[1], &column[2]))
		list = append(list, column)
	}
	must(t, rows.Err())
	return list
}

// badValues returns values, as SQL, that cocsync never writes to a column of that type.
func badValues(typ string) []string {
	switch typ {
	case "INTEGER":
		return []string{fmt.Sprint(math.MaxInt64), fmt.Sprint(math.MinInt64 + 1), "-1", "0", "1 << 40", "2"}
	case "TEXT":
		return []string{"''", "CAST(x'00ff1b' AS TEXT)", "'v99999999999999999999'", "'{\"a\":'", "hex(zeroblob(200000))"}
	}
	return []string{"x''", "x'00'", "zeroblob(32)", "randomblob(31)", "zeroblob(1000000)"}
}

func damagedCopy(t *testing.T, from string) string {
	t.Helper()
	text, err := os.ReadFile(from)
	must(t, err)
	to := filepath.Join(t.TempDir(), "damaged.db")
	must(t, os.WriteFile(to, text, 0o600))
	return to
}

// One altered row broke show, diff, grep, export, backup and verify: the position of a
// content in its pack overflowed. Each test alters one such row; the command must exit with
// 3 and name the row. COCSYNC_SWEEP=1 alters every column of every table.
func TestDamagedRows(t *testing.T) {
	good := fixture(t)
	for _, tt := range []struct{ sql, command, want string }{
		{`UPDATE contents SET start = 9223372036854775807`, "show DM-restart@v3", "are outside of pack"},
		{`UPDATE contents SET size = 9223372036854775807`, "show DM-restart@v3", "are outside of pack"},
		{`UPDATE contents SET size = 9223372036854775807`, "diff DM-restart@v1 v3", "content "},
		{`UPDATE contents SET size = 9223372036854775807`, "grep timeout", "are outside of pack"},
		{`UPDATE contents SET size = 9223372036854775807`, "export git", "are outside of pack"},
		{`UPDATE contents SET size = 9223372036854775807`, "export dir FOLDER", "are outside of pack"},
		{`UPDATE contents SET size = 9223372036854775807`, "export jsonl", "are outside of pack"},
		{`UPDATE contents SET size = 9223372036854775807`, "blame DM-restart", "are outside of pack"},
		{`UPDATE contents SET size = 9223372036854775807`, "log -p", "are outside of pack"},
		{`UPDATE contents SET size = 9223372036854775807`, "backup FILE", "are outside of pack"},
		{`UPDATE contents SET size = 9223372036854775807`, "verify", "are outside of pack"},
		{`UPDATE contents SET hash = x'00' WHERE id = 1`, "show DM-restart --meta", "a hash of 1 bytes"},
		{`UPDATE contents SET hash = x'00' WHERE id = 1`, "log -p", "a hash of 1 bytes"},
		{`UPDATE packs SET frame = x'28b52ffd'`, "show DM-restart", "pack "},
		{`UPDATE blocks SET frame = x'28b52ffd'`, "grep timeout", "block "},
		{`UPDATE contents SET hash = zeroblob(31) WHERE id = 1`, "verify", "a hash of 31 bytes"},
		{`DELETE FROM packs`, "show DM-restart", "its pack 1 is missing"},
		{`UPDATE contents SET hash = zeroblob(32) WHERE id = 1`, "show DM-restart@v1", "its bytes do not have its SHA-256"},
		{`UPDATE changes SET document_id = 99 WHERE id = 1`, "export jsonl", "change 1 names a document that is missing"},
		{`UPDATE notices SET lines = '{'`, "export jsonl", "row (id=1, kind="},
	} {
		path := damagedCopy(t, good)
		tamper(t, path, tt.sql)
		dir := t.TempDir()
		command := strings.NewReplacer("FILE", dir+"/copy.db", "FOLDER", dir+"/out").Replace(tt.command)
		guard(t, tt.sql+": "+tt.command, func(ctx context.Context) {
			var stderr bytes.Buffer
			status := report(&stderr, run(ctx, append([]string{"--db", path}, strings.Fields(command)...), nil, new(bytes.Buffer), &stderr))
			if status != exitAltered || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("after %s: %s has status %d and says %q, want %d and %q", tt.sql, tt.command, status, stderr.String(), exitAltered, tt.want)
			}
		})
	}
	if os.Getenv("COCSYNC_SWEEP") == "" {
		return
	}
	for _, c := range archiveColumns(t, good) {
		for _, value := range append(badValues(c[2]), "NULL") {
			t.Run(c[0]+"."+c[1]+"="+value, func(t *testing.T) {
				path := damagedCopy(t, good)
				q := fmt.Sprintf(`UPDATE OR IGNORE %s SET %s = %s`, c[0], c[1], value)
				tamper(t, path, q)
				readAll(t, path, q, someCommands(0, 1), somePages(0, 1))
			})
		}
	}
}

// FuzzDamagedArchive alters a small archive and reads all of it. how selects the damage:
// bytes of the file; a column of a table; a content together with its hash. relog rebuilds
// the log, as anyone with the key can.
func FuzzDamagedArchive(f *testing.F) {
	f.Add(uint8(0), false, uint64(5000), int64(0), []byte{0xff, 0x80, 0x00})
	f.Add(uint8(0), false, uint64(28), int64(0), []byte{1, 0, 0, 200})
	f.Add(uint8(1), true, uint64(17), int64(math.MaxInt64), []byte("x"))
	f.Add(uint8(1), false, uint64(70), int64(-1), []byte("{"))
	f.Add(uint8(2), true, uint64(1), int64(0), []byte("a: &a [*a, *a]\n"))
	good := fixture(f)
	f.Fuzz(func(t *testing.T, how uint8, relog bool, where uint64, number int64, text []byte) {
		path := damagedCopy(t, good)
		what := alterArchive(t, path, how, where, number, text)
		if relog {
			tamper(t, path, `PRAGMA foreign_keys = 0`, `DELETE FROM leaves`, `DELETE FROM checkpoints`, `DELETE FROM logs`)
			if d, err := db.Open(t.Context(), path); err == nil {
				must(t, d.Close())
			}
		}
		const parts = 10
		part := int(where/7+uint64(how)) % parts
		readAll(t, path, what, someCommands(part, parts), somePages(part, parts))
	})
}

func alterArchive(t *testing.T, path string, how uint8, where uint64, number int64, text []byte) (what string) {
	t.Helper()
	switch how % 3 {
	case 0:
		b, err := os.ReadFile(path)
		must(t, err)
		at := int(where % uint64(len(b)))
		copy(b[at:], text)
		must(t, os.WriteFile(path, b, 0o600))
		return fmt.Sprintf("bytes %x at %d", text, at)
	case 1:
		columns := archiveColumns(t, path)
		c := columns[where%uint64(len(columns))]
		value := fmt.Sprint(number)
		switch c[2] {
		case "TEXT":
			value = fmt.Sprintf("CAST(x'%x' AS TEXT)", text)
		case "BLOB":
			value = fmt.Sprintf("x'%x'", text)
		}
		q := fmt.Sprintf(`UPDATE OR IGNORE %s SET %s = %s`, c[0], c[1], value)
		tamper(t, path, q)
		return q
	}
	w, err := zstd.NewWriter(nil)
	must(t, err)
	frame := w.EncodeAll(text, nil)
	must(t, w.Close())
	id := where%8 + 1
	tamper(t, path,
		fmt.Sprintf(`UPDATE packs SET frame = x'%x', size = %d WHERE id = (SELECT pack_id FROM contents WHERE id = %d)`, frame, len(text), id),
		fmt.Sprintf(`UPDATE contents SET hash = x'%x', size = %d, start = 0, form = 0 WHERE id = %d`, sha256.Sum256(text), len(text), id))
	return fmt.Sprintf("content %d is %q", id, text)
}
