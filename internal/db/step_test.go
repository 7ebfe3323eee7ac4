package db

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cocsync/internal/coc"
)

// Contents are returned byte for byte from all kinds of packs.
func TestContentsAreReturnedByteForByte(t *testing.T) {
	d, _ := open(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	var all []coc.Content
	for n := range 50 {
		b := make([]byte, rnd.IntN(64<<10))
		for i := range b {
			b[i] = byte(rnd.IntN(1 + n*5))
		}
		all = append(all, coc.Content{Bytes: b})
	}
	all = append(all, coc.Content{Bytes: []byte{}}, coc.Content{Bytes: make([]byte, 3<<20)},
		coc.Content{Bytes: []byte(`"\ud800"`), Form: coc.FormToken}, coc.Content{Bytes: []byte(`"\ud800"`)})
	for i, c := range all {
		s := step("DM1", "")
		s.Changes = nil
		s.Versions[0].Label = fmt.Sprintf("v%d", i+1)
		s.Versions[0].Revision.Content = c
		commit(t, d, s)
	}
	for i, want := range all {
		got, err := d.Content(t.Context(), 1, want.Hash())
		if err != nil || !bytes.Equal(got.Bytes, want.Bytes) || got.Form != want.Form || got.Bytes == nil {
			t.Errorf("Content of version %d: %d bytes of form %d, %v, want %d of form %d", i+1, len(got.Bytes), got.Form, err,
				len(want.Bytes), want.Form)
		}
	}
	var packs, widest int
	if err := d.pool.QueryRow(`SELECT count(*), max(count) FROM packs`).Scan(&packs, &widest); err != nil {
		t.Fatal(err)
	}
	if widest > packCount || packs > 10 {
		t.Errorf("%d packs of at most %d contents, want few, of at most %d", packs, widest, packCount)
	}
}

func TestEqualContentsAreStoredOnce(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "same\n"), step("DM2", "same\n"))
	var n int
	if err := d.pool.QueryRow(`SELECT count(*) FROM contents`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d contents, %v, want 1", n, err)
	}
}

// A damaged byte is detected, and a damaged pack is not compressed again.
func TestDamageIsFound(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "one\n"))
	if _, err := d.write.Exec(`UPDATE contents SET hash = zeroblob(32)`); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Content(t.Context(), 1, coc.Hash{}); err == nil {
		t.Error("Content with a wrong hash succeeded")
	}
	if _, err := d.write.Exec(`UPDATE packs SET frame = x'00'`); err != nil {
		t.Fatal(err)
	}
	s := step("DM1", "two\n")
	s.Versions[0].Label, s.Changes = "v2", nil
	commit(t, d, s)
	got, err := d.Content(t.Context(), 1, coc.Content{Bytes: []byte("two\n")}.Hash())
	if err != nil || string(got.Bytes) != "two\n" {
		t.Errorf("Content after damage = %q, %v, want the original", got.Bytes, err)
	}
}

// A failed step stores nothing, neither the document nor its content.
func TestStepIsAtomic(t *testing.T) {
	d, _ := open(t)
	s := step("DM1", "a\n")
	s.Changes[0].From = coc.RevisionRef{Label: "v7", Number: 1} // unknown
	if err := d.Commit(t.Context(), step("DM0", "z\n"), s); err == nil {
		t.Fatal("Commit of a change without its revision succeeded")
	}
	totals, err := d.Totals(t.Context())
	if err != nil || totals.Documents != 0 || totals.Contents != 0 || totals.Changes != 0 {
		t.Errorf("Totals = %+v, %v, want nothing", totals, err)
	}
}

