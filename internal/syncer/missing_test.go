package syncer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// missing returns the listed versions whose content could not be fetched.
func (w *world) missing() []coc.MissingVersion {
	w.t.Helper()
	list, all, err := w.db.MissingVersions(w.t.Context(), 100)
	if err != nil || all != len(list) {
		w.t.Fatalf("MissingVersions = %d of %d, %v", len(list), all, err)
	}
	return list
}

// A version that cannot be fetched holds back its successors for three cycles; then
// they proceed without it. When it arrives it is late and alters nothing.
func TestUnavailableVersionArrivesLate(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.edit("DM1", "b\n", "bob")
	w.coc.edit("DM1", "c\n", "bob")
	w.coc.fail["DM1@v2"] = fmt.Errorf("503: %w", coc.ErrTemporary)
	for i := range 3 {
		c := w.cycle()
		if c.Outcome != coc.CycleFailed || len(c.Failures) != 1 {
			t.Errorf("cycle %d = %+v, want one failure", i, c)
		}
		if n := len(w.changes()); i < 2 && n != 1 {
			t.Errorf("cycle %d: %d changes, want v3 to be held back", i, n)
		}
		if m := w.missing(); len(m) != 1 || m[0].Label != "v2" || m[0].Reason != "503: temporary" {
			t.Errorf("cycle %d: missing %+v, want v2 with its error", i, m)
		}
	}
	w.wantChanges("new ..v1 by ann", "+ version v1..v3 by bob")
	list, err := all(w.db.Changes(t.Context(), db.Filter{Kinds: []coc.Kind{coc.KindVersion}}))
	if err != nil || !strings.Contains(list[0].Note(), "v2 was not available") {
		t.Errorf("note %q, %v, want v2 named", list[0].Note(), err)
	}
	delete(w.coc.fail, "DM1@v2")
	if c := w.cycle(); c.Outcome != coc.CycleGood || !slices.Equal(w.coc.asked, []string{"list", "DM1@v2"}) {
		t.Errorf("requested %q, cycle %+v, want the version requested again, and nothing else", w.coc.asked, c)
	}
	w.wantChanges("new ..v1 by ann", "+ version v1..v3 by bob", "+ version v1..v2 late")
	if m := w.missing(); len(m) != 0 {
		t.Errorf("missing %+v after it arrived", m)
	}
}

// A listed version was abandoned after one response with an unknown error: no refusal of
// a listed version is final. It is requested in the next cycle, then with pauses that
// grow to a day, for as long as COC lists it; the cycles are good meanwhile.
func TestRefusedVersionIsRequestedForever(t *testing.T) {
	w := newWorld(t)
	w.w.Audit = 0
	a := w.coc.put("DM1", "a\n", "b\n", "c\n")
	delete(w.coc.contents, "DM1@v2")
	var tries []time.Time
	begun := w.now
	for w.now.Sub(begun) < 12*24*time.Hour {
		if m := w.missing(); len(m) == 1 && m[0].RetryAt.Sub(w.now) > time.Hour {
			w.now = m[0].RetryAt.Add(-15 * time.Minute) // the cycles until then change nothing
		}
		c := w.cycle()
		if slices.Contains(w.coc.asked, "DM1@v2") {
			tries = append(tries, w.now)
		}
		if want := c.Key.ID > 3; want != (c.Outcome == coc.CycleGood) {
			t.Fatalf("cycle %d is %s, want three that fail", c.Key.ID, c.Outcome)
		}
	}
	var pauses []time.Duration
	for i := 1; i < len(tries); i++ {
		pauses = append(pauses, tries[i].Sub(tries[i-1]))
	}
	const m, h = time.Minute, time.Hour
	want := []time.Duration{5 * m, 5 * m, 5 * m, 10 * m, 20 * m, 40 * m, 80 * m, 160 * m, 320 * m, 640 * m, 1280 * m, 24 * h, 24 * h}
	if len(pauses) < len(want) || !slices.Equal(pauses[:len(want)], want) {
		t.Errorf("pauses %v, want %v and then a day each", pauses, want)
	}
	w.wantChanges("new ..v1 by ann", "version v1..v3 by bob")
	list := w.missing()
	if len(list) != 1 || !list[0].Refused(w.now) || list[0].Refused(begun.Add(6*24*time.Hour)) {
		t.Errorf("missing %+v, want v2 reported as refused after seven days", list)
	}
	// sync ignores the pauses.
	w.cycle(Options{Trigger: coc.TriggerSync})
	if !slices.Contains(w.coc.asked, "DM1@v2") {
		t.Errorf("sync requested %q, want v2 among them", w.coc.asked)
	}
	// What COC no longer lists is not requested, and not reported as missing.
	a.Versions = slices.DeleteFunc(slices.Clone(a.Versions), func(l coc.Listed) bool { return l.Label == "v2" })
	a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Hour)
	w.cycle()
	w.now = w.now.Add(3 * 24 * time.Hour)
	w.cycle(Options{Trigger: coc.TriggerSync})
	if slices.Contains(w.coc.asked, "DM1@v2") || len(w.missing()) != 0 {
		t.Errorf("requested %q, missing %+v; want v2 paused", w.coc.asked, w.missing())
	}
}

