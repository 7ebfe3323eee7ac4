package db

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// Fault: methods that write failed with unspecific errors or panics at altered rows. The error
// is ErrAltered and names the row.
func TestWritersReportDamage(t *testing.T) {
	erase := func(ctx context.Context, d *DB) error {
		return eraseContent(ctx, d, "a\n", "a password", day)
	}
	more := func(ctx context.Context, d *DB) error { return d.Commit(ctx, step("DM2", "b\n")) }
	open := func(ctx context.Context, d *DB) error {
		if err := d.Close(); err != nil {
			return err
		}
		other, err := Open(ctx, d.path)
		if err != nil {
			return err
		}
		return other.Close()
	}
	for _, tt := range []struct {
		sql  string
		do   func(context.Context, *DB) error
		want string
	}{
		{`UPDATE contents SET size = 9223372036854775807`, erase, "are outside of pack 1"},
		{`UPDATE contents SET start = 9223372036854775807`, erase, "are outside of pack 1"},
		{`UPDATE packs SET frame = x'28b52ffd'`, erase, "pack 1: "},
		{`UPDATE blocks SET frame = x'28b52ffd', state = 'indexed'`, erase, "block 1 of lines"},
		{`UPDATE logs SET peaks = x'00'`, more, "the head of the log of account prod was replaced"},
		{`UPDATE logs SET peaks = x'00'`, open, "the log of account prod was altered: its right edge"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			path := t.TempDir() + "/a.db"
			d, err := Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			begin(t, d)
			commit(t, d, step("DM1", "a\n"))
			alter(t, path, `PRAGMA ignore_check_constraints = 1`, tt.sql)
			if err := tt.do(t.Context(), d); !errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("after %s: %v, want ErrAltered with %q", tt.sql, err, tt.want)
			}
			_ = d.Close() // may be closed already; after a panic this would block
		})
	}
}
