package db

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"modernc.org/sqlite"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// Backup writes a whole copy of the archive to a new file, for its owner alone, while
// others read and write. The key of the log is not in it.
func (d *DB) Backup(ctx context.Context, path string) (err error) {
	defer wrap(&err, "back up to %s", path)
	err = backupTo(ctx, d.write, path)
	if errors.Is(err, fs.ErrExist) {
		return hint.Wrap(err, "name a file that is not there yet: backups are never written over")
	}
	return explain(err)
}

// Restore makes a new archive at path of a copy, and begins its log anew with a key at
// key, "" for KeyFile: the first leaf names the log that the copy has. It never writes over a file; a
// key that lies there is moved aside.
func Restore(ctx context.Context, from, path, key string) (err error) {
	defer wrap(&err, "restore %s", path)
	file := resolve(path)
	lock, err := takeLock(file, "restore")
	if err != nil {
		return err
	}
	key = cmp.Or(key, KeyFile(file))
	d := newDB(&store{name: path, path: file, keyPath: key, lock: lock})
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := checkSource(ctx, resolve(from)); err != nil {
		return err
	}
	if err := copyFile(ctx, resolve(from), file); err != nil {
		return err
	}
	if err := d.create(ctx); err != nil {
		return err
	}
	if err := d.buildLines(ctx); err != nil {
		return err
	}
	var old audit.Checkpoint
	g, err := d.Generation(ctx)
	if err == nil {
		var edge audit.Edge
		edge, err = d.Edge(ctx)
		old = audit.Checkpoint{Origin: g.Origin, Size: edge.Size, Root: edge.Root()}
	}
	if err != nil && !errors.Is(err, coc.ErrNotFound) {
		return err
	}
	if err := os.Rename(key, fmt.Sprintf("%s.until-%s", key, time.Now().UTC().Format("20060102T150405Z"))); err != nil && !isMissing(err) {
		return err
	}
	if err := d.newGeneration(ctx, old); err != nil {
		return err
	}
	_, err = d.Head(ctx, false, time.Now())
	return err
}

// checkSource refuses a file that could not be opened as an archive once it was copied.
func checkSource(ctx context.Context, from string) (err error) {
	in, err := sql.Open("sqlite", readDSN(from, sealed(from)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	version, err := readVersion(ctx, in, schemaVersion)
	switch {
	case err != nil:
		return explain(err)
	case version < schemaVersion:
		return explain(checkOldObjects(ctx, in))
	}
	return explain(checkObjects(ctx, in))
}

// copyFile copies an archive to a new file for its owner only, page by page and with
// what is in its write-ahead log: a damaged one is copied as it is.
func copyFile(ctx context.Context, from, to string) (err error) {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return hint.Wrap(err, "an archive is never written over: move it away first, with its -wal if there is one")
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		return err
	}
	in, err := sql.Open("sqlite", readDSN(from, sealed(from)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	c, err := in.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return explain(c.Raw(func(driver any) error { return copyPages(driver, to) }))
}

// copyPages copies all pages of the driver's connection to a file.
func copyPages(driver any, to string) error {
	source, ok := driver.(interface {
		NewBackup(to string) (*sqlite.Backup, error)
	})
	if !ok {
		return errors.New("the SQLite driver copies no pages")
	}
	b, err := source.NewBackup(dsn(to, ""))
	if err != nil {
		return err
	}
	_, err = b.Step(-1)
	return errors.Join(err, b.Finish())
}
