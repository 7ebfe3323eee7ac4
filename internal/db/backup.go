package db

import (
	"context"
	"errors"
	"io/fs"

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

// Copy writes a complete copy of the archive at from to a new file with mode 0600.
func Copy(ctx context.Context, from, to string) (err error) {
	in, err := OpenReader(ctx, from)
	if err != nil {
		return err
	}
	return explain(errors.Join(backupTo(ctx, in.pool, to), in.Close()))
}
