// Package db is the database: one SQLite file that keeps every version permanently. It
// holds all SQL. It makes no decisions and does not use the network.
//
// Its three parts share one handle and one type of transaction: Archive stores
// observations and data derived from them, Outbox the messages to send, Log the records
// that prove the archive.
//
// Open is for the one process that syncs: it takes the lock, creates the file and
// migrates it. OpenShared opens the archive for writing while that process runs.
// OpenReader opens it read-only: while others write, or as a copy in a read-only directory.
package db

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver

	"cocsync/internal/audit"
	"cocsync/internal/hint"
	"cocsync/internal/witness"
	"cocsync/migrations"
)

// applicationID identifies cocsync's files in the SQLite header ("coc2").
const applicationID = 0x636f6332

// earlyID is the application ID of archives made by builds before 1.0 ("coc1").
const earlyID = 0x636f6331

// readers is the number of read connections.
const readers = 4

// DB is an open database. Its methods and those of its parts are safe for concurrent use.
// Each method that writes is one transaction.
type DB struct {
	*store
	*Archive
	*Outbox
	*Log
}

// Archive stores observations of COC and data derived from them.
type Archive struct{ *store }

// Outbox stores pending and sent messages.
type Outbox struct{ *store }

// Log stores the records that prove the archive: docs/audit-log.md.
type Log struct{ *store }

func newDB(s *store) *DB { return &DB{s, &Archive{s}, &Outbox{s}, &Log{s}} }

// store is the handle that the parts share.
type store struct {
	name  string   // the path as passed to Open, for messages
	path  string   // the resolved path; other files are next to it
	write *sql.DB  // one connection, nil for a reader
	known *session // statements of earlier transactions of write
	pool  *sql.DB  // connections for reading
	read  *session
	lock  *flock.Flock // nil unless made by Open
	packs *codec

	keyPath  string          // the path of the private key of the logs
	headPath string          // the path of the head file
	key      *audit.Key      // nil for a reader or if the key is missing
	opened   audit.PublicKey // of the key, or if it is missing that of the archive
	trust    *Trust
	exact    bool // the logs end where the head file says
	report   func(error)
	outside  func(context.Context) error // Options.Compare; may be nil

	writing   sync.Mutex            // one transaction at a time
	rewriting atomic.Bool           // the file is rewritten, which may take minutes
	failed    error                 // why nothing more is written: see stop
	altered   func(error)           // receives failed
	commit    func(*sql.Tx) error   // Tx.Commit; tests replace it
	logs      map[int64]*accountLog // by account; nil if this process does not keep the logs
	head      *witness.File
	headErr   atomic.Pointer[string] // of the newest write of the head file, "" for success; nil before the first one
	headNoted *string                // in the archive; nil if it is unknown
	file      os.FileInfo            // of the open database
	found     *witness.State         // of the file before it was opened; nil if it is unknown
	unchanged bool                   // since a process closed it
	uncounted map[watchKey]summary   // good cycles that are not recorded yet
	sent      map[int64][]delivered  // deliveries that are not recorded yet, by account
	recording *time.Timer            // records them; nil if there are none
	later     *time.Timer            // the next checkpoint of the write-ahead log; nil if none is scheduled
	cookie    *int64                 // the schema version that was checked last; nil for none
	scratch   []byte                 // the buffer of the open pack
}

// Open opens the archive at path for the one process that syncs. It creates a missing
// archive and migrates its schema. It fails with ErrLocked while another process has the
// lock.
//
// Open creates the signing key of the logs in a separate file, path with the suffix ".key",
// and the head file, with the suffix ".head". It fails with ErrAltered if the logs do not
// extend their heads, and with ErrNoHead, which is also an ErrAltered, if the
// head file is missing next to a key.
func Open(ctx context.Context, path string) (*DB, error) { return OpenWith(ctx, path, Options{}) }

