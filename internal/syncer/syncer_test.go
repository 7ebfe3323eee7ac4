package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// What was there before cocsync looked is archived in silence, but for one
// summary.
func TestInitialSyncIsSilent(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n", "b\n", "c\n")
	w.coc.put("DM2", "x\n")
	c := w.cycle()
	if c.Outcome != coc.CycleGood || c.Versions != 5 || c.Changes != 5 || c.Listed != 2 {
		t.Errorf("cycle = %+v, want 5 versions and 5 changes of 2 documents", c)
	}
	slices.Sort(w.changes())
	got := w.changes()
	slices.Sort(got)
	want := []string{"new ..v1 by ann", "new ..v1 by ann", "version v1..v2", "version v2..v3", "version v3..v4 by bob"}
	if !slices.Equal(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
	if got := w.notices("ops"); len(got) != 1 || !strings.Contains(got[0], "2 documents, 5 versions") {
		t.Errorf("notices %q, want one summary of 2 documents and 5 versions", got)
	}
}

// A cycle without change requests the list and nothing else.
func TestNoChangeCycleRequestsOnlyTheList(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n")
	w.cycle()
	c := w.cycle()
	if !slices.Equal(w.coc.asked, []string{"list"}) || c.Outcome != coc.CycleGood || c.Changes != 0 {
		t.Errorf("requested %q, cycle %+v, want only the list", w.coc.asked, c)
	}
	if got := w.notices("ops"); len(got) != 1 {
		t.Errorf("notices %q, want the one summary", got)
	}
}

// A document with one new version costs one request more.
func TestNewVersionIsSent(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.edit("DM1", "b\n", "bob")
	w.cycle()
	if !slices.Equal(w.coc.asked, []string{"list", "DM1"}) {
		t.Errorf("requested %q, want the list and the document", w.coc.asked)
	}
	w.wantChanges("new ..v1 by ann", "+ version v1..v2 by bob")
}

// Of several versions that arrive together only the newest can have an author,
// and only if nothing was modified after it.
func TestNoAuthorIsGuessed(t *testing.T) {
	w := newWorld(t)
	a := w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.edit("DM1", "b\n", "bob")
	w.coc.edit("DM1", "c\n", "eve")
	a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Second)
	w.cycle()
	w.wantChanges("new ..v1 by ann", "+ version v1..v2", "+ version v2..v3")
}

// A document that appears later is one alert; its earlier versions are silent.
func TestLaterDocumentIsOneAlert(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.put("DM2", "x\n", "y\n", "z\n")
	w.cycle()
	w.wantChanges("new ..v1 by ann", "+ new ..v1 by ann", "version v1..v2", "version v2..v3 by bob")
}

// Bytes and version_uuid decide what a rewrite is; bytes that come back are a
// revision of their own.
func TestRewritesAreRevisions(t *testing.T) {
	w := newWorld(t)
	a := w.coc.put("DM1", "a\n")
	w.cycle()
	for i, content := range []string{"b\n", "a\n", "a\n"} {
		w.coc.contents["DM1@v1"] = content
		a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Hour)
		if i == 2 { // the same bytes under another uuid
			a.Versions = []coc.Listed{{Label: "v1", UUID: "other", MadeAt: a.Versions[0].MadeAt}}
		}
		w.cycle()
	}
	w.wantChanges("new ..v1 by ann", "+ rewritten v1..v1#2", "+ rewritten v1#2..v1#3", "+ rewritten v1#3..v1#4")
}

// A version that is rewritten without a trace in the list is found by the audit.
func TestAuditFindsSilentRewrites(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n", "c\n")
	w.cycle()
	w.coc.contents["DM1@v2"] = "evil\n"
	w.cycle()
	if len(w.coc.asked) != 1 {
		t.Errorf("requested %q right after the initial sync, want only the list", w.coc.asked)
	}
	w.now = w.now.Add(16 * 24 * time.Hour)
	w.cycle()
	if got := w.changes(); !slices.Contains(got, "+ rewritten v2..v2#2") {
		t.Errorf("changes %q, want v2 rewritten", got)
	}
	if w.cycle(); len(w.coc.asked) != 1 {
		t.Errorf("requested %q after an audit, want only the list", w.coc.asked)
	}
}

func TestSyncAuditReadsEverything(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n", "c\n")
	w.cycle()
	w.coc.contents["DM1@v1"] = "evil\n"
	w.cycle(Options{AuditAll: true})
	if got := w.changes(); !slices.Contains(got, "+ rewritten v1..v1#2") {
		t.Errorf("changes %q, want v1 rewritten", got)
	}
}