// The reason's age starts again with another reason, so that "refused" is never reported of
// an error that is new.
func TestAnotherReasonIsAnotherRefusal(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n")
	w.coc.fail["DM1@v1"] = errors.New("one")
	for range 5 {
		w.cycle()
	}
	first := w.missing()[0].Since
	w.now = w.now.Add(8 * 24 * time.Hour)
	w.coc.fail["DM1@v1"] = errors.New("two")
	w.cycle()
	if m := w.missing()[0]; m.Reason != "two" || !m.Since.After(first) || m.Refused(w.now) {
		t.Errorf("missing %+v at %v, want another reason, and no refusal", m, w.now)
	}
}

// A pause that a wrong clock set far into the future is ignored.
func TestRetryFarInTheFutureIsDue(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n")
	delete(w.coc.contents, "DM1@v1")
	w.now = w.now.AddDate(1, 0, 0)
	for range 4 {
		w.cycle()
	}
	w.now = w.now.AddDate(-1, 0, 0)
	w.coc.contents["DM1@v1"] = "a\n"
	if w.cycle(); len(w.missing()) != 0 {
		t.Errorf("missing %+v, requested %q; want the version fetched", w.missing(), w.coc.asked)
	}
}

// Under faults of seven sorts, one in twenty each, repeated syncs reach every version.
func TestFaultsLoseNoVersion(t *testing.T) {
	w := newWorld(t)
	w.w.Audit = 0
	versions := 0
	for i := range 21 {
		var cs []string
		for j := range 10 {
			cs = append(cs, fmt.Sprintf("%d %d\n", i, j))
		}
		versions += len(cs)
		w.coc.put(fmt.Sprintf("DM%02d", i), cs...)
	}
	faults := []error{
		fmt.Errorf("HTTP 200 COC.00000500: %w", coc.ErrTemporary), fmt.Errorf("503: %w", coc.ErrTemporary),
		fmt.Errorf("reset: %w", coc.ErrTemporary), fmt.Errorf("HTTP 400 COC.00010002: %w", coc.ErrRefused),
		fmt.Errorf("html: %w", coc.ErrMalformed), coc.ErrNotFound, fmt.Errorf("a cut body: %w", coc.ErrTemporary),
	}
	dice := rand.New(rand.NewPCG(1, 2))
	w.coc.failing = func(what string) error {
		if n := dice.IntN(20 * len(faults)); what != "list" && n < 7*len(faults) {
			return faults[n%len(faults)]
		}
		return nil
	}
	for range 40 {
		w.cycle(Options{Trigger: coc.TriggerSync})
		totals, err := w.db.Totals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if totals.Versions == versions {
			return
		}
	}
	t.Errorf("%d versions are missing after 40 syncs: %+v", len(w.missing()), w.missing())
}

