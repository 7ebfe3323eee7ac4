package query

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// logged creates an archive with events of all kinds. It returns its path and an external checkpoint
// of the state before the last event.
func logged(t *testing.T) (path string, external External) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "archive.db")
	d, err := db.Open(t.Context(), path)
	must(t, err)
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	must(t, err)
	cycle := func(n int, how coc.Outcome, steps ...coc.Step) {
		c := coc.Cycle{Watch: "all", Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: on(n)}
		if n == 4 {
			c.Missed = 2
		}
		c.Key, err = d.Begin(t.Context(), c)
		must(t, err)
		must(t, d.Commit(t.Context(), steps...))
		c.EndedAt, c.Outcome, c.Complete, c.Requests = on(n).Add(time.Minute), how, how == coc.CycleGood, 3
		if how == coc.CycleFailed {
			c.Err = "COC did not answer"
		}
		must(t, d.End(t.Context(), c, nil))
	}
	renamed := version(4)
	name := "renamed"
	renamed.Versions, renamed.Meta = nil, &coc.Meta{Name: &name}
	renamed.Changes = []coc.NewChange{{Kind: coc.KindMetadata, At: on(4)}}
	missing := version(5)
	missing.Versions[0].Revision, missing.Versions[0].State, missing.Versions[0].Err = nil, coc.Unavailable, "400"
	missing.Changes, missing.Meta = nil, nil
	cycle(1, coc.CycleGood, version(1), version(2))
	cycle(2, coc.CycleFailed)
	cycle(3, coc.CycleGood, version(3))
	cycle(4, coc.CycleGood, renamed, missing)
	must(t, d.Erase(t.Context(), coc.Content{Bytes: []byte("line 1\n")}.Hash(), "a test", on(5)))
	head, err := d.Head(t.Context(), true, on(5))
	must(t, err)
	last := version(6)
	last.Changes[0].From.Label = "v3" // v5 has no content
	cycle(6, coc.CycleGood, last)
	must(t, d.Close())
	return path, External{Size: head.Size, Root: head.Root, Origin: head.Origin, Name: "kept"}
}

// verify returns the faults of an archive.
func verify(t *testing.T, path string, deep bool, external ...External) (Verdict, string) {
	t.Helper()
	d, err := db.OpenReader(t.Context(), path)
	must(t, err)
	defer d.Close()
	h := archive(d)
	v, err := h.Verify(t.Context(), Verification{External: external, Deep: deep}, nil)
	must(t, err)
	return v, strings.Join(v.Faults, "\n")
}

func TestGoodArchiveVerifies(t *testing.T) {
	path, external := logged(t)
	v, faults := verify(t, path, true, external)
	if faults != "" || v.Signed != v.Size || len(v.External) != 1 || v.Checkpoints == 0 {
		t.Errorf("Verify = %+v", v)
	}
	for _, c := range v.Counts {
		if strings.HasPrefix(c.What, "differences") {
			continue // these were made by hand
		}
		if c.Count == 0 {
			t.Errorf("no %s were checked", c.What)
		}
	}
	// Records that a killed process left unsigned are not a fault.
	d, err := db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Commit(t.Context(), version(7)))
	must(t, d.Close())
	if v, faults := verify(t, path, false, external); faults != "" || v.Signed >= v.Size {
		t.Errorf("with unsigned leaves Verify = %+v", v)
	}
}