func TestKnownReturnsWhatStepsStored(t *testing.T) {
	d, cycle := open(t)
	row := coc.Row{DocumentID: "DM1", Name: "job"}
	if err := d.Follow(t.Context(), coc.NewMembers{Account: "prod", Watch: "runbooks", Rows: []coc.Row{row},
		InitialSync: true, ListComplete: true, At: day}); err != nil {
		t.Fatal(err)
	}
	s := step("DM1", "a\n")
	s.Cycle = cycle
	s.Fingerprint = &coc.Hash{1}
	commit(t, d, s)
	rewritten := coc.Step{Account: "prod", DocumentID: "DM1", SeenAt: day.Add(time.Hour), Versions: []coc.VersionStep{
		{Listed: coc.Listed{Label: "v1"}, State: coc.Archived, Recorded: true, Checked: true,
			Revision: &coc.NewRevision{Number: 2, UUID: "u2", Content: coc.Content{Bytes: []byte("b\n")}, PreviousCheckedAt: day}},
		{Listed: coc.Listed{Label: "v2"}, State: coc.Pending, Failures: 1, Err: "503"},
	}, Changes: []coc.NewChange{{Kind: coc.KindRewritten, From: coc.RevisionRef{Label: "v1", Number: 1},
		To: coc.RevisionRef{Label: "v1", Number: 2}, At: day.Add(time.Hour)}}}
	commit(t, d, rewritten)
	got, err := d.Known(t.Context(), "prod", "DM1")
	if err != nil {
		t.Fatal(err)
	}
	name := "job DM1"
	want := coc.ArchivedDocument{Key: key(1), DocumentID: "DM1", Name: name, State: coc.DocPresent, Meta: coc.Meta{Name: &name},
		Fingerprint: coc.Hash{1}, HasNew: true, Watches: []coc.Membership{{Watch: "runbooks", InitialSync: true}},
		Versions: []coc.KnownVersion{
			{VersionStep: coc.VersionStep{Listed: coc.Listed{Label: "v1", UUID: "u1", MadeAt: day}, State: coc.Archived, Recorded: true},
				CheckedAt: day.Add(time.Hour), Number: 2, UUID: "u2", Hash: coc.Content{Bytes: []byte("b\n")}.Hash()},
			{VersionStep: coc.VersionStep{Listed: coc.Listed{Label: "v2"}, State: coc.Pending, Failures: 1, Reason: "503"}},
		}}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.SortSlices(func(a,
		b coc.KnownVersion) bool {
		return a.Label < b.Label
	})); diff != "" {
		t.Errorf("Known differs (-want +got):\n%s", diff)
	}
	changes, err := all(d.Changes(t.Context(), Filter{}))
	if err != nil || len(changes) != 2 {
		t.Fatalf("Changes = %d, %v, want 2", len(changes), err)
	}
	if c := changes[0]; c.Version != "v1#2" || c.Previous != "v1#1" || c.Kind != coc.KindRewritten {
		t.Errorf("newest change = %s %s..%s, want rewritten v1#1..v1#2", c.Kind, c.Previous, c.Version)
	}
	if c := changes[1]; c.By != "li" || len(c.Items) != 1 {
		t.Errorf("first change by %q with %d items, want li with 1", c.By, len(c.Items))
	}
}

func TestKnownOfUnknownDocument(t *testing.T) {
	d, _ := open(t)
	k, err := d.Known(t.Context(), "prod", "DM9")
	if err != nil || !k.Key.IsZero() {
		t.Errorf("Known = %+v, %v, want Key 0", k, err)
	}
}

func TestChangesMatchTheFilter(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"), step("DM2", "b\n"))
	for _, tt := range []struct {
		name string
		Filter
		want int
	}{
		{"all", Filter{}, 2},
		{"document", Filter{Document: key(2)}, 1},
		{"limit", Filter{Limit: 1}, 1},
		{"since its time", Filter{Since: day}, 2},
		{"until its time", Filter{Until: day}, 0},
		{"kind", Filter{Kinds: []coc.Kind{coc.KindDeleted, coc.KindNew}}, 2},
		{"other kind", Filter{Kinds: []coc.Kind{coc.KindDeleted}}, 0},
		{"author", Filter{By: "li"}, 2},
		{"task", Filter{Task: "hwc:runbook:scripts@*"}, 2},
		{"other task", Filter{Task: "hwc:runbook:suspend@*"}, 0},
		{"path", Filter{Path: "steps[*]"}, 2},
		{"brackets are plain", Filter{Path: "step[s]*"}, 0},
	} {
		got, err := all(d.Changes(t.Context(), tt.Filter))
		if err != nil || len(got) != tt.want {
			t.Errorf("%s: %d changes, %v, want %d", tt.name, len(got), err, tt.want)
		}
	}
}

// Large contents that are added one by one can be read.
func TestLargeContentsOneByOne(t *testing.T) {
	d, _ := open(t)
	var all []coc.Content
	for i := range 12 {
		b := make([]byte, 3900<<10)
		b[0] = byte(i)
		s := step("DM1", "")
		s.Changes = nil
		s.Versions[0].Label = fmt.Sprintf("v%d", i+1)
		s.Versions[0].Revision.Content = coc.Content{Bytes: b}
		commit(t, d, s)
		all = append(all, s.Versions[0].Revision.Content)
	}
	for i, c := range all {
		if _, err := d.Content(t.Context(), 1, c.Hash()); err != nil {
			t.Errorf("v%d: %v", i+1, err)
		}
	}
}