// An absent field is neither a change nor a removal.
func TestMetadata(t *testing.T) {
	w := newWorld(t)
	a := w.coc.put("DM1", "a\n")
	w.cycle()
	high := "HIGH"
	a.Meta.RiskLevel = &high
	a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Hour)
	w.cycle()
	a.Meta.RiskLevel = nil
	a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Hour)
	w.cycle()
	a.Meta.RiskLevel = &high
	a.Versions = nil
	a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Hour)
	w.cycle()
	w.wantChanges("new ..v1 by ann", "+ metadata ..")
	list, err := all(w.db.Changes(t.Context(), db.Filter{Kinds: []coc.Kind{coc.KindMetadata}}))
	if err != nil || len(list) != 1 || list[0].Summary != "risk_level LOW → HIGH" {
		t.Errorf("Changes = %+v, %v, want the risk level", list, err)
	}
}

// COC keeps a hundred versions: what falls off stays in the archive.
func TestWithdrawnVersionStays(t *testing.T) {
	w := newWorld(t)
	a := w.coc.put("DM1", "a\n", "b\n")
	w.cycle()
	w.coc.edit("DM1", "c\n", "bob")
	a.Versions = a.Versions[1:]
	w.cycle()
	got := w.changes()[2:]
	slices.Sort(got)
	if want := []string{"+ version v2..v3 by bob", "withdrawn ..v1"}; !slices.Equal(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
	if c, err := w.db.Content(t.Context(), 1, coc.Content{Bytes: []byte("a\n")}.Hash()); err != nil || string(c.Bytes) != "a\n" {
		t.Errorf("Content of the withdrawn version = %q, %v", c.Bytes, err)
	}
}

// Only COC's error code for a missing document deletes: not an absence, not a 403.
func TestDeletedAndRestored(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n")
	}
	w.cycle()
	doc := w.coc.docs["DM3"]
	w.coc.listed["DM3"] = false
	w.coc.fail["DM3"] = coc.ErrForbidden
	w.cycle()
	if got := w.changes(); len(got) != 5 {
		t.Errorf("changes %q after a 403, want none of it", got)
	}
	w.coc.fail["DM3"] = coc.ErrNotFound
	w.cycle()
	if w.cycle(); len(w.coc.asked) != 1 {
		t.Errorf("requested %q, want no request for a deleted document", w.coc.asked)
	}
	delete(w.coc.fail, "DM3")
	w.coc.listed["DM3"] = true
	w.coc.docs["DM3"] = doc
	w.cycle()
	if got := w.changes()[5:]; !slices.Equal(got, []string{"+ deleted ..", "+ restored .."}) {
		t.Errorf("changes %q, want deleted and restored", got)
	}
	// A document that is there but no longer selected is not deleted.
	w.coc.listed["DM4"] = false
	w.cycle()
	if w.cycle(); len(w.changes()) != 7 || len(w.coc.asked) != 1 {
		t.Errorf("changes %q, requested %q, want DM4 to have left without a change", w.changes(), w.coc.asked)
	}
}

// A version that was pending when its document was deleted is never archived: later ones,
// which are archived, are recorded.
func TestDeletedBeforeItsVersionsWereFetched(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.edit("DM1", "b\n", "bob")
	w.coc.edit("DM1", "c\n", "bob")
	w.coc.fail["DM1@v2"] = fmt.Errorf("503: %w", coc.ErrTemporary)
	w.cycle()
	w.coc.fail["DM1"] = coc.ErrNotFound
	w.coc.listed["DM1"] = false
	w.cycle()
	w.wantChanges("new ..v1 by ann", "+ version v1..v3 by bob", "+ deleted ..")
}

// When most documents are missing at once, operators are notified before anything is
// marked.
func TestMassAbsenceIsDoubted(t *testing.T) {
	w := newWorld(t)
	for i := range 6 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n")
	}
	w.cycle()
	hide := func() {
		for i := range 4 {
			delete(w.coc.docs, fmt.Sprintf("DM%d", i))
		}
	}
	hide()
	w.cycle()
	w.cycle()
	if got := w.changes(); len(got) != 6 {
		t.Errorf("changes %q, want nothing marked yet", got)
	}
	if got := w.notices("oncall"); len(got) != 1 || !strings.Contains(got[0], "most documents are missing") {
		t.Errorf("notices %q, want one", got)
	}
	w.now = w.now.Add(time.Hour)
	w.cycle()
	deleted := 0
	for _, c := range w.changes() {
		if c == "+ deleted .." {
			deleted++
		}
	}
	if deleted != 4 {
		t.Errorf("%d deleted after an hour, want 4", deleted)
	}
}

