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
	"unicode/utf8"

	_ "modernc.org/sqlite"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/db/dbtest"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
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
	renamed.Name = name
	renamed.Changes = []coc.NewChange{{Kind: coc.KindMetadata, At: on(4), Difference: coc.Difference{Summary: "name job → renamed",
		Items: []coc.Item{{Op: "changed", Path: "name", Old: "job", New: "renamed"}}}}}
	missing := version(5)
	missing.Versions[0].Revision, missing.Versions[0].State, missing.Versions[0].Err = nil, coc.Unavailable, "400"
	missing.Versions[0].Recorded, missing.Versions[0].Checked = false, false
	missing.Changes, missing.Meta = nil, nil
	withdrawn := coc.Step{Account: "prod", DocumentID: "DM1", SeenAt: on(3),
		Versions: []coc.VersionStep{{Listed: coc.Listed{Label: "v1", MadeAt: on(1)},
			State: coc.Archived, Recorded: true, Withdrawn: true}}}
	cycle(1, coc.CycleGood, compared(1, 0), compared(2, 1))
	must(t, d.Follow(t.Context(), coc.NewMembers{Account: "prod", Watch: "all", At: on(1), Rows: []coc.Row{{DocumentID: "DM1", Name: "job"}}}))
	must(t, d.Leave(t.Context(), "prod", "all", []string{"DM1"}, on(2)))
	cycle(2, coc.CycleFailed)
	cycle(3, coc.CycleGood, compared(3, 2), withdrawn)
	cycle(4, coc.CycleGood, renamed, missing)
	dbtest.Erase(t, d, "line 1\n", "a test", on(5))
	heads, err := d.Heads(t.Context(), []string{"prod"}, on(5))
	must(t, err)
	last := compared(6, 3) // v5 has no content
	last.Changes[0].From.Label, last.Changes[0].Skipped = "v3", []string{"v5"}
	cycle(6, coc.CycleGood, last)
	must(t, d.Close())
	return path, keptHead(heads["prod"])
}

// compared is version n, with the difference from version from; 0 for none.
func compared(n, from int) coc.Step {
	s := version(n)
	var old *diff.Text
	if from > 0 {
		old = diff.Read(version(from).Versions[0].Revision.Content.Bytes)
	}
	s.Changes[0].Difference = diff.Compare(old, diff.Read(s.Versions[0].Revision.Content.Bytes))
	return s
}

