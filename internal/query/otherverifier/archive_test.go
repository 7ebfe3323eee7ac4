package otherverifier

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/db/dbtest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func on(n int) time.Time { return noon.AddDate(0, 0, n) }

// version returns version n of a document; each version has one more line.
func version(account string, n int) coc.Step {
	label, name, empty := fmt.Sprintf("v%d", n), "job", ""
	s := coc.Step{Account: account, DocumentID: "DM1", SeenAt: on(n), Name: "job", Newest: label, State: coc.DocPresent,
		Meta:     &coc.Meta{Name: &name, Description: &empty, CreatedAt: on(1), Extra: `{"a":1}`},
		Evidence: coc.Evidence{RequestID: "request-" + label, Date: on(n)},
		Versions: []coc.VersionStep{{Listed: coc.Listed{Label: label, UUID: "uuid-" + label, MadeAt: on(n)}, State: coc.Archived, Recorded: true,
			Revision: &coc.NewRevision{Number: 1, Content: coc.Content{Bytes: []byte(strings.Repeat("line\n", n))}, Author: "li"}}},
		Changes: []coc.NewChange{{Kind: coc.KindVersion, To: coc.RevisionRef{Label: label, Number: 1}, At: on(n),
			Late: n == 3, Notify: []string{"ops"}}}}
	if n > 1 {
		s.Changes[0].From = coc.RevisionRef{Label: fmt.Sprintf("v%d", n-1), Number: 1}
	}
	return s
}

// files are the paths of an archive and of what a verifier needs outside of it.
type files struct {
	database, keys string
	checkpoint     string // of some time before the last events
	head           string // the head file
}

