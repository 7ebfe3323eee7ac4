package db

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// open returns an archive with one account and a running cycle of one watch.
func open(t testing.TB) (*DB, coc.Key) {
	t.Helper()
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "a ?#%.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, begin(t, d)
}

func begin(t testing.TB, d *DB) coc.Key {
	t.Helper()
	if _, err := d.Account(t.Context(), "prod", "https://coc.example", false); err != nil {
		t.Fatal(err)
	}
	id, err := d.Begin(t.Context(), coc.Cycle{Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSync, StartedAt: day})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// key returns a key of the first account.
func key(id int64) coc.Key { return coc.Key{Account: 1, ID: id} }

// all returns the rows of a query.
func all[T any](rows iter.Seq2[T, error]) (list []T, err error) {
	for v, err := range rows {
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// step returns the first step of a document, with one version of a content.
func step(id, content string) coc.Step {
	name := "job " + id
	return coc.Step{Account: "prod", DocumentID: id, SeenAt: day, Name: name, Newest: "v1", State: coc.DocPresent,
		Meta: &coc.Meta{Name: &name},
		Versions: []coc.VersionStep{{Listed: coc.Listed{Label: "v1", UUID: "u1", MadeAt: day}, State: coc.Archived, Recorded: true, Checked: true,
			Revision: &coc.NewRevision{Number: 1, UUID: "u1", Content: coc.Content{Bytes: []byte(content)}, Author: "li"}}},
		Changes: []coc.NewChange{{Kind: coc.KindNew, To: coc.RevisionRef{Label: "v1", Number: 1}, At: day,
			Difference: coc.Difference{Summary: "1 step", Items: []coc.Item{{Op: "added", Path: "steps[a]", Task: "hwc:runbook:scripts@1.0.0"}}},
			Notify:     []string{"ops"}}},
	}
}

func commit(t testing.TB, d *DB, steps ...coc.Step) {
	t.Helper()
	if err := d.Commit(t.Context(), steps...); err != nil {
		t.Fatal(err)
	}
}

// The archive contains secrets: only the owner may read its files.
func TestFilesHaveMode0600(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	files, err := filepath.Glob(filepath.Join(filepath.Dir(d.Path()), "*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("Glob = %q, %v, want the database, its log and its lock", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(f), got)
		}
	}
}

func TestSecondOwnerIsRefused(t *testing.T) {
	d, _ := open(t)
	_, err := Open(t.Context(), d.Path())
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "by pid ") {
		t.Errorf("second Open = %v, want ErrLocked naming the pid", err)
	}
	if hint.Of(err) == "" {
		t.Errorf("second Open has no hint")
	}
}

func TestSharedAndReaderWorkWithAnOwner(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	r, err := OpenReader(t.Context(), d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if docs, err := all(r.Documents(t.Context())); err != nil || len(docs) != 1 {
		t.Errorf("Documents = %d, %v, want 1", len(docs), err)
	}
	if err := r.Commit(t.Context(), step("DM2", "b\n")); err == nil {
		t.Error("Commit through a reader succeeded")
	}
	s, err := OpenShared(t.Context(), d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Hold(t.Context(), "ops", "archived", day); err != nil {
		t.Errorf("Hold through a shared handle: %v", err)
	}
}

// Open refuses files that are not archives of cocsync and does not change them.
func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, setup, want string
	}{
		{"newer", "UPDATE goose_db_version SET version_id = 99", "newer than"},
		{"foreign", "PRAGMA application_id = 7", "not cocsync's"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := open(t)
			if _, err := d.write.ExecContext(t.Context(), tt.setup); err != nil {
				t.Fatal(err)
			}
			path := d.Path()
			for how, open := range map[string]func(context.Context, string) (*DB, error){"OpenShared": OpenShared, "OpenReader": OpenReader} {
				if _, err := open(t.Context(), path); err == nil || !strings.Contains(err.Error(), tt.want) || hint.Of(err) == "" {
					t.Errorf("%s = %v (hint %q), want %q and a hint", how, err, hint.Of(err), tt.want)
				}
			}
		})
	}
	t.Run("no database", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "notes.txt")
		if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), path); err == nil || !strings.Contains(hint.Of(err), "not an SQLite database") {
			t.Errorf("Open = %v (hint %q), want a refusal", err, hint.Of(err))
		}
	})
	t.Run("no directory", func(t *testing.T) {
		if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "no", "a.db")); err == nil || hint.Of(err) == "" {
			t.Errorf("Open = %v, want an error with a hint", err)
		}
	})
	t.Run("no file", func(t *testing.T) {
		if _, err := OpenReader(t.Context(), filepath.Join(t.TempDir(), "a.db")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("OpenReader = %v, want ErrNotExist", err)
		}
	})
}

// OpenReader opens a copy in a read-only directory.
func TestReaderOpensASealedCopy(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	dir := t.TempDir()
	copied := filepath.Join(dir, "copy.db")
	if _, err := d.write.ExecContext(t.Context(), "VACUUM INTO ?", copied); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	r, err := OpenReader(t.Context(), copied)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := r.Content(t.Context(), 1, coc.Content{Bytes: []byte("a\n")}.Hash())
	if err != nil || string(c.Bytes) != "a\n" {
		t.Errorf("Content = %q, %v, want %q", c.Bytes, err, "a\n")
	}
}

// Documents of two services must not be mixed under one account name.
func TestAccountKeepsItsEndpoint(t *testing.T) {
	d, _ := open(t)
	if _, err := d.Account(t.Context(), "prod", "https://other.example", false); !errors.Is(err, ErrEndpoint) {
		t.Errorf("Account with another endpoint = %v, want ErrEndpoint", err)
	}
	if _, err := d.Account(t.Context(), "prod", "https://other.example", true); err != nil {
		t.Errorf("Account with another endpoint, accepted = %v", err)
	}
}

func TestRefusalOutlivesTheProcess(t *testing.T) {
	d, _ := open(t)
	if err := d.Refused(t.Context(), "prod", "abcd", "bad signature", day); err != nil {
		t.Fatal(err)
	}
	s, err := d.Account(t.Context(), "prod", "https://coc.example", false)
	if err != nil || s.RefusedKey != "abcd" || !s.RefusedUntil.Equal(day) || s.RefusedReason != "bad signature" {
		t.Errorf("Account = %+v, %v, want the refusal", s, err)
	}
}

// openers returns the functions that open an archive.
func openers() map[string]func(context.Context, string) (*DB, error) {
	return map[string]func(context.Context, string) (*DB, error){"Open": Open, "OpenShared": OpenShared, "OpenReader": OpenReader}
}
