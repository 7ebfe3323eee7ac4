package query

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// reportFaults returns the verification of the report of the days 1 to 10 of an archive.
func reportFaults(t *testing.T, path string, keys ...audit.PublicKey) (ReportVerdict, string) {
	t.Helper()
	d, err := db.OpenReader(t.Context(), path)
	must(t, err)
	defer d.Close()
	h := archive(d)
	h.Now = func() time.Time { return on(20) }
	r, err := h.Report(t.Context(), ReportQuery{Since: on(1).Format(time.RFC3339), Until: on(10).Format(time.RFC3339), Keys: keys})
	must(t, err)
	return r.Verification, strings.Join(r.Verification.Faults, "\n")
}

// A report of an unaltered archive verifies a row of each type that it prints, and names the
// head and its key.
func TestReportVerifies(t *testing.T) {
	path, _ := logged(t)
	v, faults := reportFaults(t, path)
	if faults != "" || !v.Good || !v.OwnKeys || len(v.Logs) != 1 || v.Logs[0].Key == "" || v.Logs[0].Size < int64(v.Rows) {
		t.Fatalf("Verification = %+v", v)
	}
	counts := map[string]int{}
	for _, c := range v.Counts {
		counts[c.What] = c.Count
	}
	for typ, want := range map[string]int{"change": 5, "revision": 4, "member": 1, "member_end": 1, "unavailable": 1,
		"erasure": 1, "document": 1, "watch": 1, "start": 1} {
		if counts[typ] != want {
			t.Errorf("%d %s records verified, want %d", counts[typ], typ, want)
		}
	}
	if counts[audit.TypeCycle]+counts[audit.TypeCoverage] < 3 {
		t.Errorf("%v records of cycles verified, want those of all cycles", counts)
	}
	key, err := audit.ReadKey(path + ".key")
	must(t, err)
	if v, faults := reportFaults(t, path, key.Public()); faults != "" || v.OwnKeys {
		t.Errorf("Verification with the key = %+v", v)
	}
	other, err := audit.NewKey()
	must(t, err)
	if v, faults := reportFaults(t, path, other.Public()); v.Good || !strings.Contains(faults,
		"its newest checkpoint: it is not signed by this key") || v.Rows > 0 {
		t.Errorf("Verification with another key = %+v", v)
	}
}

// altered returns a copy of an archive after statements.
func altered(t *testing.T, path, statements string) string {
	t.Helper()
	path = copyOf(t, path)
	tamper(t, path, statements)
	return path
}

// Each row that a report prints is verified: an altered one is a fault of the report.
func TestReportFindsAlterations(t *testing.T) {
	path, _ := logged(t)
	for _, tt := range []struct{ name, alteration, want string }{
		{"a change", `UPDATE changes SET seen_at = seen_at + 1 WHERE id = 3`, "change 3 (version) of prod/DM1: it is not what was logged"},
		{"an author", `UPDATE revisions SET author = 'COC-somebody' WHERE id = 2`, "v2#1 of prod/DM1: it is not what was logged"},
		{"a failed cycle", `UPDATE cycles SET outcome = 'good' WHERE outcome = 'failed'`, "cycle 2 of watch all: it is not what was logged"},
		{"an error", `UPDATE cycles SET error = 'x' WHERE outcome = 'failed'`, "cycle 2 of watch all: it is not what was logged"},
		{"a membership", `UPDATE memberships SET since = since - 1`, "the membership of prod/DM1 in watch all: it is not what was logged"},
		{"its end", `UPDATE memberships SET until = NULL`, "its end is not the one that was recorded"},
		{"an unavailable version", `UPDATE unavailable_versions SET at = at + 1`,
			"the unavailable version v5 of prod/DM1: it is not what was logged"},
		{"when it was listed", `UPDATE versions SET listed_at = listed_at + 1 WHERE label = 'v5'`,
			"of versions of prod/DM1: it is not what was logged"},
		{"the reason of an erasure", `UPDATE erasures SET reason = 'x'`, "the erasure of"},
		{"a name", `UPDATE documents SET name = 'other'`, "its name is not that of its newest state"},
		{"the name of a state", `UPDATE document_states SET name = 'other'; UPDATE documents SET name = 'other'`, "it is not what was logged"},
		{"a change without a record",
			`INSERT INTO changes SELECT account_id, 99, document_id, cycle_id, kind, from_revision, to_revision, from_state, to_state, version_id,
			at, seen_at, backfill, late FROM changes WHERE id = 3`, "change 99 (version) of prod/DM1: it was never logged"},
		{"a revision of another document",
			`INSERT INTO documents (account_id, id, document_id, document_type, first_seen_at, state, name, checked_at)
			VALUES (1, 2, 'DM2', '', 1, 'present', 'two', 1); UPDATE changes SET document_id = 2 WHERE id = 3`,
			"change 3 names a revision or a state of another document"},
		{"the head", `UPDATE logs SET note = CAST(replace(CAST(note AS TEXT), 'prod', 'prob') AS BLOB)`, "its newest checkpoint"},
		{"the size", `UPDATE logs SET size = size - 1`, "signed are"},
		{"the change and its leaf", forgedChange(t, path), "its leaf is not in the log of the signed root"},
	} {
		v, faults := reportFaults(t, altered(t, path, tt.alteration))
		if v.Good || !strings.Contains(faults, tt.want) {
			t.Errorf("%s was altered: good %v, want %q:\n%s", tt.name, v.Good, tt.want, faults)
		}
	}
}

