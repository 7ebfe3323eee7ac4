package db

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// checkpointPause is how long after a commit the write-ahead log is copied into the file.
// SQLite does it only once 4,000 pages were written, which may take weeks.
const checkpointPause = time.Minute

// WAL is the state of the write-ahead log, the file with -wal at the end of its name.
type WAL struct {
	Bytes   int64 // of the file; 0 where there is none
	Pending int64 // bytes of it that were not copied into the database file yet
	// Since is when the first commit was made after the log was last copied as a whole;
	// zero while nothing is pending, or where that is unknown.
	Since time.Time
}

// WAL returns the state of the write-ahead log. Any process may ask, also one that may
// only read. A log whose Since grows old is kept from being copied by a reader that
// leaves its transaction open.
func (d *DB) WAL(ctx context.Context) (w WAL, err error) {
	defer wrap(&err, "write-ahead log")
	w.Bytes = d.walBytes()
	// Not in a snapshot: SQLite refuses this pragma in a transaction.
	pending, err := walPending(ctx, d.read.DB)
	if readOnly(err) { // the user may not write to the -shm file: what is pending is unknown
		return w, nil
	}
	if err != nil || pending == 0 {
		return w, explain(err)
	}
	var size int64
	err = d.read.DB.QueryRowContext(ctx, `
		SELECT page_size, (SELECT since FROM wal) FROM pragma_page_size`).Scan(&size, at(&w.Since))
	w.Pending = pending * size
	return w, explain(err)
}

// walBytes is the size of the write-ahead log's file.
func (s *store) walBytes() int64 {
	info, err := os.Stat(s.path + "-wal")
	if err != nil {
		return 0 // it is there only while the archive is open
	}
	return info.Size()
}

// walPending returns how many pages of the write-ahead log no checkpoint has copied.
// NOOP copies none and does not wait: https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
func walPending(ctx context.Context, db *sql.DB) (int64, error) {
	return checkpoint(ctx, db, "NOOP")
}

// readOnly reports whether SQLite refused to write.
func readOnly(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_READONLY
}

func walEmpty(ctx context.Context, db *sql.DB) (bool, error) {
	n, err := walPending(ctx, db)
	return n == 0, err
}

// checkpoint runs a checkpoint and returns how many pages are not copied after it.
func checkpoint(ctx context.Context, db *sql.DB, mode string) (int64, error) {
	var busy, log, copied int64
	err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &log, &copied)
	return max(0, log-copied), err // both are -1 without a write-ahead log
}

// checkpointLater has the write-ahead log copied in a while. The caller has d.writing.
func (s *store) checkpointLater() {
	if s.later == nil {
		s.later = time.AfterFunc(checkpointPause, s.Checkpoint)
	}
}

// Checkpoint copies the write-ahead log as far as readers permit, and tries again later
// where they do not. It waits for no reader. It runs automatically a minute after a commit;
// after a step of the wall clock it has to run at once, because the log's age is wrong.
func (s *store) Checkpoint() {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.later == nil {
		return // closed
	}
	s.later = nil
	ctx, cancel := context.WithTimeout(context.Background(), checkpointPause)
	defer cancel()
	// An error is met again by the next transaction, which reports it.
	if pending, err := checkpoint(ctx, s.write, "PASSIVE"); err != nil || pending > 0 {
		s.checkpointLater()
	}
}

// lastCheckpoint copies the write-ahead log before the archive is closed: SQLite does it
// only when no other process has it open. What fails here is left to the next process.
func (s *store) lastCheckpoint() {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.later == nil {
		return // nothing was written since the last one
	}
	s.later.Stop()
	s.later = nil
	_, _ = checkpoint(context.Background(), s.write, "PASSIVE")
}

// rowsChanged is how many rows the connection has changed; 0 if it is not wanted.
func (t tx) rowsChanged(wanted bool) (n int64, err error) {
	if wanted {
		err = t.row(`SELECT total_changes()`).Scan(&n)
	}
	return n, err
}

// noteFirstCommit records when the first commit after an empty write-ahead log was made.
func (t tx) noteFirstCommit(now time.Time) error {
	return t.exec(`
		INSERT INTO wal (id, since) VALUES (1, ?1)
		ON CONFLICT (id) DO UPDATE SET since = ?1`, now.UnixMilli())
}