// Options are options of OpenWith.
type Options struct {
	Key  string // the path of the private key of the logs; "" means KeyFile
	Head string // the path of the head file; "" means HeadFile
	// Trust continues the logs without their head file. The caller has verified the archive.
	Trust *Trust
	// Compare compares the archive with what is outside of it and of the head file; may be nil. It is
	// called before anything is added to the logs of an existing archive. Its error fails the open.
	Compare func(context.Context, *DB) error
	Command string      // the cocsync command, reported by Holder
	Report  func(error) // receives the errors of writes of the head file, each once, and nil when it is written again
	// Altered is called once if a transaction finds that the archive was altered. Nothing is
	// written after that.
	Altered func(error)
}

// OpenWith is Open with options.
func OpenWith(ctx context.Context, path string, o Options) (_ *DB, err error) {
	defer wrap(&err, "open database %s", path)
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return nil, hint.Wrap(err, "check that the directory exists and is writable, or set database in config.toml")
	}
	file := resolve(path)
	if err := singleName(file); err != nil {
		return nil, err
	}
	lock, err := takeLock(file, o.Command)
	if err != nil {
		return nil, err
	}
	d := newDB(&store{name: path, path: file, keyPath: cmp.Or(o.Key, KeyFile(file)),
		headPath: cmp.Or(o.Head, HeadFile(file)), trust: o.Trust, lock: lock, altered: o.Altered})
	d.report = d.reporter(o.Report)
	if o.Compare != nil {
		d.outside = func(ctx context.Context) error { return o.Compare(ctx, d) }
	}
	d.found = stateOf(file)
	missing := func(context.Context) error { return d.refuseMissing() }
	for _, step := range []func(context.Context) error{missing, d.create, d.beginLog} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

// stateOf returns the state of a database; nil if it cannot be read, or if another file has pages
// of it, which opening it copies into it.
func stateOf(file string) *witness.State {
	for _, end := range []string{"-wal", "-journal"} {
		if pages := witness.StateOf(file + end); pages != nil && pages.Size > 0 {
			return nil
		}
	}
	return witness.StateOf(file)
}