// forgedChange returns statements that alter change 3 and its leaf alike.
func forgedChange(t *testing.T, path string) string {
	t.Helper()
	alteration := `UPDATE changes SET seen_at = seen_at + 1 WHERE id = 3`
	d, err := db.OpenReader(t.Context(), altered(t, path, alteration))
	must(t, err)
	defer d.Close()
	record, _, leaf, err := d.RecordOf(t.Context(), audit.TypeChange, coc.Key{Account: 1, ID: 3})
	must(t, err)
	hash := audit.LeafHash(record.Encode())
	return fmt.Sprintf(`%s; UPDATE leaves SET hashes = CAST(x'%x' || substr(hashes, 33) AS BLOB) WHERE id = %d`,
		alteration, hash[:], leaf.Index)
}

// A proof of each of many records is built from blocks of hashes.
func TestReportOfManyRows(t *testing.T) {
	h := open(t)
	h.Now = func() time.Time { return on(50) }
	for day := range 40 {
		var steps []coc.Step
		for n := range 20 {
			s := step("prod", fmt.Sprintf("DM-many-%d", n), "many", day, kept(fmt.Sprintf("v%d", day+1), day))
			s.Changes = []coc.NewChange{compares("", fmt.Sprintf("v%d", day+1), day)}
			steps = append(steps, s)
		}
		must(t, h.db.Commit(t.Context(), steps...))
	}
	for _, days := range [][2]int{{0, 40}, {10, 30}, {39, 40}, {5, 6}} {
		r, err := reportOf(t, h, on(days[0]), on(days[1]), "prod")
		must(t, err)
		if v := r.Verification; !v.Good || v.Rows < 40*(days[1]-days[0]) {
			t.Errorf("days %v: %d rows, faults %v", days, v.Rows, v.Faults)
		}
	}
}

// Time that runs backwards is a note of the verification and no fault.
func TestTimeRunsBackwards(t *testing.T) {
	path, _ := logged(t)
	if v, _ := verify(t, path, false); len(v.Notes) != 0 {
		t.Errorf("notes = %q", v.Notes)
	}
	d, err := db.Open(t.Context(), path)
	must(t, err)
	for i, n := range []int{2, 9, 3} {
		s := version(7 + i)
		s.SeenAt = on(n)
		must(t, d.Commit(t.Context(), s))
	}
	must(t, d.Close())
	v, faults := verify(t, path, false)
	if !v.Good || len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "time runs backwards: record ") ||
		!strings.HasSuffix(v.Notes[0], ", and 1 more time") {
		t.Errorf("notes = %q, faults %s", v.Notes, faults)
	}
}
