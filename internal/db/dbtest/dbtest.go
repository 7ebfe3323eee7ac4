// Package dbtest has helpers for tests of packages that use an archive.
package dbtest

import (
	"errors"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Erase erases a text from all accounts.
func Erase(t testing.TB, d *db.DB, content, reason string, now time.Time) {
	t.Helper()
	ctx, hash := t.Context(), coc.Content{Bytes: []byte(content)}.Hash()
	contents, err := d.Erasures(ctx, hash, d.Keyed(hash))
	if err != nil || len(contents) == 0 {
		t.Fatalf("Erasures = %v, %v, want some", contents, err)
	}
	for _, c := range contents {
		if err := d.RequestErasure(ctx, nil, c.Content, "root@host", reason, now); err != nil {
			t.Fatal(err)
		}
		request, err := d.ErasureRequest(ctx, c.Content)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Erase(ctx, request, coc.NewNotice{}, now), d.RemoveErasureRequests(ctx, []coc.Key{c.Content})); err != nil {
			t.Fatal(err)
		}
	}
}