// logged creates an archive of two accounts with records of all types.
func logged(t *testing.T) (f files) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "killed.db")
	d, err := db.Open(t.Context(), path)
	must(t, err)
	begin := func(c coc.Cycle) coc.Cycle {
		c.Watch, c.Trigger = "all", coc.TriggerSchedule
		c.Key, err = d.Begin(t.Context(), c)
		must(t, err)
		return c
	}
	cycle := func(c coc.Cycle, steps ...coc.Step) {
		c = begin(c)
		for i := range steps {
			steps[i].Cycle = c.Key
		}
		must(t, d.Commit(t.Context(), steps...))
		if c.Outcome == "" {
			c.Outcome, c.Complete, c.Requests, c.Listed = coc.CycleGood, true, 3, 1
		}
		c.EndedAt = c.StartedAt.Add(time.Minute)
		must(t, d.End(t.Context(), c, nil))
	}
	for _, account := range []string{"prod", "a test/ü+1"} {
		_, err = d.Account(t.Context(), account, "https://coc.example", false)
		must(t, err)
	}
	_, err = d.Account(t.Context(), "prod", "https://other.example", true)
	must(t, err)

	token := version("prod", 3)
	token.Versions[0].Revision.Content.Form = coc.FormToken
	missing := version("prod", 5)
	missing.Versions[0].Revision, missing.Versions[0].State, missing.Versions[0].Err = nil, coc.Unavailable, "400"
	missing.Versions[0].MadeAt, missing.Changes, missing.Meta = time.Time{}, nil, nil
	again := missing // it has a create_time now
	again.Versions = []coc.VersionStep{missing.Versions[0]}
	again.Versions[0].MadeAt, again.SeenAt = on(5), on(6)
	withdrawn := coc.Step{Account: "prod", DocumentID: "DM1", SeenAt: on(3),
		Versions: []coc.VersionStep{{Listed: coc.Listed{Label: "v1", MadeAt: on(1)},
			State: coc.Archived, Recorded: true, Withdrawn: true}}, Changes: []coc.NewChange{{Kind: coc.KindWithdrawn, Label: "v1", At: on(3)}}}
	rewritten := version("prod", 2)
	rewritten.SeenAt, rewritten.Meta = on(4), nil
	rewritten.Versions[0].Revision = &coc.NewRevision{Number: 2, Content: coc.Content{}, PreviousCheckedAt: on(3)}
	rewritten.Changes = []coc.NewChange{{Kind: coc.KindRewritten, From: coc.RevisionRef{Label: "v2", Number: 1},
		To: coc.RevisionRef{Label: "v2", Number: 2}, At: on(4)}}
	name := "renamed"
	missing.Name, rewritten.Name, again.Name = name, name, name
	renamed := coc.Step{Account: "prod", DocumentID: "DM1", Name: name, SeenAt: on(4), Meta: &coc.Meta{Name: &name},
		Changes: []coc.NewChange{{Kind: coc.KindMetadata, At: on(4)}}}

	cycle(coc.Cycle{Account: "prod", StartedAt: on(1)}, version("prod", 1), version("prod", 2))
	cycle(coc.Cycle{Account: "prod", StartedAt: on(1).Add(time.Hour)})
	must(t, d.Follow(t.Context(), coc.NewMembers{Account: "prod", Watch: "all", At: on(1), InitialSync: true,
		Rows: []coc.Row{{DocumentID: "DM1"}, {DocumentID: "DM2"}}}))
	must(t, d.Leave(t.Context(), "prod", "all", []string{"DM1"}, on(2)))
	cycle(coc.Cycle{Account: "prod", StartedAt: on(2), Outcome: coc.CycleFailed, Err: "no <list>",
		Failures: []coc.Failure{{DocumentID: "DM2", Name: "a\n\u2028&", Err: "\x01\xff\"\\é"}, {DocumentID: "DM1", Err: "400"}}})
	cycle(coc.Cycle{Account: "prod", StartedAt: on(3), Partial: true}, token, withdrawn)
	cycle(coc.Cycle{Account: "prod", StartedAt: on(4), Missed: 2}, renamed, missing, rewritten)
	dbtest.Erase(t, d, "line\n", "a test", on(5))
	must(t, d.Commit(t.Context(), version("a test/ü+1", 1), again))
	heads, err := d.Heads(t.Context(), []string{"prod", "a test/ü+1"}, on(5))
	must(t, err)
	cycle(coc.Cycle{Account: "prod", StartedAt: on(6)})
	send(t, d)
	begin(coc.Cycle{Account: "prod", StartedAt: on(7)})

	// The process is killed: its cycles are unattested.
	f = files{filepath.Join(dir, "archive.db"), filepath.Join(dir, "keys.txt"), filepath.Join(dir, "checkpoint.txt"),
		filepath.Join(dir, "archive.db.head")}
	for _, end := range []string{"", "-wal", ".key", ".head"} {
		b, err := os.ReadFile(path + end)
		must(t, err)
		must(t, os.WriteFile(f.database+end, b, 0o600))
	}
	must(t, d.Close())
	d, err = db.Open(t.Context(), f.database)
	must(t, err)
	must(t, d.Close())

	key, err := audit.ReadKey(f.database + ".key")
	must(t, err)
	must(t, os.WriteFile(f.keys, []byte(key.Public().Verifier("cocsync/any")+"\n"), 0o600))
	notes := bytes.Join([][]byte{heads["prod"].Note, heads["a test/ü+1"].Note}, []byte("\n"))
	must(t, os.WriteFile(f.checkpoint, notes, 0o600))
	return f
}

// send sends the first delivery that is due.
func send(t *testing.T, d *db.DB) {
	t.Helper()
	due, err := d.Due(t.Context(), "ops", on(40), nil, 1)
	must(t, err)
	draft := &coc.Draft{Message: coc.Message{Notifier: "ops", Kind: coc.MessageRoot, Document: due[0].Change.Document,
		Body: []byte(`{}`), Text: "a"},
		Claims: []int64{due[0].ID}}
	_, err = d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{draft}}, on(7))
	must(t, err)
	m, _, _, err := d.Next(t.Context(), "ops", on(7))
	must(t, err)
	m.State, m.Attempts, m.FirstAt, m.NextAt, m.SentAt, m.Channel, m.TS = coc.Sent, 1, on(7), on(7), on(7), "C<1>", "1.2"
	must(t, d.RecordAttempt(t.Context(), m))
}