// The first cycles of a short list were good, with 100 documents of 250: an incomplete
// list is a failed cycle that says both numbers and judges no absence.
func TestIncompleteList(t *testing.T) {
	w := newWorld(t)
	w.w.Audit = 0
	for i := range 6 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n")
	}
	w.cycle()
	w.coc.listed["DM4"], w.coc.listed["DM5"] = false, false
	w.coc.total = 6
	w.coc.edit("DM5", "b\n", "bob")
	delete(w.coc.docs, "DM4")
	c := w.cycle()
	if c.Outcome != coc.CycleFailed || c.Listed != 4 || c.Total != 6 || !strings.Contains(c.Err, "there are 6 documents and lists 4") {
		t.Errorf("cycle = %+v, want it failed with both numbers", c)
	}
	if slices.Contains(w.coc.asked, "DM4") || len(w.changes()) != 6 {
		t.Errorf("requested %q, changes %q, want no absence judged", w.coc.asked, w.changes())
	}
	// Another number is another shortfall, which starts again.
	w.now = w.now.Add(20 * time.Hour)
	w.coc.total = 7
	w.cycle()
	w.now = w.now.Add(5 * time.Hour)
	if w.cycle(); slices.Contains(w.coc.asked, "DM4") {
		t.Errorf("requested %q, want a day of the same numbers first", w.coc.asked)
	}
	// After a day of the same shortfall the documents missing from it are requested by id:
	// one is deleted, and the other stays followed and has its new version.
	w.now = w.now.Add(20 * time.Hour)
	if c = w.cycle(); c.Outcome != coc.CycleFailed {
		t.Errorf("cycle = %+v, want the problem to remain", c)
	}
	got := w.changes()[6:]
	if slices.Sort(got); !slices.Equal(got, []string{"+ deleted ..", "+ version v1..v2 by bob"}) {
		t.Errorf("changes %q, want one deleted and one new version", got)
	}
	if w.cycle(); len(w.coc.asked) != 1 {
		t.Errorf("requested %q, want each document requested once a day", w.coc.asked)
	}
	w.coc.listed["DM5"], w.coc.total = true, 5
	if c = w.cycle(); c.Outcome != coc.CycleGood || !c.Complete {
		t.Errorf("cycle = %+v, want a complete list to be good", c)
	}
}

// The first summary of a watch is sent although its list is incomplete, and says so.
func TestSummaryOfAnIncompleteList(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.coc.total = 2
	w.cycle()
	if got := w.notices("ops"); len(got) != 1 || !strings.Contains(got[0], "1 document") {
		t.Errorf("notices %q, want one summary", got)
	}
}

// A cycle whose list had rows that could not be read was good: they are part of its
// result, and no document is taken out of the watch meanwhile.
func TestSkippedRowsFailTheCycle(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n")
	}
	w.cycle()
	w.coc.listed["DM3"], w.coc.skipped = false, []coc.SkippedRow{{Reason: "its document_id is empty"}}
	c := w.cycle()
	if c.Outcome != coc.CycleFailed || c.Skipped != 1 || !strings.Contains(c.Err,
		"rows of the list cannot be used: 1, the first because its document_id is empty") {
		t.Errorf("cycle = %+v, want the skipped row", c)
	}
	if slices.Contains(w.coc.asked, "DM3") {
		t.Errorf("requested %q, want no absence judged", w.coc.asked)
	}
	// One that names its document fails only that document.
	w.coc.skipped[0].DocumentID = "DM3"
	w.coc.listed["DM4"] = false
	delete(w.coc.docs, "DM4")
	c = w.cycle()
	want := []coc.Failure{{DocumentID: "DM3", Name: "job DM3", Err: "its row in the list cannot be used: its document_id is empty"}}
	if c.Outcome != coc.CycleFailed || c.Err != "" || !slices.Equal(c.Failures, want) {
		t.Errorf("cycle = %+v, want the failure of DM3", c)
	}
	if got := w.changes()[5:]; !slices.Equal(got, []string{"+ deleted .."}) {
		t.Errorf("changes %q, want DM4 deleted and DM3 followed", got)
	}
	w.coc.listed["DM3"], w.coc.skipped = true, nil
	if c = w.cycle(); c.Outcome != coc.CycleGood {
		t.Errorf("cycle = %+v, want it good", c)
	}
}
