package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// differences returns the differences of all changes, and checks the derived rows.
func differences(t *testing.T, d *DB) (list []coc.Difference) {
	t.Helper()
	changes, err := all(d.Changes(t.Context(), Filter{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		list = append(list, c.Difference)
	}
	if err := d.DerivedFaults(t.Context(), t.Errorf); err != nil {
		t.Error(err)
	}
	return list
}

// Differences of an older algorithm are rebuilt, in several transactions, of which each can be
// the last one of a process. Those of erased contents keep their numbers of lines.
func TestRebuildDifferences(t *testing.T) {
	d, _ := open(t)
	contents := []string{"steps:\n  - name: a\n    task: one\n"}
	for i := range 2*rebuildBatch + 3 {
		contents = append(contents, fmt.Sprintf("steps:\n  - name: a\n    task: t%d\n    inputs:\n      x%d: %[1]d\n", i%7, i))
	}
	var old *diff.Text
	for i, content := range contents {
		s := step("DM1", content)
		if i > 0 {
			s = next("DM1", i+1, content)
		}
		now := diff.Read([]byte(content))
		s.Changes[0].Difference = diff.Compare(old, now)
		s.Changes[0].Skipped = []string{}
		old = now
		commit(t, d, s)
	}
	if err := eraseContent(t.Context(), d, contents[5], "a test", day); err != nil {
		t.Fatal(err)
	}
	want := differences(t, d)
	alter(t, d.path, `UPDATE archive SET diff_algorithm = 1`, `UPDATE diffs SET algorithm = 1`,
		`UPDATE diffs SET summary = 'old', partial = 1, omitted = 7 WHERE class <> 'erased'`,
		`INSERT INTO words SELECT 1, 1000, 'old'`, `UPDATE items SET path = 1000`,
		`DELETE FROM words WHERE NOT EXISTS (SELECT 1 FROM items i WHERE words.id IN (i.path, i.task, i.old_path, i.old_task))`)
	batches := 0
	d.commit = func(tx *sql.Tx) error {
		if batches++; batches > 1 {
			return failing(tx)
		}
		return tx.Commit()
	}
	if n, err := d.RebuildDifferences(t.Context()); n != rebuildBatch || !errors.Is(err, errDisk) {
		t.Errorf("RebuildDifferences = %d, %v, want one batch and the error", n, err)
	}
	d.commit = nil
	if algorithm, err := d.DiffAlgorithm(t.Context()); err != nil || algorithm != 1 {
		t.Errorf("DiffAlgorithm = %d, %v before all are rebuilt", algorithm, err)
	}
	if n, err := d.RebuildDifferences(t.Context()); n != len(contents)-rebuildBatch || err != nil {
		t.Errorf("RebuildDifferences = %d, %v, want the others", n, err)
	}
	if diff := cmp.Diff(want, differences(t, d)); diff != "" {
		t.Errorf("rebuilt (-want +got):\n%s", diff)
	}
	if algorithm, err := d.DiffAlgorithm(t.Context()); err != nil || algorithm != diff.Algorithm {
		t.Errorf("DiffAlgorithm = %d, %v", algorithm, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.RebuildDifferences(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("RebuildDifferences after the end = %v", err)
	}
}

// A program with an older algorithm marks the archive, because it adds rows of its own.
func TestOpenAfterNewerAlgorithm(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	alter(t, d.path, fmt.Sprintf(`UPDATE archive SET diff_algorithm = %d`, diff.Algorithm+1))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	o, err := Open(t.Context(), d.path)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if algorithm, err := o.DiffAlgorithm(t.Context()); err != nil || algorithm != diff.Algorithm {
		t.Errorf("DiffAlgorithm = %d, %v, want that of this program", algorithm, err)
	}
}