// verified runs the verifier on an archive, and returns its status and output.
func verified(f files) (status int, out string) {
	var b bytes.Buffer
	status = run([]string{f.database, f.keys, f.checkpoint, f.head}, &b, &b)
	return status, b.String()
}

// alter runs statements in a copy of the archive.
func alter(t *testing.T, f files, statements string) files {
	t.Helper()
	b, err := os.ReadFile(f.database)
	must(t, err)
	f.database = filepath.Join(t.TempDir(), "copy ü%20.db")
	must(t, os.WriteFile(f.database, b, 0o600))
	c, err := sql.Open("sqlite", f.database)
	must(t, err)
	c.SetMaxOpenConns(1)
	if _, err := c.Exec(statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
	must(t, c.Close())
	return f
}

// A verifier that is written from the specification accepts an archive with records of all
// types, and a restored one.
func TestVerify(t *testing.T) {
	f := logged(t)
	status, out := verified(f)
	if status != 0 || strings.Count(out, f.head) != 2 || strings.Count(out, f.checkpoint) != 2 {
		t.Errorf("status %d:\n%s", status, out)
	}
	c, err := sql.Open("sqlite", f.database)
	must(t, err)
	defer c.Close()
	for _, typ := range audit.Types() {
		n := 0
		must(t, c.QueryRow(`SELECT count(*) FROM leaves WHERE type = ?`, typ).Scan(&n))
		if n == 0 && typ != audit.TypeTrust && typ != audit.TypeKey {
			t.Errorf("the archive has no record of type %s", typ)
		}
	}
}

// restore restores a copy on a machine that has the key, and no head file.
func restore(t *testing.T, from, to string) {
	t.Helper()
	must(t, db.Copy(t.Context(), from, to+".copy"))
	_, err := db.Restore(t.Context(), to, db.Restoring{Options: db.Options{Key: from + ".key"}, Copy: to + ".copy",
		Person: "root@here", At: on(8)})
	must(t, err)
}

// A restored archive has two logs of each account, and both verify.
func TestRestored(t *testing.T) {
	f := logged(t)
	from := f.database
	f.database = filepath.Join(t.TempDir(), "restored.db")
	restore(t, from, f.database)
	f.head = f.database + ".head"
	d, err := db.OpenWith(t.Context(), f.database, db.Options{Key: from + ".key"})
	must(t, err)
	last := version("prod", 6)
	last.Changes[0].From.Label = "v3" // v5 has no content
	must(t, d.Commit(t.Context(), last))
	must(t, d.Close())
	if status, out := verified(f); status != 0 || !strings.Contains(out, "log cocsync/") || !strings.Contains(out, "/prod/2: ") {
		t.Errorf("status %d:\n%s", status, out)
	}
	without := alter(t, f, `PRAGMA foreign_keys = 0; DELETE FROM logs WHERE id = 1; DELETE FROM leaves WHERE log_id = 1`)
	if status, out := verified(without); status != 3 || !strings.Contains(out, "/prod/2 should be ") {
		t.Errorf("the old log was removed: status %d:\n%s", status, out)
	}
}

// The new key vouches for the one that it replaced.
func TestRotatedKey(t *testing.T) {
	f := logged(t)
	d, err := db.Open(t.Context(), f.database)
	must(t, err)
	must(t, d.RotateKey(t.Context(), "root@here", on(8)))
	must(t, d.Commit(t.Context(), version("a test/ü+1", 2)))
	must(t, d.Close())
	if status, out := verified(f); status == 0 {
		t.Errorf("with the old key: status %d:\n%s", status, out)
	}
	key, err := audit.ReadKey(f.database + ".key")
	must(t, err)
	must(t, os.WriteFile(f.keys, []byte(key.Public().Verifier("cocsync/any")+"\n"), 0o600))
	if status, out := verified(f); status != 0 {
		t.Errorf("status %d:\n%s", status, out)
	}
	for _, altered := range []string{`DELETE FROM checkpoints`, `UPDATE key_changes SET lost = 1`,
		`UPDATE key_changes SET new_key = old_key`} {
		if status, out := verified(alter(t, f, altered)); status != 3 {
			t.Errorf("%s: status %d:\n%s", altered, status, out)
		}
	}
}

// The log of an account that was added while the key was missing is closed without a signature.
func TestNeverSigned(t *testing.T) {
	f := logged(t)
	must(t, os.Rename(f.database+".key", f.keys+".away"))
	d, err := db.Open(t.Context(), f.database)
	must(t, err)
	_, err = d.Account(t.Context(), "dev", "https://coc.example", false)
	must(t, err)
	must(t, d.Commit(t.Context(), version("dev", 1)))
	must(t, d.Close())
	must(t, os.Rename(f.keys+".away", f.database+".key"))
	d, err = db.Open(t.Context(), f.database)
	must(t, err)
	must(t, d.Commit(t.Context(), version("dev", 2)))
	must(t, d.Close())
	if status, out := verified(f); status != 0 || !strings.Contains(out, "/dev/2: ") {
		t.Errorf("status %d:\n%s", status, out)
	}
	for _, altered := range []string{
		`UPDATE revisions SET author = 'COC-somebody' WHERE account_id = 3 AND id = 1`,
		`UPDATE logs SET note = CAST(replace(CAST(note AS TEXT), char(10) || size || char(10), char(10) || 2 || char(10)) AS BLOB) WHERE account_id = 3 AND id = 1`,
		`UPDATE logs SET public_key = NULL WHERE account_id = 3 AND id = 2`,
	} {
		if status, out := verified(alter(t, f, altered)); status != 3 {
			t.Errorf("%s: status %d:\n%s", altered, status, out)
		}
	}
}

// The verifier finds each alteration.
func TestAlterations(t *testing.T) {
	f := logged(t)
	for _, tt := range []struct{ name, statements, want string }{
		{"an author", `UPDATE revisions SET author = 'COC-somebody' WHERE id = 2`, "that of revision 2"},
		{"a time", `UPDATE changes SET at = at + 1 WHERE id = 3`, "that of change 3"},
		{"a failed cycle", `UPDATE cycles SET outcome = 'good' WHERE outcome = 'failed'`, "that of cycle"},
		{"a good cycle", `UPDATE cycles SET requests = 4 WHERE id = 1`, "that of coverage 1"},
		{"a failure", `DELETE FROM cycle_failures WHERE document_id = 'DM1'`, "that of cycle"},
		{"a state", `UPDATE document_states SET description = NULL WHERE id = 1`, "that of state 1"},
		{"a content", `UPDATE contents SET hash = randomblob(32) WHERE id = 2`, "does not have its hash"},
		{"the form of a content", `UPDATE contents SET form = 1 WHERE id = 2`, "does not have its hash"},
		{"the withdrawal of a version", `UPDATE versions SET withdrawn_at = NULL`, "the withdrawal of version 1"},
		{"the end of a membership", `UPDATE memberships SET until = NULL`, "the end of membership 1"},
		{"an endpoint", `UPDATE accounts SET endpoint = 'https://coc.example'`, "the endpoint of account 1"},
		{"an erasure less", `DELETE FROM erasures`, "the pack of content 1"},
		{"a leaf", `UPDATE leaves SET hashes = CAST(randomblob(32) || substr(hashes, 33) AS BLOB) WHERE id = 4`, "leaf 4 is not that of"},
		{"a hash above a leaf", `UPDATE leaves SET hashes = CAST(substr(hashes, 1, 32) || randomblob(32) || substr(hashes, 65) AS BLOB) WHERE id = 7`, "the hashes of leaf 7"},
		{"two leaves", `UPDATE leaves SET ref = 3 - ref WHERE type = 'revision' AND ref IN (1, 2)`, "that of revision 2"},
		{"a change and its leaf", `PRAGMA foreign_keys = 0; DELETE FROM changes WHERE id = 5; DELETE FROM leaves WHERE type = 'change' AND ref = 5`, "one before it is missing"},
		{"a change more", `INSERT INTO changes SELECT account_id, 99, document_id, cycle_id, kind, from_revision, to_revision, from_state, to_state, version_id,
			at, seen_at, backfill, late FROM changes WHERE id = 3`, "change 99 of account prod has no leaf"},
		{"a signature", `UPDATE logs SET note = CAST(replace(CAST(note AS TEXT), substr(CAST(note AS TEXT), -20, 4), 'AAAA') AS BLOB)`, "no given key signed it"},
		{"a sent checkpoint", `UPDATE checkpoints SET note = (SELECT note FROM logs WHERE logs.account_id = checkpoints.account_id)`, "a sent checkpoint is not"},
		{"the peaks", `UPDATE logs SET peaks = CAST(substr(peaks, 33) AS BLOB)`, "its size or its peaks"},
		{"the last leaf", `PRAGMA foreign_keys = 0; DELETE FROM coverages WHERE type = 'unattested'; DELETE FROM leaves WHERE type = 'unattested'`, "its size or its peaks"},
		{"an account", `PRAGMA foreign_keys = 0; DELETE FROM accounts WHERE id = 2; DELETE FROM logs WHERE account_id = 2`,
			"one of them was removed"},
		{"an account's name", `UPDATE accounts SET name = 'other' WHERE id = 2`, "one of them was removed or renamed"},
		{"the archive's key", `UPDATE archive SET public_key = randomblob(32)`, "the key of log 1"},
		{"the archive's name", `UPDATE archive SET name = 'ffffffffffffffff'`, "should be cocsync/ffffffffffffffff/prod"},
		{"a log", `PRAGMA foreign_keys = 0; DELETE FROM logs WHERE account_id = 2`, "there is no log"},
	} {
		f := f
		if strings.Contains(tt.statements, "SET name = 'ffff") {
			f.head = os.DevNull // of another archive
		}
		status, out := verified(alter(t, f, tt.statements))
		if status != 3 || !strings.Contains(out, tt.want) {
			t.Errorf("%s was altered: status %d, want 3 and %q:\n%s", tt.name, status, tt.want, out)
		}
	}
	if status, out := verified(alter(t, f, "")); status != 0 {
		t.Errorf("a copy: status %d:\n%s", status, out)
	}
}

// An archive that another key signed is consistent in itself: only the key shows it.
func TestAnotherKey(t *testing.T) {
	f, other := logged(t), logged(t)
	f.checkpoint, f.head = os.DevNull, os.DevNull
	f.keys = other.keys
	if status, out := verified(f); status != 3 || !strings.Contains(out, "no given key signed it") {
		t.Errorf("status %d:\n%s", status, out)
	}
}

// What cannot be read has the status 1.
func TestUnreadable(t *testing.T) {
	good := logged(t)
	for _, change := range []func(*files){
		func(f *files) { f.database += ".none" },
		func(f *files) { f.database = f.keys },
		func(f *files) { f.keys = f.head },
		func(f *files) { f.checkpoint += ".none" },
		func(f *files) { *f = alter(t, *f, "PRAGMA application_id = 1") },
	} {
		f := good
		change(&f)
		if status, out := verified(f); status != 1 {
			t.Errorf("%+v: status %d, want 1:\n%s", f, status, out)
		}
	}
}
