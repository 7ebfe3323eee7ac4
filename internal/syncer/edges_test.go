package syncer

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// History held the document's lock while it waited for the gate.
func TestHistoryLetsGoOfADocumentThatOthersNeed(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n", "c\n", "d\n")
	second := w.w
	second.Name, second.Select, second.Documents = "critical", nil, []string{"DM1"}
	done := make(chan error, 1)
	inHistory, entered := make(chan struct{}), make(chan struct{})
	first := true
	w.coc.hook = func(what string) {
		if what == "DM1@v1" && first {
			first = false
			close(inHistory)
			<-entered
		}
	}
	go func() { _, err := w.s.Run(context.Background(), w.w, Options{}); done <- err }()
	<-inHistory
	secondDone := make(chan error, 1)
	go func() { _, err := w.s.Run(context.Background(), second, Options{}); secondDone <- err }()
	// until the second watch is in its urgent part
	for !w.w.Account.gate.closed() {
		runtime.Gosched()
	}
	close(entered)
	for range 2 {
		select {
		case <-done:
			done = nil
		case <-secondDone:
			secondDone = nil
		case <-time.After(5 * time.Minute): // a net: on a busy machine seconds are not enough
			t.Fatal("both watches are blocked: history holds the document and waits for the gate, update holds the gate and waits for the document")
		}
	}
}

// Many versions under new uuids.
func TestManyRewrittenVersionsAreRecordedOnce(t *testing.T) {
	w := newWorld(t)
	w.w.Audit = 0
	var cs []string
	for i := range 20 {
		cs = append(cs, fmt.Sprintf("c%d\n", i))
	}
	a := w.coc.put("DM1", cs...)
	w.cycle()
	l := slices.Clone(a.Versions)
	for i := range l {
		l[i].UUID = "new-" + l[i].UUID
		w.coc.contents["DM1@"+l[i].Label] = fmt.Sprintf("rewritten %d\n", i)
	}
	a.Versions = l
	a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Hour)
	w.cycle()
	n := len(w.changes()) - 20
	a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Hour)
	w.cycle()
	if m := len(w.changes()) - 20; n != 20 || m != 20 {
		t.Errorf("%d rewritten recorded, then %d, want 20 and no more: %q", n, m, w.changes()[40:])
	}
}

// A stop in the midst of many moved versions.
func TestManyRewrittenVersionsSurviveAStop(t *testing.T) {
	w := newWorld(t)
	w.w.Audit = 0
	var cs []string
	for i := range 40 {
		cs = append(cs, fmt.Sprintf("c%d\n", i))
	}
	a := w.coc.put("DM1", cs...)
	w.cycle()
	l := slices.Clone(a.Versions)
	for i := range l {
		l[i].UUID = "new-" + l[i].UUID
		w.coc.contents["DM1@"+l[i].Label] = fmt.Sprintf("rewritten %d\n", i)
	}
	a.Versions = l
	a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	w.coc.hook = func(what string) {
		if what == "DM1@v25" {
			cancel()
		}
	}
	w.now = w.now.Add(time.Minute)
	if _, err := w.s.Run(ctx, w.w, Options{}); err != nil {
		t.Fatal(err)
	}
	w.coc.hook = nil
	for range 3 {
		w.cycle()
	}
	if m := len(w.changes()) - 40; m != 40 {
		t.Errorf("%d rewritten, want 40; last cycle requested %q", m, w.coc.asked)
	}
}

type quietErr struct{ until time.Time }

func (q *quietErr) Error() string { return "429" }

func (q *quietErr) Unwrap() error { return coc.ErrTemporary }

func (q *quietErr) PausedUntil() time.Time { return q.until }

// A rate limit makes no version unavailable.
func TestRateLimitMakesNothingUnavailable(t *testing.T) {
	w := newWorld(t)
	var cs []string
	for i := range 60 {
		cs = append(cs, fmt.Sprintf("c%d\n", i))
	}
	w.coc.put("DM1", cs...)
	n := 0
	w.coc.hook = func(what string) {
		if strings.Contains(what, "@") {
			w.coc.mu.Lock()
			if n++; n > 8 {
				for i := range 60 { // from now on nothing is sent
					w.coc.fail[fmt.Sprintf("DM1@v%d", i+1)] = &quietErr{w.now.Add(time.Minute)}
				}
			}
			w.coc.mu.Unlock()
		}
	}
	for range 12 {
		n = 0
		w.coc.fail = map[string]error{}
		w.cycle()
	}
	totals, err := w.db.Totals(t.Context())
	if err != nil || totals.VersionStates[coc.Unavailable] != 0 {
		t.Errorf("states %v, %v, want none unavailable", totals.VersionStates, err)
	}
}

// A restored document is audited again.
func TestRestoredDocumentIsAudited(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n")
	w.coc.put("DM2", "a\n")
	w.cycle()
	doc := w.coc.docs["DM1"]
	delete(w.coc.docs, "DM1")
	w.cycle()
	w.coc.docs["DM1"] = doc
	w.coc.contents["DM1@v1"] = "evil\n"
	w.cycle()
	w.now = w.now.Add(40 * 24 * time.Hour)
	w.cycle(Options{AuditAll: true})
	if got := w.changes(); !slices.Contains(got, "+ rewritten v1..v1#2") {
		t.Errorf("changes %q, want v1 rewritten", got)
	}
}