// keptHead is a head that was stored elsewhere.
func keptHead(h coc.Head) External {
	return External{Size: h.Size, Root: h.Root, Origin: h.Origin, Note: h.Note, Name: "kept"}
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
	if faults != "" || len(v.Logs) != 1 || v.Logs[0].Key == "" || len(v.External) != 1 {
		t.Errorf("Verify = %+v", v)
	}
	for _, c := range v.Counts {
		// All differences are of this algorithm, no process ended within a cycle or lost its head file, no key was replaced, and nothing was sent.
		if c.Count == 0 && !strings.HasPrefix(c.What, "differences of older") &&
			!strings.HasPrefix(c.What, audit.TypeUnattested) && !strings.HasPrefix(c.What, audit.TypeTrust) &&
			!strings.HasPrefix(c.What, audit.TypeKey) && !strings.HasPrefix(c.What, audit.TypeDelivery) {
			t.Errorf("no %s were checked", c.What)
		}
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
		{"a content's hash", `UPDATE contents SET hash = randomblob(32) WHERE id = 3`, "its bytes do not have its SHA-256"},
		{"when a version was made", `UPDATE revisions SET made_at = made_at + 1 WHERE id = 2`, "v2#1 of prod/DM1: it is not what was logged"},
		{"when it was seen", `UPDATE revisions SET seen_at = seen_at - 86400000 WHERE id = 3`, "v3#1 of prod/DM1: it is not what was logged"},
		{"an author", `UPDATE revisions SET author = 'COC-somebody' WHERE id = 2`, "v2#1 of prod/DM1: it is not what was logged"},
		{"the request that brought it", `UPDATE revisions SET request_id = 'x' WHERE id = 2`, "v2#1 of prod/DM1: it is not what was logged"},
		{"what a version says", `UPDATE revisions SET content_id = 3 WHERE id = 2`, "v2#1 of prod/DM1: it is not what was logged"},
		{"a label", `UPDATE versions SET label = 'v9' WHERE label = 'v2'`, "v9#1 of prod/DM1: it is not what was logged"},
		{"a change's kind", `UPDATE changes SET kind = 'version' WHERE kind = 'metadata'`,
			"change 4 (version) of prod/DM1: it is not what was logged"},
		{"a change's time", `UPDATE changes SET at = at + 1 WHERE id = 3`, "change 3 (version) of prod/DM1: it is not what was logged"},
		{"what a change compares", `UPDATE changes SET from_revision = 1 WHERE id = 3`,
			"change 3 (version) of prod/DM1: it is not what was logged"},
		{"a document's id", `UPDATE documents SET document_id = 'DM2'`, "prod/DM2: it is not what was logged"},
		{"an account", `UPDATE accounts SET name = 'test'`, "test/DM1: it is not what was logged"},
		{"a description", `UPDATE document_states SET description = 'harmless' WHERE id = 1`, "of prod/DM1: it is not what was logged"},
		{"why a version is not there", `UPDATE unavailable_versions SET error = '404'`,
			"the unavailable version v5 of prod/DM1: it is not what was logged"},
		{"why a content was erased", `UPDATE erasures SET reason = 'by law'`, "the erasure of"},
		{"an erasure less", `DELETE FROM erasures`, "has no bytes, and no one erased it"},
		{"an endpoint", `UPDATE endpoints SET endpoint = 'https://other.example'`,
			"endpoint https://other.example of account prod: it is not what was logged"},
		{"the newest endpoint", `UPDATE accounts SET endpoint = 'https://other.example'`, "its endpoint is not the newest that was recorded"},
		{"a cycle that failed", `UPDATE cycles SET outcome = 'good', error = '' WHERE outcome = 'failed'`,
			"cycle 2 of watch all: it is not what was logged"},
		{"a good cycle", `UPDATE cycles SET listed = 9 WHERE id = 1`, "cycles of watch all from"},
		{"cycles that did not run", `UPDATE cycles SET missed = 0 WHERE missed > 0`, "cycle 4 of watch all: it is not what was logged"},
		{"a cycle less", `PRAGMA foreign_keys = 0; DELETE FROM cycles WHERE outcome = 'failed'`, "it is not what was logged"},
		{"a version less", `PRAGMA foreign_keys = 0; DELETE FROM revisions WHERE id = 3; DELETE FROM versions WHERE label = 'v3'`, "the revision 3 of leaf"},
		{"a version's listing", `UPDATE versions SET listed_at = listed_at + 1 WHERE label = 'v2'`,
			"of versions of prod/DM1: it is not what was logged"},
		{"a withdrawal", `UPDATE versions SET withdrawn_at = 1 WHERE label = 'v2'`, "whether it is withdrawn is not what was recorded"},
		{"no withdrawal", `UPDATE versions SET withdrawn_at = NULL`, "whether it is withdrawn is not what was recorded"},
		{"when it was withdrawn", `UPDATE listings SET at = at + 1; UPDATE versions SET withdrawn_at = withdrawn_at + 1`,
			"of v1 of prod/DM1: it is not what was logged"},
		{"since when a watch follows it", `UPDATE memberships SET since = since - 1`,
			"the membership of prod/DM1 in watch all: it is not what was logged"},
		{"until when a watch followed it", `UPDATE memberships SET until = until + 1`, "its end is not the one that was recorded"},
		{"the end of a membership", `UPDATE memberships SET until = until + 1; UPDATE membership_ends SET until = until + 1`,
			"the end of the membership of prod/DM1 in watch all: it is not what was logged"},
		{"the first sighting", `UPDATE documents SET first_seen_at = 1`, "document prod/DM1: it is not what was logged"},
		{"a document's type", `UPDATE documents SET document_type = 'PUBLIC'`, "document prod/DM1: it is not what was logged"},
		{"the start of a watch", `UPDATE watch_starts SET at = 1`, "the start of watch all in account prod: it is not what was logged"},
		{"a change less", `PRAGMA foreign_keys = 0; DELETE FROM changes WHERE id = 3`, "the change 3 of leaf"},
		{"a change more", `INSERT INTO changes SELECT account_id, 99, document_id, cycle_id, kind, from_revision, to_revision, from_state, to_state, version_id, at, seen_at, backfill, late FROM changes WHERE id = 3`, "change 99 (version) of prod/DM1: it was never logged"},
		{"two changed places", `UPDATE leaves SET ref = 3 - ref WHERE type = 'revision' AND ref IN (1, 2)`,
			"leaf 6 names the revision 2, and has the hash of v1#1 of prod/DM1"},
		{"a leaf", `UPDATE leaves SET hashes = CAST(randomblob(32) || substr(hashes, 33) AS BLOB) WHERE id = 4`, "leaf 4 was altered"},
		{"a hash above a leaf", `UPDATE leaves SET hashes = CAST(substr(hashes, 1, 32) || randomblob(32) || substr(hashes, 65) AS BLOB) WHERE id = 7`, "the hashes of leaf 7 are not those of the leaves before it"},
		{"a leaf less", `DELETE FROM leaves WHERE id = 4`, "leaf 4 is missing"},
		{"the last leaves and their events",
			`PRAGMA foreign_keys = 0; DELETE FROM changes WHERE id = 5; DELETE FROM revisions WHERE id = 4; DELETE FROM versions WHERE label = 'v6';
			DELETE FROM leaves WHERE id >= (SELECT min(id) FROM leaves WHERE type = 'versions' AND ref = 5)`, "signed are"},
		{"a leaf again", `INSERT INTO leaves SELECT account_id, log_id, (SELECT max(id) + 1 FROM leaves), type, ref, hashes FROM leaves WHERE id = 4`, "state 1 of account prod has 2 leaves"},
		{"the head", `UPDATE logs SET size = size - 1`, "signed are"},
		{"a signature", `UPDATE logs SET note = CAST(replace(CAST(note AS TEXT), char(10) || char(10), char(10) || 'x' || char(10) || char(10)) AS BLOB)`, "its newest checkpoint"},
		{"the newest checkpoint less", `UPDATE logs SET note = x''`, "its newest checkpoint"},
		{"the signature of a checkpoint that was sent",
			`UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), char(10) || char(10), char(10) || 'x' || char(10) || char(10)) AS BLOB)`, "the checkpoint of"},
		{"the key", `UPDATE archive SET public_key = randomblob(32); UPDATE logs SET public_key = randomblob(32)`,
			"it is not signed by this key"},
		{"the key of the start", `UPDATE logs SET public_key = randomblob(32)`,
			"the start of the log of account prod: it is not what was logged"},
		{"the archive's name", `UPDATE archive SET name = 'other'`, "its origin should be cocsync/other/prod"},
		{"the right edge", `UPDATE logs SET peaks = CAST(randomblob(32) || substr(peaks, 33) AS BLOB)`,
			"its right edge is not that of its records"},
		{"the log", `PRAGMA foreign_keys = 0; DELETE FROM logs`, "external: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := copyOf(t, master)
			tamper(t, path, tt.sql)
			want, ofExternal := strings.CutPrefix(tt.want, "external: ")
			if ofExternal {
				want = "kept: "
			}
			if _, faults := verify(t, path, false, external); !strings.Contains(faults, want) {
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

// An archive that was rebuilt with another key, or an older copy, is consistent in itself; an
// external checkpoint, a key and the head file show the difference.
func TestWhatOnlyExternalDataShows(t *testing.T) {
	path, _ := logged(t)
	older := copyOf(t, path)
	d, err := db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Commit(t.Context(), version(7)))
	heads, err := d.Heads(t.Context(), []string{"prod"}, on(8))
	must(t, err)
	must(t, d.Close())
	if _, faults := verify(t, older, false); faults != "" {
		t.Errorf("an older copy has faults in itself:\n%s", faults)
	}
	if _, faults := verify(t, older, false, keptHead(heads["prod"])); !strings.Contains(faults, "kept: it covers ") ||
		!strings.Contains(faults, "this is an older copy") {
		t.Errorf("an external checkpoint does not show an older copy: %q", faults)
	}
}

// Fault: a checkpoint with a wrong root was accepted next to the right one of the same name.
func TestCheckpointsOfOneName(t *testing.T) {
	path, right := logged(t)
	wrong := right
	wrong.Root[0] ^= 1
	for _, list := range [][]External{{right, wrong}, {wrong, right}} {
		for i := range list {
			list[i].Origin, list[i].Note = "", nil // size and root, as from a message
		}
		if v, faults := verify(t, path, false, list...); v.Good || !strings.Contains(faults, "have changed since") {
			t.Errorf("Verify with a wrong checkpoint finds %q", faults)
		}
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
		r, _, err := p.Check(keyOf(t, h))
		if err != nil || r.Type != audit.TypeChange || r.Get("change") != fmt.Sprint(id+1) {
			t.Errorf("the proof of change %d is of %+v, %v", id+1, r, err)
		}
	}
	if _, err := h.Prove(t.Context(), "99"); err == nil {
		t.Error("a change that there is not was proved")
	}
}

// Fault: the error for a record of several accounts said "write it as prod/1", which names a change,
// also when only one of the accounts had such a record.
func TestProveInSeveralAccounts(t *testing.T) {
	path, _ := logged(t)
	d, err := db.Open(t.Context(), path)
	must(t, err)
	_, err = d.Account(t.Context(), "test", "https://coc.example", false)
	must(t, err)
	must(t, d.Close())
	a, err := Open(t.Context(), path)
	must(t, err)
	defer a.Close()
	_, err = a.Prove(t.Context(), "start:1")
	if got, want := hint.Of(err), "write it with its account, as start:prod/1 or start:test/1"; !errors.Is(err, ErrAmbiguous) || got != want {
		t.Errorf("Prove(start:1) = %v with the hint %q, want %q", err, got, want)
	}
	for _, ref := range []string{"start:prod/1", "start:test/1", "document:1"} { // only prod has a document
		if _, err := a.Prove(t.Context(), ref); err != nil {
			t.Errorf("Prove(%s) = %v", ref, err)
		}
	}
	for _, ref := range []string{"start:none/1", "start:9", "start:test/9"} {
		if _, err := a.Prove(t.Context(), ref); !errors.Is(err, coc.ErrNotFound) {
			t.Errorf("Prove(%s) = %v, want not found", ref, err)
		}
	}
}

func keyOf(t *testing.T, a *Archive) audit.PublicKey {
	t.Helper()
	keys, err := a.Keys(t.Context())
	must(t, err)
	_, key, err := audit.ParseVerifier(keys[0])
	must(t, err)
	return key
}

// Fault: a fault had the whole of a long name, and what a terminal interprets in it. All faults of the rows were
// in memory before the first 100 were chosen.
func TestFaultsAreBounded(t *testing.T) {
	path, _ := logged(t)
	tamper(t, path, `UPDATE accounts SET name = char(27) || char(10) || hex(zeroblob(1000000));
		WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
		INSERT INTO contents SELECT 1, i, randomblob(32), NULL, 0, 0, NULL, 0 FROM n`)
	v, _ := verify(t, path, true)
	if len(v.Faults) != maxFaults || v.More < 300 {
		t.Errorf("Verify names %d faults, and %d more", len(v.Faults), v.More)
	}
	for _, f := range v.Faults {
		if utf8.RuneCountInString(f) > maxFault || strings.ContainsAny(f, "\x1b\n") {
			t.Errorf("a fault of %d characters: %.100q", utf8.RuneCountInString(f), f)
		}
	}
}

// Fault: the key of an older log was accepted as that of the archive.
func TestArchiveKeyIsThatOfTheNewestLogs(t *testing.T) {
	path, _ := logged(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	opened(t, path, func(d *db.DB) { must(t, d.Backup(t.Context(), backup)) })
	for _, end := range []string{".key", ".head"} {
		must(t, os.Remove(path+end))
	}
	restored(t, path, backup)
	if v, faults := verify(t, path, false); faults != "" || v.Logs[0].Key == v.Logs[1].Key {
		t.Fatalf("the logs of a restored archive = %+v, with the faults\n%s", v.Logs, faults)
	}
	tamper(t, path, `UPDATE archive SET public_key = (SELECT public_key FROM logs WHERE id = 1)`)
	if _, faults := verify(t, path, false); !strings.Contains(faults, "the key of the archive is not that of its newest logs") {
		t.Errorf("Verify finds\n%s", faults)
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
		var old *diff.Text
		if n > 1 {
			old = diff.Read(fmt.Appendf(nil, "line %d\n", n-1))
		}
		step.Changes[0].Difference = diff.Compare(old, diff.Read(step.Versions[0].Revision.Content.Bytes))
		must(t, d.Commit(t.Context(), step))
		c.EndedAt, c.Outcome, c.Complete = on(n).Add(time.Minute), coc.CycleGood, true
		must(t, d.End(t.Context(), c, nil))
	}
	for size := int64(0); size <= progressEvery; size, _, err = d.LogSize(t.Context()) {
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

// A difference of another algorithm is a fault, unless the archive says that older ones are not
// rebuilt yet.
func TestVerifyAlgorithms(t *testing.T) {
	master, _ := logged(t)
	older, newer := diff.Algorithm-1, diff.Algorithm+1
	for _, tt := range []struct {
		archive, row int
		want         string
		skipped      int
	}{
		{diff.Algorithm, older, fmt.Sprintf("its difference is of algorithm %d, and all were rebuilt with %d", older, diff.Algorithm), 0},
		{older, older, "", 1},
		{older, diff.Algorithm, "", 0},
		{older, newer, "its difference was made by a newer cocsync", 0},
		{diff.Algorithm, newer, "its difference was made by a newer cocsync", 0},
		{newer, newer, "the differences were made by a newer cocsync", 0},
	} {
		path := copyOf(t, master)
		tamper(t, path, fmt.Sprintf(`UPDATE archive SET diff_algorithm = %d; UPDATE diffs SET algorithm = %d WHERE change_id = 2`, tt.archive, tt.row))
		v, faults := verify(t, path, true)
		if (faults == "") != (tt.want == "") || !strings.Contains(faults, tt.want) {
			t.Errorf("Verify of a difference of algorithm %d in an archive of %d finds %q, want %q", tt.row, tt.archive, faults, tt.want)
		}
		for _, c := range v.Counts {
			if strings.HasPrefix(c.What, "differences of older") && c.Count != tt.skipped {
				t.Errorf("Verify skips %d differences, want %d", c.Count, tt.skipped)
			}
		}
	}
}
