package db

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// On a full disk Commit stores nothing of a step and returns a hint. Once there is space, the
// same step succeeds.
func TestFullDisk(t *testing.T) {
	d, _ := open(t)
	first := step("DM1", "first\n")
	commit(t, d, first)
	// The pool of the writer has one connection, so the pragma holds.
	var pages int
	if err := d.write.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := d.write.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+2)); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 64<<10)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	large := step("DM2", string(noise))
	err := d.Commit(t.Context(), large)
	if err == nil || !strings.Contains(err.Error(), "full") || !strings.Contains(hint.Of(err), "free some space") {
		t.Fatalf("Commit on a full disk = %v, hint %q, want it to say so", err, hint.Of(err))
	}
	if _, err := d.Content(t.Context(), 1, first.Versions[0].Revision.Content.Hash()); err != nil {
		t.Errorf("Content stored before: %v", err)
	}
	if k, err := d.Known(t.Context(), "prod", "DM2"); err != nil || !k.Key.IsZero() {
		t.Errorf("Known = %+v, %v, want nothing of the step that failed", k, err)
	}
	if _, err := d.write.Exec(`PRAGMA max_page_count = 4294967294`); err != nil {
		t.Fatal(err)
	}
	commit(t, d, large)
	if _, err := d.Content(t.Context(), 1, coc.Content{Bytes: noise}.Hash()); err != nil {
		t.Errorf("Content after the disk has space: %v", err)
	}
}
