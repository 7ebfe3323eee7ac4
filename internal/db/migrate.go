package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"cocsync/internal/hint"
)

// schemaVersion is the version of the newest migration.
const schemaVersion = 1

// migrate migrates the schema of the file to version want. It first backs up a file that is
// not empty to a file next to it. The caller holds the lock.
func migrate(ctx context.Context, path string, files fs.FS, want int64) error {
	// A file of another program or of a later release must not be opened for writing, which
	// would convert it to a WAL database.
	_, err := versionToMigrate(ctx, readDSN(path, false), want)
	if err != nil && sqliteCode(err) == 0 { // the writer reports those of SQLite, or fixes them (a leftover journal)
		return err
	}
	version, err := versionToMigrate(ctx, writeDSN(path), want)
	if err != nil || version == want {
		return err
	}
	w, err := sql.Open("sqlite", writeDSN(path))
	if err != nil {
		return err
	}
	defer w.Close()
	w.SetMaxOpenConns(1)
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

// versionToMigrate returns the version of the schema, after a check of one that is older than
// the newest.
func versionToMigrate(ctx context.Context, dsn string, newest int64) (int64, error) {
	d, err := sql.Open("sqlite", dsn)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	version, err := readVersion(ctx, d, newest)
	if err == nil && version < newest {
		err = checkOldObjects(ctx, d)
	}
	return version, err
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

// checkSchema returns an error for a database that this program cannot use.
func checkSchema(ctx context.Context, db *sql.DB) error {
	version, err := readVersion(ctx, db, schemaVersion)
	switch {
	case err != nil:
		return err
	case version == 0:
		return hint.Wrap(errors.New("it contains no archive yet"), "run `cocsync sync` once")
	case version < schemaVersion:
		return hint.Wrap(fmt.Errorf("its schema is version %d, this cocsync requires version %d", version, schemaVersion),
			"run `cocsync sync` or the daemon of this release once: it backs up the file and migrates it")
	}
	return checkObjects(ctx, db)
}

// readVersion returns the version of the schema, 0 for an empty file. goose silently accepts
// a database with a newer version, so readVersion returns an error for it.
func readVersion(ctx context.Context, db *sql.DB, newest int64) (int64, error) {
	var app, objects, versioned, version int64
	err := db.QueryRowContext(ctx, `
		SELECT application_id, (SELECT count(*) FROM sqlite_schema), (SELECT count(*) FROM sqlite_schema WHERE name = 'goose_db_version')
		FROM pragma_application_id`).Scan(&app, &objects, &versioned)
	if err == nil && versioned > 0 {
		err = db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version)
	}
	switch {
	case err != nil || objects == 0:
		return 0, err
	case app == earlyID:
		return 0, hint.Wrap(errors.New("it was made by a build before 1.0"),
			"start a new archive: move the file away, with its -wal and .key if it has them, or set another database in config.toml")
	case versioned == 0:
		return 0, hint.Wrap(errors.New("it is an SQLite database, but not cocsync's"),
			"choose another file: set database in config.toml, or --db FILE")
	case app != applicationID && version > 0:
		return 0, hint.Wrap(fmt.Errorf("it is an SQLite database, but not cocsync's: its application_id is %d, not %d", app, applicationID),
			fmt.Sprintf("choose another file: set database in config.toml, or --db FILE; if the file was made by .dump of "+
				"sqlite3, which omits the application_id: sqlite3 FILE 'PRAGMA application_id = %d'", applicationID))
	case version > newest:
		return 0, hint.Wrap(fmt.Errorf("its schema is version %d, newer than version %d of this cocsync", version, newest),
			"install the release of cocsync that wrote it; nothing was changed")
	}
	return version, nil
}

// sqliteCode returns the extended code of an error of SQLite; 0 for another one.
func sqliteCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code()
}

// explain adds hints to errors of SQLite.
func explain(err error) error {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return hint.Wrap(err, "another program has locked the database: close it (an sqlite3 shell, a backup) and try again")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		if noDescriptors() {
			return hint.Wrap(fmt.Errorf("%w: too many open files", err), filesAdvice)
		}
		return hint.Wrap(err, "check that the file and its directory are readable and writable for this user")
	case sqlite3.SQLITE_NOTADB:
		return hint.Wrap(err, "the file is not an SQLite database: choose another one, or restore a backup")
	case sqlite3.SQLITE_CORRUPT:
		return alteredError{hint.Wrap(err, "the database is damaged: keep a copy of the file, then restore a backup")}
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		if diskFull(err) {
			return hint.Wrap(err, diskAdvice)
		}
		return hint.Wrap(err, "the disk failed: check the disk and its free space")
	}
	return err
}

// diskAdvice is the hint for a full disk.
const diskAdvice = "the disk is full: free some space; nothing was lost, the next cycle continues"

// filesAdvice is the hint for a process without free file descriptors.
const filesAdvice = "raise the limit of open files to 64 or more: `ulimit -n` in a shell, LimitNOFILE= in a systemd unit"

// tooManyFiles reports whether an error means that file descriptors are exhausted.
func tooManyFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// noDescriptors reports whether the process has too few free file descriptors to open a
// database: SQLite needs three for the file, its -wal and its -shm, and its error does not
// name the cause.
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

// diskFull reports whether the disk is full. IOERR_SHMSIZE means that there is no space for
// the -shm file, which every connection to a WAL database needs.
func diskFull(err error) bool {
	code := sqliteCode(err)
	return code&0xff == sqlite3.SQLITE_FULL || code == sqlite3.SQLITE_IOERR_SHMSIZE
}