func TestAcceptedDeletionsAreMarkedAtOnce(t *testing.T) {
	w := newWorld(t)
	for i := range 4 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n")
	}
	w.cycle()
	w.coc.docs = map[string]*coc.Response{}
	w.cycle(Options{AcceptDeletions: true})
	if got := w.changes()[4:]; len(got) != 4 {
		t.Errorf("changes %q, want 4 deleted", got)
	}
}

// A list that shifts says nothing of absence.
func TestUnstableListJudgesNoAbsence(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.coc.put("DM2", "a\n")
	w.cycle()
	delete(w.coc.docs, "DM1")
	w.coc.unstable = true
	if c := w.cycle(); c.Complete || len(w.changes()) != 2 {
		t.Errorf("cycle %+v, changes %q, want nothing judged", c, w.changes())
	}
}

// The cycle of a list whose total moved in every reading was good whatever the list
// lacked: documents by its own total, or rows that could not be read and name none.
func TestUnstableListWithMissingRowsFailsTheCycle(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.coc.put("DM2", "a\n")
	w.cycle()
	delete(w.coc.docs, "DM1")
	w.coc.unstable = true
	for _, tt := range []struct {
		name    string
		total   int
		skipped []coc.SkippedRow
		want    string // in the cycle's error; "" for a good one
	}{
		{"documents", 5, nil, "there are 5 documents and lists 1"},
		{"a row that names none", 0, []coc.SkippedRow{{Reason: "its document_id is empty"}},
			"rows of the list cannot be used: 1, the first because its document_id is empty"},
		{"as many rows as its total, one of which names none", 2, []coc.SkippedRow{{Reason: "its document_id is empty"}},
			"rows of the list cannot be used: 1"},
		{"nothing", 1, nil, ""},
	} {
		w.coc.total, w.coc.skipped = tt.total, tt.skipped
		c := w.cycle()
		if want := tt.want == ""; want != (c.Outcome == coc.CycleGood) || want != (c.Err == "") ||
			!strings.Contains(c.Err, tt.want) || c.Skipped != len(tt.skipped) {
			t.Errorf("an unstable list without %s: cycle = %+v, want its error to hold %q", tt.name, c, tt.want)
		}
		if c.Complete || len(w.changes()) != 2 {
			t.Errorf("an unstable list without %s: complete: %t, changes %q, want nothing judged", tt.name, c.Complete, w.changes())
		}
	}
}

// A refused key pair is refused once, and paused also in the next process.
func TestRefusedKeyPairIsPaused(t *testing.T) {
	w := newWorld(t)
	w.w.Select, w.w.Documents = nil, []string{"DM1", "DM2", "DM3"}
	for _, id := range w.w.Documents {
		w.coc.put(id, "a\n")
		w.coc.fail[id] = coc.ErrUnauthorized
	}
	if c := w.cycle(); len(w.coc.asked) != 1 || c.Outcome != coc.CycleFailed {
		t.Errorf("requested %q, cycle %+v, want one request", w.coc.asked, c)
	}
	if got := w.notices("oncall"); len(got) != 1 {
		t.Errorf("notices %q, want one at once", got)
	}
	w.now = w.now.Add(-4 * time.Minute)
	if c := w.cycle(); len(w.coc.asked) != 0 || c.Outcome != coc.CycleFailed {
		t.Errorf("requested %q, cycle %+v, want none", w.coc.asked, c)
	}
	w.coc.key, w.coc.fail = "k2", map[string]error{} // a person fixed it
	if c := w.cycle(); c.Outcome != coc.CycleGood {
		t.Errorf("cycle with another key pair = %+v, want good", c)
	}
	w.wantRecovery()
}

// A user who may not list still updates the documents that are followed.
func TestForbiddenListRequestsFollowedDocuments(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.fail["list"] = coc.ErrForbidden
	w.coc.edit("DM1", "b\n", "bob")
	if c := w.cycle(); c.Outcome != coc.CycleFailed || !strings.Contains(c.Err, "new documents cannot be seen") {
		t.Errorf("cycle = %+v, want it bad and the reason", c)
	}
	w.wantChanges("new ..v1 by ann", "+ version v1..v2 by bob")
}

