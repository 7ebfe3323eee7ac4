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
	"cocsync/internal/hint"
	"cocsync/internal/witness"
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

// Restore creates a new archive at path from a copy. Each account gets a new log, whose first
// leaf names the log of the copy, with the key of the options, or a new key if it is
// missing or of another archive. Restore never overwrites a file.
func Restore(ctx context.Context, from, path string, o Options) (err error) {
	defer wrap(&err, "restore %s", path)
	file := resolve(path)
	lock, err := takeLock(file, "restore")
	if err != nil {
		return err
	}
	d := newDB(&store{name: path, path: file, keyPath: cmp.Or(o.Key, KeyFile(file)), headPath: cmp.Or(o.Head, HeadFile(file)), lock: lock,
		altered: o.Altered})
	d.report = d.reporter(o.Report)
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
	return d.restartLogs(ctx, time.Now())
}

// restartLogs starts a new log of each account of a restored archive, which continues the one
// in the copy. An existing head file is renamed, and a key of another archive.
func (l *Log) restartLogs(ctx context.Context, now time.Time) error {
	row, err := find[archiveRow](l.reading(ctx, "archive"), archiveRows)
	if err != nil {
		return err
	}
	old, err := collect[storedLog](l.reading(ctx, "logs"), storedLogs)
	if err != nil {
		return err
	}
	if err := putAside(l.headPath, now); err != nil {
		return err
	}
	if l.key, err = audit.ReadKey(l.keyPath); err != nil && !isMissing(err) || err == nil && !l.public().Equal(row.PublicKey) {
		if err := putAside(l.keyPath, now); err != nil {
			return err
		}
		l.key = nil
	}
	sameKey := l.key != nil
	heads := &witness.Heads{Archive: row.Name}
	if err := witness.Write(l.headPath, l.path, heads, nil); err != nil {
		return err
	}
	if err := l.makeKey(); err != nil {
		return err
	}
	l.start(heads)
	return l.update(ctx, "restart the logs", func(t *tx) {
		t.exec(`UPDATE archive SET public_key = ?`, []byte(l.public()))
		for i := range old {
			t.startLog(old[i].Account, old[i].Name, &old[i], now)
		}
		if !sameKey { // pending messages are composed again
			t.exec(`UPDATE messages SET code = NULL WHERE code IS NOT NULL`)
		}
	})
}

// putAside renames a file, if it exists.
func putAside(path string, now time.Time) error {
	return ignore(os.Rename(path, fmt.Sprintf("%s.until-%s", path, now.UTC().Format("20060102T150405Z"))), fs.ErrNotExist)
}