// Verify finds and names all alterations of the archive.
func TestTampering(t *testing.T) {
	master, external := logged(t)
	for _, tt := range []struct {
		name, sql string
		want      string // part of what is found; with "external: " before it only an external checkpoint shows it
	}{
		{"a byte of a content", `UPDATE packs SET frame = CAST(substr(frame, 1, length(frame) - 9) || x'00' || substr(frame, length(frame) - 7) AS BLOB)`, "content "},
		{"a content's hash", `UPDATE contents SET sha256 = randomblob(32) WHERE id = 3`, "its bytes do not have its SHA-256"},
		{"when a version was made", `UPDATE revisions SET made_at = made_at + 1 WHERE id = 2`, "v2#1 of prod/DM1: it is not what was logged"},
		{"when it was seen", `UPDATE revisions SET seen_at = seen_at - 86400000 WHERE id = 3`, "v3#1 of prod/DM1: it is not what was logged"},
		{"an author", `UPDATE revisions SET author = 'COC-somebody' WHERE id = 2`, "v2#1 of prod/DM1: it is not what was logged"},
		{"the request that brought it", `UPDATE revisions SET request_id = 'x' WHERE id = 2`, "v2#1 of prod/DM1: it is not what was logged"},
		{"what a version says", `UPDATE revisions SET content_id = 3 WHERE id = 2`, "v2#1 of prod/DM1: it is not what was logged"},
		{"a label", `UPDATE versions SET label = 'v9' WHERE label = 'v2'`, "v9#1 of prod/DM1: it is not what was logged"},
		{"a change's kind", `UPDATE changes SET kind = 'version' WHERE kind = 'metadata'`, "change 4 (version) of prod/DM1: it is not what was logged"},
		{"a change's time", `UPDATE changes SET at = at + 1 WHERE id = 3`, "change 3 (version) of prod/DM1: it is not what was logged"},
		{"what a change compares", `UPDATE changes SET from_revision = 1 WHERE id = 3`, "change 3 (version) of prod/DM1: it is not what was logged"},
		{"a document's id", `UPDATE documents SET document_id = 'DM2'`, "prod/DM2: it is not what was logged"},
		{"an account", `UPDATE accounts SET name = 'test'`, "test/DM1: it is not what was logged"},
		{"a description", `UPDATE document_states SET description = 'harmless' WHERE id = 1`, "of prod/DM1: it is not what was logged"},
		{"why a version is not there", `UPDATE unavailable_versions SET error = '404'`, "the unavailable version v5 of prod/DM1: it is not what was logged"},
		{"why a content was erased", `UPDATE contents SET erased_reason = 'by law' WHERE erased_at IS NOT NULL`, "the erasure of"},
		{"a cycle that failed", `UPDATE cycles SET outcome = 'good', error = '' WHERE outcome = 'failed'`, "coverage of watch all"},
		{"cycles that did not run", `UPDATE cycles SET missed = 0 WHERE missed > 0`, "coverage of watch all"},
		{"a cycle less", `PRAGMA foreign_keys = 0; DELETE FROM cycles WHERE outcome = 'failed'`, "its coverage is missing"},
		{"a version less", `PRAGMA foreign_keys = 0; DELETE FROM revisions WHERE id = 3; DELETE FROM versions WHERE label = 'v3'`, "its revision is missing"},
		{"a change less", `PRAGMA foreign_keys = 0; DELETE FROM changes WHERE id = 3`, "its change is missing"},
		{"a change more", `INSERT INTO changes SELECT account_id, 99, document_id, cycle_id, kind, from_revision, to_revision, from_state, to_state, version_id, at, seen_at, backfill, late FROM changes WHERE id = 3`, "change 99 (version) of prod/DM1: it was never logged"},
		{"two changed places", `UPDATE leaves SET ref = 3 - ref WHERE type = 'revision' AND ref IN (1, 2)`, "it is not what was logged"},
		{"a leaf", `UPDATE leaves SET hash = randomblob(32) WHERE id = 4`, "the log: "},
		{"a leaf less", `DELETE FROM leaves WHERE id = 4`, "the log: leaf 4 is missing"},
		{"the last leaves and their events", `PRAGMA foreign_keys = 0; DELETE FROM changes WHERE id = 5; DELETE FROM revisions WHERE id = 4; DELETE FROM versions WHERE label = 'v6';
			DELETE FROM leaves WHERE id >= (SELECT min(id) FROM leaves WHERE type = 'revision' AND ref = 4)`, "do not match its stored head"},
		{"a leaf again", `INSERT INTO leaves SELECT (SELECT max(id) + 1 FROM leaves), type, account_id, ref, hash FROM leaves WHERE id = 4`, "it is the second one of a"},
		{"the head", `UPDATE edge SET size = size - 1`, "the log: "},
		{"a signature", `UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), char(10) || char(10), char(10) || 'x' || char(10) || char(10)) AS BLOB)`, "the log: checkpoint of"},
		{"the key", `UPDATE generations SET public_key = 'x'`, "the log: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := copyOf(t, master)
			tamper(t, path, tt.sql)
			if _, faults := verify(t, path, false, external); !strings.Contains(faults, tt.want) {
				t.Errorf("Verify finds\n%s\nwant %q", faults, tt.want)
			}
		})
	}
	if _, faults := verify(t, copyOf(t, master), false, external); faults != "" {
		t.Errorf("the master has faults:\n%s", faults)
	}
}

// An archive with an altered schema cannot be opened; if it is altered while open, Verify reports
// it.
func TestAlteredSchemaDoesNotVerify(t *testing.T) {
	path, _ := logged(t)
	d, err := db.OpenReader(t.Context(), path)
	must(t, err)
	defer d.Close()
	tamper(t, path, `CREATE TRIGGER quiet AFTER INSERT ON changes BEGIN SELECT 1; END`)
	h := archive(d)
	v, err := h.Verify(t.Context(), Verification{}, nil)
	must(t, err)
	if want := `the schema: trigger "quiet" on "changes" does not belong to cocsync`; !slices.Contains(v.Faults, want) {
		t.Errorf("Verify finds %q, want %q", v.Faults, want)
	}
	if _, err := db.OpenReader(t.Context(), path); !errors.Is(err, db.ErrAltered) {
		t.Errorf("OpenReader = %v, want ErrAltered", err)
	}
}

