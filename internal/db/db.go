// Package db is the database: one SQLite file that keeps every version permanently. It
// holds all SQL. It decides nothing and does not use the network.
//
// Its three parts share one handle and one type of transaction: Archive has what was
// observed and what was derived from it, Outbox what is to be sent, Log the records that
// prove the archive.
//
// Open is for the one process that syncs: it takes the lock, creates the file and
// migrates it. OpenShared writes next to that process. OpenReader only reads, also next
// to a writer, also a copy in a folder that is not writable.
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
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver

	"cocsync/internal/audit"
	"cocsync/internal/hint"
	"cocsync/migrations"
)

// applicationID marks the file as cocsync's in SQLite's header ("coc2").
const applicationID = 0x636f6332

// earlyID is the mark of archives that builds before 1.0 made ("coc1").
const earlyID = 0x636f6331

// readers is how many queries may run beside the writer.
const readers = 4

// DB is an open database. Its methods, and those of its parts, may be called by several
// goroutines at the same time, and each that writes is one transaction.
type DB struct {
	*store
	*Archive
	*Outbox
	*Log
}

// Archive has what was observed in COC and what was derived from it.
type Archive struct{ *store }

// Outbox has what is to be sent and what was sent.
type Outbox struct{ *store }

// Log has the records that prove the archive: docs/audit-log.md.
type Log struct{ *store }

func newDB(s *store) *DB { return &DB{s, &Archive{s}, &Outbox{s}, &Log{s}} }

// store is the handle that the parts share.
type store struct {
	name  string  // as it was given, for messages
	path  string  // resolved: other files lie next to it
	write *sql.DB // one connection, nil for a reader
	read  *reader
	lock  *flock.Flock // nil unless made by Open
	packs *codec

	keyPath string     // where the log's private key lies
	key     *audit.Key // nil for a reader, and while it is missing

	writing sync.Mutex  // one transaction at a time, so statements can be kept
	later   *time.Timer // the next checkpoint of the write-ahead log; nil: none is due
	stmts   map[string]*sql.Stmt
	wanted  []string // statements to prepare before the next transaction
	cookie  *int64   // of the schema that was compared last; nil: none was
	scratch []byte   // where a transaction puts a pack together
}

// Open opens the archive at path for the one process that syncs, making it when
// there is none and bringing its schema up to date. It fails with ErrLocked
// while another process has it.
//
// Its log is signed with a key in a file of its own, which Open makes with the archive:
// at path with ".key" behind it. An archive whose log does not fit is refused.
func Open(ctx context.Context, path string) (*DB, error) { return OpenWith(ctx, path, Options{}) }

// Options are what Open does otherwise.
type Options struct {
	Key     string // the file of the log's private key; "" for KeyFile
	Force   bool   // also an archive whose log does not fit
	Command string // the command that opens it, for Holder
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
	d := newDB(&store{name: path, path: file, keyPath: cmp.Or(o.Key, KeyFile(file)), lock: lock})
	err = d.create(ctx)
	if err == nil {
		err = d.buildLines(ctx)
	}
	if err == nil {
		err = d.beginLog(ctx)
	}
	if err == nil && !o.Force {
		err = d.checkLog(ctx)
	}
	if err == nil {
		// What a process that was killed left unsigned.
		_, err = d.Head(ctx, false, time.Now())
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// OpenShared opens an existing archive for writing beside the process that
// syncs. It never migrates.
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
	if log, statErr := os.Stat(file + "-wal"); noRoom(err) && (statErr != nil || log.Size() == 0) {
		// A full disk is no reason not to answer, and nobody can write meanwhile.
		d, err = openReader(ctx, path, true)
	}
	return d, err
}

func openReader(ctx context.Context, path string, immutable bool) (*DB, error) {
	d := newDB(&store{name: path, path: resolve(path), packs: new(codec)})
	var err error
	if d.read, err = openReaders(readDSN(d.path, immutable)); err != nil {
		return nil, err
	}
	if err := d.checkSchema(ctx, d.read.DB); err != nil {
		return nil, errors.Join(explain(err), d.Close())
	}
	return d, nil
}

// create makes the file for its owner alone, migrates it and connects.
func (s *store) create(ctx context.Context) error {
	if err := s.makeFile(); err != nil {
		return err
	}
	if err := migrate(ctx, s.path, migrations.Files, schemaVersion); err != nil {
		return explain(err)
	}
	return s.connect(ctx)
}

// makeFile makes an empty file for its owner only unless there is one, which it does
// not open.
func (s *store) makeFile() error {
	const advice = "check that the file and its directory are writable, or set database in config.toml"
	info, err := os.Stat(s.path)
	switch {
	case err == nil && info.IsDir():
		return isDirectory()
	case err == nil:
		if err := mayWrite(s.path); err != nil {
			return hint.Wrap(&os.PathError{Op: "open", Path: s.path, Err: err}, advice)
		}
		return singleName(s.path)
	case !isMissing(err):
		return hint.Wrap(err, advice)
	}
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return hint.Wrap(err, advice)
	}
	return f.Close()
}

