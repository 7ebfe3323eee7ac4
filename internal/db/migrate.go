package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"cocsync/internal/hint"
)

// schemaVersion is the newest migration that this program knows.
const schemaVersion = 1

// migrate brings the schema of the file up to date with these migrations, the
// newest of which is want. Before it touches a file that holds something, it
// copies it beside itself. The caller has the lock.
func migrate(ctx context.Context, path string, files fs.FS, want int64) error {
	if err := refuse(ctx, path, want); err != nil {
		return err
	}
	w, err := sql.Open("sqlite", writeDSN(path))
	if err != nil {
		return err
	}
	defer w.Close()
	w.SetMaxOpenConns(1)
	version, err := readVersion(ctx, w, want)
	if err != nil || version == want {
		return err
	}
	if err := checkOldObjects(ctx, w); err != nil {
		return err
	}
	if version > 0 {
		backup := fmt.Sprintf("%s.schema%d-%s", path, version, time.Now().UTC().Format("20060102T150405Z"))
		if err := backupTo(ctx, w, backup); err != nil {
			return fmt.Errorf("back up before the migration: %w", err)
		}
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, w, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// refuse returns why the file must not be touched: another program's, or a later
// release's. Opening it for writing would turn it into a WAL database.
func refuse(ctx context.Context, path string, newest int64) error {
	r, err := sql.Open("sqlite", readDSN(path, false))
	if err != nil {
		return err
	}
	defer r.Close()
	version, err := readVersion(ctx, r, newest)
	if err == nil && version < newest {
		err = checkOldObjects(ctx, r)
	}
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return nil // the writer meets it too, or can fix it (a journal left over)
	}
	return err
}

func backupTo(ctx context.Context, w *sql.DB, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	_, err = w.ExecContext(ctx, "VACUUM INTO ?", path)
	return err
}

// checkSchema refuses a database that this program cannot use.
func (s *store) checkSchema(ctx context.Context, db *sql.DB) error {
	version, err := readVersion(ctx, db, schemaVersion)
	switch {
	case err != nil:
		return err
	case version == 0:
		return hint.Wrap(errors.New("it holds no archive yet"), "run `cocsync sync` once")
	case version < schemaVersion:
		return hint.Wrap(fmt.Errorf("its schema is version %d, this cocsync reads version %d", version, schemaVersion),
			"run `cocsync sync` or the daemon of this release once: it migrates the file, after a backup beside it")
	}
	return checkObjects(ctx, db)
}

// readVersion returns the schema's version, 0 for an empty file. goose passes a
// database newer than the newest migration in silence, so that is refused here.
func readVersion(ctx context.Context, db *sql.DB, newest int64) (int64, error) {
	var app, tables int64
	var version sql.NullInt64
	// One question, for those who ask little else.
	err := db.QueryRowContext(ctx, `
		SELECT (SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema),
			(SELECT max(version_id) FROM goose_db_version WHERE is_applied)`).Scan(&app, &tables, &version)
	if err != nil && strings.Contains(err.Error(), "no such table") {
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
			return 0, err
		}
		if tables == 0 {
			return 0, nil
		}
	}
	if err == nil && app == earlyID {
		return 0, hint.Wrap(errors.New("it was made by a build before 1.0"),
			"start a new archive: move the file away, with its -wal and .key if there are any, or set another database in config.toml")
	}
	if err == nil && app != applicationID && version.Int64 > 0 {
		return 0, hint.Wrap(fmt.Errorf("it is an SQLite database, but not cocsync's: its application_id is %d, not %d", app, applicationID),
			fmt.Sprintf("name another file: set database in config.toml, or --db FILE; if sqlite3's .dump made it, which leaves the mark out: sqlite3 FILE 'PRAGMA application_id = %d'", applicationID))
	}
	if err != nil && strings.Contains(err.Error(), "no such table") {
		return 0, hint.Wrap(errors.New("it is an SQLite database, but not cocsync's"),
			"name another file: set database in config.toml, or --db FILE")
	}
	if err != nil {
		return 0, err
	}
	if version.Int64 > newest {
		return 0, hint.Wrap(fmt.Errorf("its schema is version %d, newer than the %d that this cocsync knows", version.Int64, newest),
			"install the newer cocsync that wrote it; nothing was changed")
	}
	return version.Int64, nil
}

// explain adds what a person can do about an error of SQLite.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	advice := ""
	if noRoom(err) {
		return hint.Wrap(err, "the disk is full: make room; nothing was lost, the next cycle goes on from here")
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		advice = "another program holds the database: close it (an sqlite3 shell, a backup) and try again"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		if noDescriptors() {
			return hint.Wrap(fmt.Errorf("%w: too many open files", err), filesAdvice)
		}
		advice = "check that the file and its directory are readable and writable for this user"
	case sqlite3.SQLITE_NOTADB:
		advice = "this file is no SQLite database: name another one, or restore a backup"
	case sqlite3.SQLITE_CORRUPT:
		return alteredError{hint.Wrap(err, "the database is damaged: keep a copy of the file, then restore a backup")}
	case sqlite3.SQLITE_IOERR:
		advice = "the disk did not answer as it should: check it and the room on it"
	default:
		return err
	}
	return hint.Wrap(err, advice)
}

// filesAdvice is for a process that has no file descriptor left.
const filesAdvice = "raise the limit of open files to 64 or more: `ulimit -n` in a shell, LimitNOFILE= in a systemd unit"

// tooManyFiles reports whether an error is about file descriptors.
func tooManyFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// noDescriptors reports whether the process has too few file descriptors left to open a
// database. SQLite does not tell why it could not open one; it needs the file, its -wal
// and its -shm at once.
func noDescriptors() bool {
	for range 3 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return tooManyFiles(err)
		}
		defer f.Close()
	}
	return false
}

// noRoom reports whether the disk is full. IOERR_SHMSIZE means that there is no
// room for the -shm file, which every connection to a WAL database needs.
func noRoom(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE)
}