// An id watch resets the fingerprint of a list watch.
func TestWatchByIDLeavesTheFingerprint(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	second := w.w
	second.Name, second.Select, second.Documents = "critical", nil, []string{"DM1"}
	for range 2 {
		if _, err := w.s.Run(t.Context(), second, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if w.cycle(); len(w.coc.asked) != 1 {
		t.Errorf("requested %q in a no-change cycle, want only the list", w.coc.asked)
	}
}

// Seen, never archived, deleted, there again.
func TestDocumentWithoutChangeIsNotRestored(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM2", "a\n")
	a := w.coc.put("DM1", "a\n", "b\n", "c\n")
	w.coc.fail["DM1"] = coc.ErrTemporary
	w.cycle()
	delete(w.coc.fail, "DM1")
	delete(w.coc.docs, "DM1")
	w.cycle()
	w.coc.docs["DM1"] = a
	w.cycle()
	for _, c := range w.changes() {
		if strings.HasPrefix(c, "+") {
			t.Errorf("recorded %q", c)
		}
	}
}

// Two watches, or an audit, count a cycle's failure more than once.
func TestFailuresCountCyclesNotVisits(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.edit("DM1", "b\n", "bob")
	w.coc.edit("DM1", "c\n", "bob")
	w.coc.fail["DM1@v2"] = coc.ErrTemporary
	w.cycle(Options{AuditAll: true})
	w.cycle(Options{AuditAll: true})
	if n := len(w.changes()); n != 1 {
		t.Errorf("changes %q after two cycles, want v2 waited for", w.changes())
	}
}

// Known changed documents go first.
func TestKnownChangedDocumentsGoFirst(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM9", "a\n")
	w.w.Account.Connections = 1
	w.cycle()
	for i := range 5 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n", "b\n", "c\n")
	}
	w.coc.edit("DM9", "b\n", "bob")
	w.cycle()
	if w.coc.asked[1] != "DM9" {
		t.Errorf("requested %q, want the known changed document first", w.coc.asked)
	}
}

// A version that was rewritten before its turn.
func TestVersionRewrittenBeforeItsTurn(t *testing.T) {
	w := newWorld(t)
	a := w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.edit("DM1", "b\n", "bob")
	w.coc.edit("DM1", "c\n", "bob")
	w.coc.fail["DM1@v2"] = coc.ErrTemporary
	w.cycle()
	w.coc.contents["DM1@v3"] = "evil\n"
	a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Second)
	w.cycle()
	delete(w.coc.fail, "DM1@v2")
	w.cycle()
	w.wantChanges("new ..v1 by ann", "+ version v1..v2", "+ version v2..v3 by bob", "+ rewritten v3..v3#2")
}

// Uuid learnt later.
func TestMadeAtIsLearntLater(t *testing.T) {
	w := newWorld(t)
	a := w.coc.put("DM1", "a\n")
	full := a.Versions
	a.Versions = nil
	w.cycle()
	a.Versions = full
	a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Hour)
	w.cycle()
	k, _ := w.db.Known(t.Context(), "prod", "DM1")
	if k.Versions[0].MadeAt.IsZero() {
		t.Errorf("made_at never learnt: %+v", k.Versions[0])
	}
}

// Seen_at is when it was archived.
func TestSeenAtIsWhenItWasArchived(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n")
	start := w.now.Add(5 * time.Minute)
	w.coc.hook = func(what string) {
		if what == "DM1@v1" {
			w.now = w.now.Add(30 * time.Minute) // the gate, a rate limit
		}
	}
	w.cycle()
	k, _ := all(w.db.Documents(t.Context()))
	list, _ := w.db.Revisions(t.Context(), k[0].Key, "")
	for _, r := range list {
		if r.Label == "v1" && r.SeenAt.Sub(start) < 30*time.Minute {
			t.Errorf("v1 seen at %v, it was archived 30 minutes later", r.SeenAt)
		}
	}
}

// What was pending when a document was deleted is fetched when it is restored.
func TestPendingVersionOfARestoredDocumentIsFetched(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.coc.put("DM2", "a\n")
	w.cycle()
	w.coc.edit("DM1", "b\n", "bob")
	w.coc.edit("DM1", "c\n", "bob")
	w.coc.fail["DM1@v2"] = coc.ErrTemporary
	w.cycle()
	doc := w.coc.docs["DM1"]
	delete(w.coc.docs, "DM1")
	w.cycle()
	w.coc.docs["DM1"] = doc
	delete(w.coc.fail, "DM1@v2")
	w.cycle()
	w.now = w.now.AddDate(0, 2, 0)
	w.cycle()
	w.cycle(Options{AuditAll: true})
	if got := w.changes(); !slices.Contains(got, "+ version v1..v2 late") {
		t.Errorf("changes %q, want v2 to come late", got)
	}
	if _, err := w.db.Content(t.Context(), 1, coc.Content{Bytes: []byte("b\n")}.Hash()); err != nil {
		t.Error(err)
	}
}

// An audit takes a fifth of the account's rate and no more, the asking for the
// documents included.
func TestAuditKeepsToItsShare(t *testing.T) {
	w := newWorld(t)
	for i := range 400 {
		w.coc.put(fmt.Sprintf("DM%03d", i), "a\n", "b\n")
	}
	w.cycle()
	w.now = w.now.Add(20 * 24 * time.Hour)
	died := coc.Cycle{Watch: w.w.Name, Account: "prod", StartedAt: w.now}
	if _, err := w.db.Begin(t.Context(), died); err != nil { // five minutes before the next
		t.Fatal(err)
	}
	for _, a := range w.coc.docs { // each is requested, so that its newest version is checked
		a.Meta.UpdatedAt = a.Meta.UpdatedAt.Add(time.Hour)
	}
	w.cycle()
	if n, most := len(w.coc.asked), 1+400+300; n > most || n < most-10 {
		t.Errorf("%d requests, want the list, 400 changed documents, and a fifth of five a second over five minutes", n)
	}
}
