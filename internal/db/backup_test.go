package db

import (
	"path/filepath"
	"testing"
)

// Restore copied the bytes of the file and passed over what was in its write-ahead log,
// although the backup had been verified with it.
func TestRestoreTakesTheWriteAheadLogAlong(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n")) // d stays open: nothing is checkpointed
	to := filepath.Join(t.TempDir(), "restored.db")
	if err := Restore(t.Context(), d.Path(), to, ""); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if docs, err := r.Documents(t.Context()); len(docs) != 1 || err != nil {
		t.Errorf("Documents() of the restored archive = %v, %v, want one", docs, err)
	}
}