func TestThreeFailedCyclesAreReportedOnce(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.fail["list"] = fmt.Errorf("503: %w", coc.ErrTemporary)
	for range 5 {
		w.cycle()
	}
	delete(w.coc.fail, "list")
	w.cycle()
	if got := w.notices("oncall"); len(got) != 2 || !strings.Contains(got[0], "does not work") || !strings.Contains(got[1], "works again") {
		t.Errorf("notices %q, want failure once and recovery once", got)
	}
}

// A document that is deleted while its versions are fetched keeps what was fetched.
func TestDocumentDeletedDuringAFetch(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n", "c\n", "d\n")
	w.coc.hook = func(what string) {
		if what == "DM1@v2" {
			w.coc.mu.Lock()
			delete(w.coc.docs, "DM1")
			w.coc.mu.Unlock()
		}
	}
	if c := w.cycle(); len(c.Failures) != 1 || !strings.Contains(c.Failures[0].Err, "deleted while") {
		t.Errorf("cycle = %+v, want it to say that the document was deleted", c)
	}
	for _, content := range []string{"a\n", "d\n"} {
		if _, err := w.db.Content(t.Context(), 1, coc.Content{Bytes: []byte(content)}.Hash()); err != nil {
			t.Errorf("Content %q: %v, want it kept", content, err)
		}
	}
	w.coc.hook = nil
	w.cycle()
	w.wantChanges("new ..v1 by ann", "version v1..v4 by bob", "+ deleted ..")
}

// A response from a delayed replica of COC reverts nothing.
func TestStaleResponseRevertsNothing(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	old := *w.coc.docs["DM1"]
	w.coc.edit("DM1", "b\n", "bob")
	w.cycle()
	now := w.coc.docs["DM1"]
	risk := "HIGH"
	old.Meta.RiskLevel = &risk
	w.coc.docs["DM1"] = &old
	w.cycle()
	w.coc.docs["DM1"] = now
	w.cycle()
	w.wantChanges("new ..v1 by ann", "+ version v1..v2 by bob")
}

// Two watches of one document fetch it once and notify each notifier once.
func TestWatchesShareADocument(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	second := w.w
	second.Name = "critical"
	if _, err := w.s.Run(t.Context(), second, Options{}); err != nil {
		t.Fatal(err)
	}
	w.coc.edit("DM1", "b\n", "bob")
	w.cycle()
	if _, err := w.s.Run(t.Context(), second, Options{}); err != nil {
		t.Fatal(err)
	}
	w.wantChanges("new ..v1 by ann", "+ version v1..v2 by bob")
	if n := len(w.due("ops")); n != 3 { // two greetings and the change
		t.Errorf("%d deliveries, want 3", n)
	}
}

// Work that is interrupted anywhere continues in the next cycle to the same archive.
func TestHistoryContinuesInLaterCycles(t *testing.T) {
	w := newWorld(t)
	var contents []string
	for i := range 40 {
		contents = append(contents, fmt.Sprintf("line %d\n", i))
	}
	w.coc.put("DM1", contents...)
	for range 60 {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		w.coc.hook = func(what string) {
			if n++; n == 19 {
				cancel()
			}
		}
		w.now = w.now.Add(time.Minute)
		_, err := w.s.Run(ctx, w.w, Options{})
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	w.coc.hook = nil
	w.cycle()
	got := w.changes()
	if len(got) != 40 || got[0] != "new ..v1 by ann" || got[39] != "version v39..v40 by bob" {
		t.Errorf("%d changes from %q to %q, want 40 in order", len(got), got[0], got[len(got)-1])
	}
}

// While a long history is fetched, a change is still sent: the cycle makes room
// for the next one when that is due.
func TestHistoryStopsWhenTheNextCycleIsDue(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n", "c\n")
	c := w.cycle(Options{Until: w.now}) // long past
	if c.Versions != 0 || c.Outcome != coc.CycleGood {
		t.Errorf("cycle = %+v, want a good one that left the history", c)
	}
	w.coc.put("DM2", "x\n")
	w.cycle(Options{Until: w.now})
	w.wantChanges("+ new ..v1 by ann")
	w.cycle()
	if n := len(w.changes()); n != 4 {
		t.Errorf("%d changes, want all 4", n)
	}
}