// An archive that was rebuilt with the key, or an older copy, is consistent; only an external
// checkpoint shows the difference.
func TestOnlyExternalCheckpointsShowThis(t *testing.T) {
	path, _ := logged(t)
	older := copyOf(t, path)
	d, err := db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Commit(t.Context(), version(7)))
	head, err := d.Head(t.Context(), true, on(8))
	must(t, err)
	must(t, d.Close())
	kept := External{Size: head.Size, Root: head.Root, Origin: head.Origin, Name: "kept"}

	if _, faults := verify(t, older, false); faults != "" {
		t.Errorf("an older copy has faults in itself:\n%s", faults)
	}
	if _, faults := verify(t, older, false, kept); !strings.Contains(faults, "kept: it covers ") || !strings.Contains(faults, "this is an older copy") {
		t.Errorf("an external checkpoint does not show an older copy: %q", faults)
	}
	// Another author, and a log to go with it.
	tamper(t, path, `UPDATE revisions SET author = 'COC-somebody' WHERE id = 2; DELETE FROM leaves; DELETE FROM edge; DELETE FROM checkpoints; DELETE FROM generations`)
	must(t, os.Remove(path+".key"))
	d, err = db.Open(t.Context(), path) // restarts the log
	must(t, err)
	_, err = d.Head(t.Context(), false, on(9))
	must(t, err)
	must(t, d.Close())
	if _, faults := verify(t, path, false); faults != "" {
		t.Errorf("an archive that was rebuilt has faults in itself:\n%s", faults)
	}
	if _, faults := verify(t, path, false, kept); !strings.Contains(faults, "kept: ") {
		t.Errorf("an external checkpoint does not show what was rebuilt: %q", faults)
	}
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy.db")
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(to, b, 0o600))
	return to
}

// tamper runs statements in the file without cocsync.
func tamper(t *testing.T, path, statements string) {
	t.Helper()
	c, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	defer c.Close()
	c.SetMaxOpenConns(1)
	if _, err := c.Exec(statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
	_, err = c.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	must(t, err)
}

// A proof can be checked without the archive.
func TestProve(t *testing.T) {
	path, _ := logged(t)
	d, err := db.OpenReader(t.Context(), path)
	must(t, err)
	defer d.Close()
	h := archive(d)
	for id := range int64(5) {
		p, err := h.Prove(t.Context(), fmt.Sprint(id+1))
		must(t, err)
		r, _, err := p.Check()
		if err != nil || r.Type != audit.TypeChange || r.Get("change") != fmt.Sprint(id+1) {
			t.Errorf("the proof of change %d is of %+v, %v", id+1, r, err)
		}
	}
	if _, err := h.Prove(t.Context(), "99"); err == nil {
		t.Error("a change that there is not was proved")
	}
}

// Verify works while a daemon writes: concurrent changes are not faults.
func TestVerifyDuringWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.db")
	d, err := db.Open(t.Context(), path)
	must(t, err)
	defer d.Close()
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	must(t, err)
	n := 0
	write := func() {
		n++
		c := coc.Cycle{Watch: "all", Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: on(n)}
		c.Key, err = d.Begin(t.Context(), c)
		must(t, err)
		step := version(n)
		step.Versions[0].Revision.Content.Bytes = fmt.Appendf(nil, "line %d\n", n)
		must(t, d.Commit(t.Context(), step))
		c.EndedAt, c.Outcome, c.Complete = on(n).Add(time.Minute), coc.CycleGood, true
		must(t, d.End(t.Context(), c, nil))
	}
	for edge := (audit.Edge{}); edge.Size <= progressEvery; edge, err = d.Edge(t.Context()) {
		must(t, err)
		write()
	}
	reader, err := db.OpenReader(t.Context(), path)
	must(t, err)
	defer reader.Close()
	h := archive(reader)
	within := 0
	v, err := h.Verify(t.Context(), Verification{Deep: true}, func(p Progress) {
		write()
		if p.Done > 0 {
			within++
		}
	})
	if err != nil || len(v.Faults) > 0 {
		t.Errorf("Verify next to a writer found %q, %v", v.Faults, err)
	}
	if within == 0 {
		t.Error("nothing was written in the midst of a check")
	}
}
