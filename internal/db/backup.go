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

// Backup writes a complete copy of the archive to a new file with mode 0600, while others
// read and write. The copy does not contain the key of the log.
func (d *DB) Backup(ctx context.Context, path string) (err error) {
	defer wrap(&err, "back up to %s", path)
	err = backupTo(ctx, d.write, path)
	if errors.Is(err, fs.ErrExist) {
		return hint.Wrap(err, "choose a new file: backups never overwrite files")
	}
	return explain(err)
}

// Restore creates a new archive at path from a copy. Its log restarts with a new key at key
// ("" means KeyFile); the first leaf names the log of the copy. Restore never overwrites a
// file; it renames an existing key.
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
	if err := copyFile(ctx, resolve(from), file); err != nil {
		return err
	}
	if err := d.create(ctx); err != nil {
		return err
	}
	g, err := d.Generation(ctx)
	edge, edgeErr := d.Edge(ctx)
	if err := errors.Join(ignore(err, coc.ErrNotFound), edgeErr); err != nil {
		return err
	}
	old := audit.Checkpoint{Origin: g.Origin, Size: edge.Size, Root: edge.Root()}
	if err := os.Rename(key, fmt.Sprintf("%s.until-%s", key, time.Now().UTC().Format("20060102T150405Z"))); err != nil && !isMissing(err) {
		return err
	}
	if err := d.newGeneration(ctx, old); err != nil {
		return err
	}
	_, err = d.Head(ctx, false, time.Now())
	return err
}

// copyFile copies an archive and its write-ahead log to a new file with mode 0600, page by
// page. A damaged archive is copied unchanged; one that could not be opened is refused.
func copyFile(ctx context.Context, from, to string) (err error) {
	in, err := sql.Open("sqlite", readDSN(from, sealed(from)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	check := checkObjects
	if version, err := readVersion(ctx, in, schemaVersion); err != nil {
		return explain(err)
	} else if version < schemaVersion {
		check = checkOldObjects
	}
	if err := check(ctx, in); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return hint.Wrap(err, "archives are never overwritten: move it away first, with its -wal if it has one")
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		return err
	}
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
		return errors.New("the SQLite driver does not support copying pages")
	}
	b, err := source.NewBackup(dsn(to, ""))
	if err != nil {
		return err
	}
	_, err = b.Step(-1)
	return errors.Join(err, b.Finish())
}
