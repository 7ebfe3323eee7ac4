package db

import (
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
)

func mustWAL(t *testing.T, d *DB) WAL {
	t.Helper()
	w, err := d.WAL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// holdCheckpoints prevents automatic checkpoints until the test calls Checkpoint.
func holdCheckpoints(d *DB) {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.later != nil {
		d.later.Stop()
	}
	d.later = time.AfterFunc(24*time.Hour, func() {})
}

// WAL returns the pending size of the write-ahead log and the time of its first commit, for
// read-only processes too.
func TestWAL(t *testing.T) {
	d, _ := open(t)
	r, err := OpenReader(t.Context(), d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	holdCheckpoints(d)
	begun := time.Now().Truncate(time.Millisecond)
	commit(t, d, step("DM1", "a\n"))
	w := mustWAL(t, r)
	if w.Bytes == 0 || w.Pending == 0 || w.Pending > w.Bytes || w.Since.IsZero() || w.Since.After(time.Now()) {
		t.Errorf("WAL() = %+v after a commit, want it pending", w)
	}
	d.Checkpoint()
	if w := mustWAL(t, r); w.Pending != 0 || !w.Since.IsZero() {
		t.Errorf("WAL() = %+v after a checkpoint, want nothing pending", w)
	}
	// Transactions without changes leave nothing to copy.
	if err := d.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Paused(t.Context(), "no such account", day); err != nil {
		t.Fatal(err)
	}
	if w := mustWAL(t, r); w.Pending != 0 {
		t.Errorf("WAL() = %+v after commits without a change, want nothing pending", w)
	}
	holdCheckpoints(d)
	commit(t, d, step("DM2", "b\n"))
	first := mustWAL(t, r)
	if first.Since.Before(begun) {
		t.Errorf("WAL() = %+v, want a time >= %v", first, begun)
	}
	commit(t, d, step("DM3", "c\n"))
	if w := mustWAL(t, r); !w.Since.Equal(first.Since) || w.Pending <= first.Pending {
		t.Errorf("WAL() = %+v after one more commit, want the time of the first, %v, and more than %d bytes", w, first.Since, first.Pending)
	}
	totals, err := r.Totals(t.Context())
	if err != nil || totals.WALBytes < w.Bytes {
		t.Errorf("Totals() = %+v, %v, want the size of the write-ahead log", totals, err)
	}
}

// A reader with an open transaction prevents the checkpoint. It is retried until the reader ends,
// and then the log is truncated.
func TestWALKeptByAReader(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	d.Checkpoint()
	r, err := OpenReader(t.Context(), d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	holdCheckpoints(d)
	err = r.Snapshot(t.Context(), func(s *DB) error {
		if _, err := all(s.Documents(t.Context())); err != nil {
			return err
		}
		for i := range 3 {
			err := d.exec(t.Context(), "notice", `
				INSERT INTO notices (kind, watch, at, title, lines) VALUES ('x', '', 0, ?, hex(randomblob(4000000)))`, fmt.Sprint(i))
			if err != nil {
				return err
			}
		}
		d.Checkpoint()
		w, err := s.WAL(t.Context())
		if err != nil {
			return err
		}
		if w.Pending == 0 || w.Since.IsZero() || w.Bytes < 24_000_000 {
			t.Errorf("WAL() = %+v during an open transaction, want 24 MB of it pending", w)
		}
		if d.later == nil {
			t.Error("no further checkpoint is due")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Checkpoint()
	commit(t, d, step("DM2", "b\n"))
	if w := mustWAL(t, r); w.Bytes > 17_000_000 {
		t.Errorf("WAL() = %+v after the reader ended, want a file of at most 16 MB", w)
	}
}

// Fault: Close did not copy the write-ahead log if another process had the archive open.
func TestCloseCopiesTheWAL(t *testing.T) {
	d, _ := open(t)
	r, err := OpenReader(t.Context(), d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	shared, err := OpenShared(t.Context(), d.Path())
	if err != nil {
		t.Fatal(err)
	}
	commit(t, d, step("DM1", "a\n"))
	if err := shared.Paused(t.Context(), "prod", day); err != nil {
		t.Fatal(err)
	}
	if err := shared.Close(); err != nil {
		t.Fatal(err)
	}
	if w := mustWAL(t, r); w.Pending != 0 {
		t.Errorf("WAL() = %+v after Close, want nothing pending", w)
	}
}

// Fault: SQLite copies its log at 4,000 pages, which took weeks. Now it is copied within minutes
// of a commit.
func TestWALIsCopiedAfterACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := open(t)
		commit(t, d, step("DM1", "a\n"))
		if w := mustWAL(t, d); w.Pending == 0 {
			t.Errorf("WAL() = %+v after a commit, want it pending", w)
		}
		time.Sleep(checkpointPause) // in fake time
		synctest.Wait()
		if w := mustWAL(t, d); w.Pending != 0 {
			t.Errorf("WAL() = %+v after %v, want nothing pending", w, checkpointPause)
		}
	})
}

// callEach calls a function with each row of a query.
func callEach[T any](rows iter.Seq2[T, error]) func(called func() error) error {
	return func(called func() error) error {
		for _, err := range rows {
			if err == nil {
				err = called()
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// Fault: searches and exports kept a transaction open during callbacks, which prevented
// checkpoints.
func TestCallbacksRunWithoutATransaction(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"), step("DM2", "b\n"), step("DM3", "c\n"))
	r, err := OpenReader(t.Context(), d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for name, each := range map[string]func(called func() error) error{
		"Lines": func(called func() error) error {
			return r.Lines(t.Context(), Need{}, func(coc.Key, []byte) error { return called() })
		},
		"Changes":         callEach(r.Changes(t.Context(), Filter{})),
		"Record":          callEach(r.Record(t.Context(), Filter{})),
		"Documents":       callEach(r.Documents(t.Context())),
		"ListDocuments":   callEach(r.ListDocuments(t.Context(), DocumentQuery{})),
		"ListDocumentsAt": callEach(r.ListDocumentsAt(t.Context(), day, DocumentQuery{})),
	} {
		calls := 0
		err := each(func() error {
			if calls++; calls > 1 {
				return nil
			}
			holdCheckpoints(d)
			if err := d.Hold(t.Context(), "ops", name, day); err != nil {
				return err
			}
			d.Checkpoint()
			w, err := d.WAL(t.Context())
			if w.Pending != 0 {
				t.Errorf("%s: WAL() = %+v, want no open transaction", name, w)
			}
			return err
		})
		if err != nil || calls < 3 {
			t.Errorf("%s: %d calls, %v, want three", name, calls, err)
		}
	}
}
