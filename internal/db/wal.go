package db

import (
	"context"
	"database/sql"
	"os"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// checkpointPause is the time from a commit to the checkpoint of the write-ahead log.
// SQLite's own checkpoint runs at 4,000 pages, which may take weeks.
const checkpointPause = time.Minute

// WAL is the state of the write-ahead log, the file with the suffix -wal.
type WAL struct {
	Bytes   int64 // the size of the file; 0 if it does not exist
	Pending int64 // bytes that are not copied to the database file yet
	// Since is the time of the first commit after the last complete checkpoint; zero if
	// nothing is pending or the time is unknown.
	Since time.Time
}

// WAL returns the state of the write-ahead log, for readers too. An old Since means that a
// reader with an open transaction prevents the checkpoint.
func (d *DB) WAL(ctx context.Context) (w WAL, err error) {
	defer wrap(&err, "write-ahead log")
	w.Bytes = d.walBytes()
	// Not in a snapshot: SQLite does not allow this pragma in a transaction.
	pending, err := walPending(ctx, d.pool)
	if sqliteCode(err)&0xff == sqlite3.SQLITE_READONLY { // the -shm file is not writable, so the pending size is unknown
		return w, nil
	}
	if err != nil || pending == 0 {
		return w, explain(err)
	}
	var size int64
	err = d.reading(ctx, "write-ahead log").row(`SELECT page_size, (SELECT since FROM wal) FROM pragma_page_size`).Scan(&size, &w.Since)
	w.Pending = pending * size
	return w, err
}

// walBytes returns the size of the write-ahead log.
func (s *store) walBytes() int64 {
	info, err := os.Stat(s.path + "-wal")
	if err != nil {
		return 0 // the file exists only while the archive is open
	}
	return info.Size()
}

// walPending returns the number of pages in the write-ahead log that are not copied yet.
// NOOP copies nothing and never blocks: https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
func walPending(ctx context.Context, db *sql.DB) (int64, error) {
	return checkpoint(ctx, db, "NOOP")
}

// checkpoint runs a checkpoint and returns the number of pages that are not copied after it.
func checkpoint(ctx context.Context, db *sql.DB, mode string) (int64, error) {
	var busy, log, copied int64
	err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &log, &copied)
	return max(0, log-copied), err // both are -1 without a write-ahead log
}

// checkpointLater schedules a checkpoint. The caller holds s.writing.
func (s *store) checkpointLater() {
	if s.later == nil {
		s.later = time.AfterFunc(checkpointPause, s.Checkpoint)
	}
}

// Checkpoint copies the write-ahead log to the database file without blocking on readers.
// If a reader prevents it, another checkpoint is scheduled. It runs automatically a minute
// after a commit. Callers run it after a step of the wall clock, which makes the age of the
// log wrong.
func (s *store) Checkpoint() {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.later == nil {
		return // closed
	}
	s.later = nil
	ctx, cancel := context.WithTimeout(context.Background(), checkpointPause)
	defer cancel()
	// The next transaction fails with the same error and reports it.
	if pending, err := checkpoint(ctx, s.write, "PASSIVE"); err != nil || pending > 0 {
		s.checkpointLater()
	}
}

// lastCheckpoint copies the write-ahead log before the archive is closed: SQLite does it
// only if no other process has the archive open. Errors are ignored: the next process
// copies the log.
func (s *store) lastCheckpoint() {
	s.Checkpoint()
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.later != nil {
		s.later.Stop()
		s.later = nil
	}
}

// noteFirstCommit records the time of the first commit after an empty write-ahead log.
func (t *tx) noteFirstCommit(now time.Time) {
	t.exec(`
		INSERT INTO wal (id, since) VALUES (1, ?1)
		ON CONFLICT (id) DO UPDATE SET since = ?1`, now.UnixMilli())
}
