package db

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"testing"
	"time"

	"cocsync/internal/coc"
)

var errDisk = errors.New("the disk failed")

// failing is a commit that fails and stores nothing.
func failing(tx *sql.Tx) error { return errors.Join(errDisk, tx.Rollback()) }

// stored is a commit that fails after it was stored.
func stored(tx *sql.Tx) error {
	if err := tx.Commit(); err != nil {
		return err
	}
	return errDisk
}

// A commit that failed is one that was stored if the database has its heads.
func TestCommitOfUnknownOutcome(t *testing.T) {
	d, _ := open(t)
	d.commit = stored
	if err := d.Commit(t.Context(), step("DM1", "a")); err != nil {
		t.Errorf("Commit that was stored = %v", err)
	}
	d.commit = failing
	if err := d.Commit(t.Context(), step("DM2", "b")); !errors.Is(err, errDisk) {
		t.Errorf("Commit that was not stored = %v, want its error", err)
	}
	d.commit = stored
	if _, err := d.Account(t.Context(), "test", "https://coc.example", false); err != nil {
		t.Errorf("Account that was stored = %v", err)
	}
	d.commit = nil
	ctx, cancel := context.WithCancel(t.Context())
	d.commit = func(tx *sql.Tx) error { cancel(); return tx.Commit() }
	err := d.Commit(ctx, step("DM2", "b"))
	d.commit = nil
	if err != nil {
		commit(t, d, step("DM2", "b"))
	}
	commit(t, d, step("DM3", "c"))
	for id, want := range map[string]bool{"DM1": true, "DM2": true, "DM3": true} {
		if k, err := d.Known(t.Context(), "prod", id); err != nil || k.Key.IsZero() == want {
			t.Errorf("Known(%s) = %+v, %v", id, k.Key, err)
		}
	}
	if heads, err := d.Heads(t.Context(), []string{"prod", "test"}, day); err != nil || len(heads) != 2 {
		t.Errorf("Heads = %v, %v, want two", heads, err)
	}
}

// A good cycle whose end was stored, in a transaction without a record, is counted.
func TestEndOfUnknownOutcome(t *testing.T) {
	d, id := open(t)
	c := coc.Cycle{Key: id, Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSync, StartedAt: day,
		EndedAt: day.Add(time.Minute), Outcome: coc.CycleGood}
	d.commit = failing
	if err := d.End(t.Context(), c, nil); !errors.Is(err, errDisk) || len(d.uncounted) != 0 {
		t.Errorf("End that was not stored = %v, %d counted", err, len(d.uncounted))
	}
	d.commit = stored
	if err := d.End(t.Context(), c, nil); err != nil || d.uncounted[watchKey{1, "runbooks"}].cycles != 1 {
		t.Errorf("End that was stored = %v, %+v", err, d.uncounted)
	}
	d.commit = nil
}

// If the heads are neither those before nor those after the commit, another program wrote them.
func TestAlteredDuringCommit(t *testing.T) {
	d, _ := open(t)
	stopped := make(chan error, 2)
	d.altered = func(err error) { stopped <- err }
	d.commit = func(tx *sql.Tx) error {
		err := errors.Join(errDisk, tx.Commit())
		alter(t, d.path, `UPDATE logs SET size = size + 1`)
		return err
	}
	if err := d.Commit(t.Context(), step("DM1", "a")); !errors.Is(err, ErrAltered) || !errors.Is(<-stopped, ErrAltered) {
		t.Errorf("Commit = %v, want ErrAltered", err)
	}
	d.commit = nil
	head, err := os.ReadFile(HeadFile(d.path))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.exec(t.Context(), "write", `UPDATE holds SET reason = ''`); !errors.Is(err, ErrAltered) {
		t.Errorf("a write after that = %v, want ErrAltered", err)
	}
	if now, err := os.ReadFile(HeadFile(d.path)); err != nil || string(now) != string(head) {
		t.Errorf("the head file changed: %v", err)
	}
	if len(stopped) > 0 {
		t.Error("Altered was called again")
	}
}

// If the heads cannot be read, nothing more is written by this process.
func TestHeadsUnknownAfterCommit(t *testing.T) {
	d, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	d.commit = func(tx *sql.Tx) error {
		err := errors.Join(errDisk, tx.Rollback())
		d.known.on = gone{}
		d.known.stmts.Clear()
		return err
	}
	err := d.Commit(ctx, step("DM1", "a"))
	cancel()
	d.commit = nil
	if !errors.Is(err, errDisk) || !errors.Is(err, errGone) || errors.Is(err, ErrAltered) {
		t.Errorf("Commit = %v, want both errors", err)
	}
	if again := d.Commit(t.Context(), step("DM1", "a")); !errors.Is(again, errGone) {
		t.Errorf("Commit after that = %v, want the same error", again)
	}
}

var errGone = errors.New("the disk is gone")

type gone struct{}

func (gone) PrepareContext(context.Context, string) (*sql.Stmt, error) { return nil, errGone }

// A file that was replaced is no longer written.
func TestReplacedFile(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a"))
	if err := os.Rename(d.path, d.path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(t.Context(), step("DM2", "b")); !errors.Is(err, ErrAltered) {
		t.Errorf("Commit to a file that was removed = %v, want ErrAltered", err)
	}
	if err := os.Rename(d.path+".away", d.path); err != nil {
		t.Fatal(err)
	}
}

// A head that was replaced is found before a message is composed, and then nothing more is sent or
// stored.
func TestHeadsOfAlteredLog(t *testing.T) {
	d, _ := open(t)
	stopped := make(chan error, 1)
	d.altered = func(err error) { stopped <- err }
	commit(t, d, step("DM1", "a"))
	due, err := d.Due(t.Context(), "ops", day.Add(time.Hour), nil, 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("Due = %v, %v", due, err)
	}
	alter(t, d.path, `UPDATE logs SET note = x'00'`)
	if _, err := d.Heads(t.Context(), []string{"prod"}, day); !errors.Is(err, ErrAltered) || !errors.Is(<-stopped, ErrAltered) {
		t.Errorf("Heads = %v, want ErrAltered", err)
	}
	for what, err := range map[string]error{
		"Freeze": func() error { _, err := d.Freeze(t.Context(), coc.Batch{Drop: []int64{due[0].ID}}, day); return err }(),
		"Hold":   d.Hold(t.Context(), "ops", "revoked", day),
		"Ping":   d.Ping(t.Context()),
	} {
		if !errors.Is(err, ErrAltered) {
			t.Errorf("%s = %v, want ErrAltered", what, err)
		}
	}
}