func (s *store) connect(ctx context.Context) (err error) {
	s.packs = newCodec()
	s.stmts = map[string]*sql.Stmt{}
	if s.write, err = sql.Open("sqlite", writeDSN(s.path)); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = openReaders(readDSN(s.path, false)); err != nil {
		return err
	}
	return explain(s.checkSchema(ctx, s.write))
}

func openReaders(dsn string) (*reader, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers) // closing one would lose its prepared statements
	return &reader{DB: db}, nil
}

// Close copies the write-ahead log into the file and releases the lock.
func (d *DB) Close() error {
	var errs []error
	d.lastCheckpoint()
	if d.read != nil {
		errs = append(errs, d.read.close())
	}
	for _, s := range d.stmts {
		errs = append(errs, s.Close())
	}
	if d.write != nil {
		errs = append(errs, d.write.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Unlock())
	}
	return errors.Join(errs...)
}

// Path is where the archive lies, as it was given.
func (d *DB) Path() string { return d.name }

// What a hostile file could do is narrowed as https://www.sqlite.org/security.html says.
// Pragmas go in the DSN because they hold per connection: PRAGMA through Exec
// would reach only one connection of the pool. FULL makes each commit last
// through a power cut. The page caches are bounded: 8 MB and 4 MB. The log grows
// to 4,000 pages (16 MB) before it is written back: a first sync commits often. One that
// grew beyond that while a reader kept it is cut to it afterwards.
func writeDSN(path string) string {
	return dsn(path, "_txlock=immediate&_busy_timeout=5000&_journal_mode=WAL&_synchronous=FULL"+
		"&_foreign_keys=1&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=cache_size(-8000)&_pragma=temp_store(2)&_pragma=wal_autocheckpoint(4000)&_pragma=journal_size_limit(16384000)")
}

func readDSN(path string, immutable bool) string {
	q := "mode=ro&_busy_timeout=5000&_query_only=1&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=cache_size(-4000)"
	if immutable {
		q += "&immutable=1"
	}
	return dsn(path, q)
}

// dsn names the file as a URI: without "file:" SQLite ignores mode and
// immutable, and a path may hold ? and #.
func dsn(path, query string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query
}

// sealed reports whether the file can only be opened as immutable: a WAL
// database in a folder where SQLite cannot make its -shm. With a -wal beside it
// the newest commits would be passed over, so that is not sealed.
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
		return hint.Wrap(err, "name the archive with --db FILE, or make one with `cocsync sync`")
	case err != nil:
		return err
	case info.IsDir():
		return isDirectory()
	}
	// SQLite says no more than that it is unable. (Opening the file here to see
	// why would take away the locks that this process may hold on it.)
	if err := mayRead(path); err != nil {
		return hint.Wrap(&os.PathError{Op: "open", Path: path, Err: err},
			"run this as the user who runs the syncs, or have the file made readable for you")
	}
	return nil
}

func isDirectory() error {
	return hint.Wrap(errors.New("it is a directory"), "name the archive's file: set database in config.toml, or --db FILE")
}

// wrap puts what was being done before an error.
func wrap(err *error, format string, args ...any) {
	if tooManyFiles(*err) {
		*err = hint.Wrap(*err, filesAdvice)
	}
	if *err != nil {
		*err = fmt.Errorf(format+": %w", append(args, *err)...)
	}
}

// millis returns a column's value for a time; the zero time is stored as null.
func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// noneIsNull returns a column's value for an id or a text, of which the zero value is
// stored as null.
func noneIsNull[T comparable](v T) any {
	if v == *new(T) {
		return nil
	}
	return v
}

// bit returns a column's value for a condition: SQL compares it with 1 in every engine.
func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}
