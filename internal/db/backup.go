package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

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
	in, err := OpenReader(ctx, from)
	if err != nil {
		return err
	}
	err = errors.Join(backupTo(ctx, in.pool, file), in.Close())
	if errors.Is(err, fs.ErrExist) {
		return hint.Wrap(err, "archives are never overwritten: move it away first, with its -wal if it has one")
	}
	if err != nil {
		return explain(err)
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