// OpenShared opens an existing archive for writing while another process syncs. It never
// migrates.
func OpenShared(ctx context.Context, path string) (_ *DB, err error) {
	defer wrap(&err, "open database %s", path)
	if err := exists(path); err != nil {
		return nil, err
	}
	d := newDB(&store{name: path, path: resolve(path)})
	if err := singleName(d.path); err != nil {
		return nil, err
	}
	if err := d.connect(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// OpenReader opens an existing archive for reading only.
func OpenReader(ctx context.Context, path string) (_ *DB, err error) {
	defer wrap(&err, "open database %s", path)
	if err := exists(path); err != nil {
		return nil, err
	}
	file := resolve(path)
	d, err := openReader(ctx, path, sealed(file))
	if log, statErr := os.Stat(file + "-wal"); diskFull(err) && (statErr != nil || log.Size() == 0) {
		// The disk has no space for the -shm file. No process can write now, so the file
		// can be read as immutable.
		d, err = openReader(ctx, path, true)
	}
	return d, err
}

func openReader(ctx context.Context, path string, immutable bool) (*DB, error) {
	d := newDB(&store{name: path, path: resolve(path), packs: newCodec()})
	if err := d.openPool(immutable); err != nil {
		return nil, err
	}
	if err := checkSchema(ctx, d.pool); err != nil {
		return nil, errors.Join(explain(err), d.Close())
	}
	return d, nil
}

// create creates the file with mode 0600, migrates it, connects and completes the line index.
func (s *store) create(ctx context.Context) error {
	if err := s.makeFile(); err != nil {
		return err
	}
	if err := migrate(ctx, s.path, migrations.Files, schemaVersion); err != nil {
		return explain(err)
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	return s.buildLines(ctx)
}

// makeFile creates an empty file with mode 0600. It does not open an existing file.
func (s *store) makeFile() (err error) {
	defer func() {
		if err == nil {
			s.file, err = os.Stat(s.path)
		}
	}()
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if errors.Is(err, os.ErrExist) {
		if info, err := os.Stat(s.path); err == nil && info.IsDir() {
			return isDirectory()
		}
		if err = mayWrite(s.path); err == nil {
			return nil
		}
		err = &os.PathError{Op: "open", Path: s.path, Err: err}
	}
	return hint.Wrap(err, "check that the file and its directory are writable, or set database in config.toml")
}

func (s *store) connect(ctx context.Context) (err error) {
	s.packs = newCodec()
	if s.write, err = sql.Open("sqlite", writeDSN(s.path)); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	s.known = &session{on: s.write}
	if err := s.openPool(false); err != nil {
		return err
	}
	return explain(checkSchema(ctx, s.write))
}

func (s *store) openPool(immutable bool) (err error) {
	if s.pool, err = sql.Open("sqlite", readDSN(s.path, immutable)); err != nil {
		return err
	}
	s.pool.SetMaxOpenConns(readers)
	s.pool.SetMaxIdleConns(readers) // closing one would lose its prepared statements
	s.read = &session{on: s.pool}
	return nil
}

// Close copies the write-ahead log into the file and releases the lock.
func (d *DB) Close() error {
	var errs []error
	if d.head != nil && d.failed == nil {
		errs = append(errs, d.lastRecord(), d.noteHead(context.Background()))
	}
	d.lastCheckpoint()
	if d.pool != nil {
		errs = append(errs, d.read.close(), d.pool.Close())
	}
	if d.write != nil {
		errs = append(errs, d.known.close(), d.write.Close())
	}
	if d.head != nil {
		errs = append(errs, d.head.Close(d.unchanged))
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Unlock())
	}
	return errors.Join(errs...)
}

// Path returns the path of the archive as passed to Open.
func (d *DB) Path() string { return d.name }

// Pragmas are in the DSN because they apply per connection: PRAGMA through Exec would
// affect only one connection of the pool. trusted_schema and cell_size_check protect
// against hostile files: https://www.sqlite.org/security.html. synchronous=FULL makes
// commits survive a power failure. The page caches are limited to 8 MB and 4 MB. SQLite
// writes the log back at 4,000 pages (16 MB), because an initial sync commits often; a
// larger log, delayed by a reader, is truncated to that size.
func writeDSN(path string) string {
	return dsn(path, "_txlock=immediate&_busy_timeout=5000&_journal_mode=WAL&_synchronous=FULL"+
		"&_foreign_keys=1&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=cache_size(-8000)&_pragma=temp_store(2)"+
		"&_pragma=wal_autocheckpoint(4000)&_pragma=journal_size_limit(16384000)")
}

func readDSN(path string, immutable bool) string {
	q := "mode=ro&_busy_timeout=5000&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=cache_size(-4000)"
	if immutable {
		q += "&immutable=1"
	}
	return dsn(path, q)
}

// dsn returns the file as a URI. Without "file:" SQLite ignores mode and immutable. ? and #
// in the path are escaped.
func dsn(path, query string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query
}

// sealed reports whether the file must be opened as immutable: it is a WAL database in a
// directory where SQLite cannot create the -shm file. A file with a -wal is not sealed,
// because immutable would ignore the newest commits.
func sealed(path string) bool {
	if _, err := os.Stat(path + "-wal"); err == nil {
		return false
	}
	return mayWrite(filepath.Dir(path)) != nil
}

func exists(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return hint.Wrap(err, "set the archive with --db FILE, or create one with `cocsync sync`")
	case err != nil:
		return err
	case info.IsDir():
		return isDirectory()
	}
	if err := regular(path); err != nil {
		return err
	}
	// SQLite's error has no reason. Opening and closing the file here would release the
	// POSIX locks that this process holds on it.
	if err := mayRead(path); err != nil {
		return hint.Wrap(&os.PathError{Op: "open", Path: path, Err: err},
			"run this as the user who runs the syncs, or make the file readable for this user")
	}
	return nil
}

func isDirectory() error {
	return hint.Wrap(errors.New("it is a directory"), "set the archive's file: database in config.toml, or --db FILE")
}

// wrap prepends the operation to an error.
func wrap(err *error, format string, args ...any) {
	if tooManyFiles(*err) {
		*err = hint.Wrap(*err, filesAdvice)
	}
	if *err != nil {
		*err = fmt.Errorf(format+": %w", append(args, *err)...)
	}
}
