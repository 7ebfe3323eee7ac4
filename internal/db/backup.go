package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

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
// key: the first leaf names the log that the copy has. It never writes over a file; a
// key that lies there is moved aside.
func Restore(ctx context.Context, from, path, key string) (err error) {
	defer wrap(&err, "restore %s", path)
	lock, err := takeLock(path)
	if err != nil {
		return err
	}
	d := &DB{path: path, keyPath: key, lock: lock}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := copyFile(from, path); err != nil {
		return err
	}
	if err := d.create(ctx); err != nil {
		return err
	}
	if err := d.lineUp(ctx); err != nil {
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

// copyFile copies a file to a new one for its owner alone.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return hint.Wrap(err, "an archive is never written over: move it away first, with its -wal if there is one")
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
