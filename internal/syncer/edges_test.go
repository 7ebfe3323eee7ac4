package syncer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// Who may not list must keep asking, in every cycle.
func TestForbiddenListKeepsAsking(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.fail["list"] = coc.ErrForbidden
	w.cycle()
	w.coc.edit("DM1", "b\n", "bob")
	w.cycle()
	w.wantChanges("new ..v1 by ann", "+ version v1..v2 by bob")
}

// The first list that could be read is the first contact.
func TestFirstContactWaitsForACompleteList(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		w.coc.put(fmt.Sprintf("DM%02d", i), "a\n")
	}
	w.coc.fail["list"] = coc.ErrForbidden
	w.cycle()
	delete(w.coc.fail, "list")
	w.cycle()
	n := 0
	for _, c := range w.changes() {
		if strings.HasPrefix(c, "+ ") {
			n++
		}
	}
	if n != 0 {
		t.Errorf("%d alerts, want none; notices %q", n, w.notices("ops"))
	}
}

func TestFirstContactOutlastsAnUnstableList(t *testing.T) {
	w := newWorld(t)
	for i := range 4 {
		w.coc.put(fmt.Sprintf("DM%02d", i), "a\n")
	}
	w.coc.unstable = true
	w.coc.listed["DM03"] = false
	w.cycle()
	w.coc.unstable = false
	w.coc.listed["DM03"] = true
	w.cycle()
	for _, c := range w.changes() {
		if strings.HasPrefix(c, "+ ") {
			t.Errorf("alert %q", c)
		}
	}
}

// History holds the document's lock while it waits for the gate.
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
	for {
		w.w.Account.gate.mu.Lock()
		busy := w.w.Account.gate.busy
		w.w.Account.gate.mu.Unlock()
		if busy > 0 {
			break
		}
		runtime.Gosched()
	}
	close(entered)
	for range 2 {
		select {
		case <-done:
			done = nil
		case <-secondDone:
			secondDone = nil
		case <-time.After(3 * time.Second):
			t.Fatal("both watches stand still: history holds the document and waits for the gate, news holds the gate and waits for the document")
		}
	}
}

// Three documents that may not be read keep all others from being archived.
func TestForbiddenDocumentsStarveNoOthers(t *testing.T) {
	w := newWorld(t)
	for i := range 48 {
		w.coc.put(fmt.Sprintf("DM%02d", i), "a\n")
	}
	for i := range 40 {
		w.coc.fail[fmt.Sprintf("DM%02d", i)] = coc.ErrForbidden
	}
	for range 3 {
		w.cycle()
	}
	if n := len(w.changes()); n != 8 {
		t.Errorf("%d documents archived after three cycles, want the 8 that may be read", n)
	}
}

// A document taken out of documents = [...].
func TestDocumentTakenOutOfTheConfigLeaves(t *testing.T) {
	w := newWorld(t)
	w.w.Select = nil
	for i := range 5 {
		id := fmt.Sprintf("DM%d", i)
		w.coc.put(id, "a\n")
		w.w.Documents = append(w.w.Documents, id)
	}
	w.cycle()
	w.w.Documents = w.w.Documents[:2]
	w.cycle()
	if n := w.notices("oncall"); len(n) > 0 {
		t.Errorf("false alarm: %q", n)
	}
	for range 20 {
		w.cycle()
	}
	if w.cycle(); len(w.coc.asked) != 2 {
		t.Errorf("asked %q, want the two that the config names", w.coc.asked)
	}
}

// Many versions under new uuids.
func TestManyRewrittenVersionsAreToldOnce(t *testing.T) {
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
		t.Errorf("%d rewritten told, then %d, want 20 and no more: %q", n, m, w.changes()[40:])
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
		t.Errorf("%d rewritten, want 40; last cycle asked %q", m, w.coc.asked)
	}
}

type quietErr struct{ until time.Time }

func (q *quietErr) Error() string              { return "429" }
func (q *quietErr) Unwrap() error              { return coc.ErrTemporary }
func (q *quietErr) LeaveAloneUntil() time.Time { return q.until }

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
	states, err := w.db.VersionStates(t.Context())
	if err != nil || states[coc.Unavailable] != 0 {
		t.Errorf("states %v, %v, want none unavailable", states, err)
	}
}

// Sync of one document ends no trouble.
func TestSyncOfOneDocumentIsNoRecovery(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.fail["list"] = fmt.Errorf("503: %w", coc.ErrTemporary)
	for range 3 {
		w.cycle()
	}
	w.cycle(Options{Only: []string{"DM1"}})
	for range 3 {
		w.cycle()
	}
	if got := w.notices("oncall"); len(got) != 1 {
		t.Errorf("notices %q, want trouble once: the list never worked", got)
	}
}

// One bad document hides that everything is broken.
func TestOneBadDocumentHidesNoOutage(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.coc.put("DM2", "a\n")
	w.coc.fail["DM2"] = coc.ErrForbidden
	for range 5 {
		w.cycle()
	}
	n := len(w.notices("oncall"))
	w.coc.fail["list"] = coc.ErrUnauthorized
	w.now = w.now.Add(24 * time.Hour)
	for range 5 {
		w.cycle()
	}
	if m := len(w.notices("oncall")); m == n {
		t.Errorf("notices %q: nobody hears that the key pair was refused", w.notices("oncall"))
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

// Order of one document across two cycles.
func TestOrderHoldsAcrossCycles(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.coc.put("DM2", "a\n")
	w.cycle()
	// v2 is committed; then the process is killed before the cycle ends.
	w.coc.edit("DM1", "b\n", "bob")
	w.coc.edit("DM2", "b\n", "bob")
	dead := w.s.Store
	w.s.Store = &killed{Store: dead}
	w.now = w.now.Add(time.Minute)
	_, err := w.s.Run(t.Context(), w.w, Options{})
	if !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	w.s.Store = dead
	w.coc.edit("DM1", "c\n", "bob")
	w.now = w.now.Add(5 * time.Second)
	if _, err := w.s.Run(t.Context(), w.w, Options{}); err != nil {
		t.Fatal(err)
	}
	list, err := w.db.Due(t.Context(), "ops", w.now, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range list {
		if d.Change != nil && d.Change.DocumentID == "DM1" {
			got = append(got, d.Change.Version)
		}
	}
	if !slices.Equal(got, []string{"v2", "v3"}) {
		t.Errorf("due now %q, want v2 before v3", got)
	}
}

var errKilled = errors.New("killed")

type killed struct{ Store }

func (k *killed) Release(context.Context, int64, time.Time) error     { return errKilled }
func (k *killed) End(context.Context, coc.Cycle, []coc.Telling) error { return errKilled }

// Mass absence that shrinks under the half is still unconfirmed.
func TestMassAbsenceThatShrinksIsStillDoubted(t *testing.T) {
	w := newWorld(t)
	for i := range 6 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n")
	}
	w.cycle()
	gone := map[string]*coc.Answer{}
	for i := range 4 {
		id := fmt.Sprintf("DM%d", i)
		gone[id] = w.coc.docs[id]
		delete(w.coc.docs, id)
	}
	w.cycle()
	w.coc.docs["DM0"] = gone["DM0"] // one is back five minutes later, three are not yet
	w.cycle()
	if got := w.changes()[6:]; len(got) != 0 {
		t.Errorf("changes %q after five minutes, want none marked", got)
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
		t.Errorf("asked %q in a quiet cycle, want the list alone", w.coc.asked)
	}
}

// Clock jumps back while a key pair is left alone.
func TestClockThatWasWrongHoldsNothingUp(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.now = w.now.Add(48 * time.Hour)
	w.coc.fail["list"] = coc.ErrUnauthorized
	w.cycle()
	delete(w.coc.fail, "list")
	w.now = w.now.Add(-48 * time.Hour) // the clock is mended
	for range 12 {
		w.cycle()
	}
	if len(w.changes()) == 0 {
		t.Error("an hour after the clock was mended nothing was asked yet")
	}
}

// Killed between noting what is missing and telling it.
func TestMassAbsenceIsToldAfterAKill(t *testing.T) {
	w := newWorld(t)
	for i := range 6 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n")
	}
	w.cycle()
	for i := range 4 {
		delete(w.coc.docs, fmt.Sprintf("DM%d", i))
	}
	real := w.s.Store
	w.s.Store = &killed{Store: real}
	w.now = w.now.Add(time.Minute)
	w.s.Run(t.Context(), w.w, Options{})
	w.s.Store = real
	w.cycle()
	if got := w.notices("oncall"); len(got) != 1 {
		t.Errorf("notices %q, want operators to hear that most documents are gone", got)
	}
}

// Seen, never archived, deleted, there again.
func TestDocumentNobodyHeardOfIsNotRestored(t *testing.T) {
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
			t.Errorf("told %q", c)
		}
	}
}

// Reappeared is judged on lists that say nothing.
func TestSyncOfOneDocumentEndsNoDoubt(t *testing.T) {
	w := newWorld(t)
	for i := range 6 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n")
	}
	w.cycle()
	for i := range 4 {
		delete(w.coc.docs, fmt.Sprintf("DM%d", i))
	}
	w.cycle()
	w.cycle(Options{Only: []string{"DM0"}})
	w.cycle()
	if got := w.notices("oncall"); len(got) != 1 {
		t.Errorf("notices %q, want one", got)
	}
}

// Sync of a document that the config names and no cycle followed yet.
func TestSyncOfAFreshIDIsTold(t *testing.T) {
	w := newWorld(t)
	w.w.Select, w.w.Documents = nil, []string{"DM1"}
	w.coc.put("DM1", "a\n")
	w.coc.put("DM2", "a\n")
	w.cycle()
	w.w.Documents = append(w.w.Documents, "DM2")
	w.cycle(Options{Only: []string{"DM2"}})
	w.cycle()
	if got := w.changes(); !slices.Contains(got, "+ new ..v1 by ann") {
		t.Errorf("changes %q, want DM2 told", got)
	}
}

// Two watches, or an audit, count a cycle's failure more than once.
func TestFailuresCountCyclesNotLooks(t *testing.T) {
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
		t.Errorf("asked %q, want the known changed document first", w.coc.asked)
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

// An account changed under a watch.
func TestWatchThatMovesBeginsAnew(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	other := newFake()
	other.put("DMx", "x\n")
	w.w.Account = &Account{Name: "test", Endpoint: "https://test.example", COC: other, RPS: 5, Connections: 3}
	w.now = w.now.Add(20 * 24 * time.Hour)
	w.cycle()
	c := w.cycle()
	if c.Outcome != coc.Good {
		t.Errorf("cycle %+v", c)
	}
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

// An hour without a good cycle is not an hour of failing.
func TestOneFailureAfterAPauseIsNoTrouble(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.now = w.now.Add(24 * time.Hour) // a daily watch
	w.coc.fail["DM1"] = coc.ErrTemporary
	w.coc.edit("DM1", "b\n", "bob")
	w.cycle()
	if got := w.notices("oncall"); len(got) != 0 {
		t.Errorf("notices %q after one failed cycle", got)
	}
}

// Seen_at is when it came.
func TestSeenAtIsWhenItCame(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n")
	start := w.now.Add(5 * time.Minute)
	w.coc.hook = func(what string) {
		if what == "DM1@v1" {
			w.now = w.now.Add(30 * time.Minute) // the gate, a rate limit
		}
	}
	w.cycle()
	k, _ := w.db.Documents(t.Context(), "")
	list, _ := w.db.Revisions(t.Context(), k[0].Key)
	for _, r := range list {
		if r.Label == "v1" && r.SeenAt.Sub(start) < 30*time.Minute {
			t.Errorf("v1 seen at %v, it came 30 minutes later", r.SeenAt)
		}
	}
}

type slowAudit struct{ Store }

func (s *slowAudit) Unchecked(ctx context.Context, _ string, _ time.Time, _ int) ([]coc.Due, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// The next cycle being due is no failure.
func TestNextCycleDueIsNoFailure(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.s.Store = &slowAudit{w.s.Store}
	if c := w.cycle(Options{Until: w.now.Add(5*time.Minute + 50*time.Millisecond)}); c.Outcome != coc.Good {
		t.Errorf("cycle %+v", c)
	}
}

// Two watches hit by a panic.
func TestPanicLeavesTheGateOpen(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n", "b\n")
	w.coc.hook = func(what string) {
		if what == "list" {
			panic("boom")
		}
	}
	func() {
		defer func() { recover() }()
		w.cycle()
	}()
	w.coc.hook = nil
	c := w.cycle(Options{Until: w.now.Add(5*time.Minute + time.Second)})
	if c.Versions != 2 {
		t.Errorf("cycle after a panic archived %d versions, want 2: %+v", c.Versions, c)
	}
}

// What was pending when a document was deleted is fetched when it is restored.
func TestPendingVersionOfARestoredDocumentComes(t *testing.T) {
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
	if _, err := w.db.Content(t.Context(), coc.Content{Bytes: []byte("b\n")}.Hash()); err != nil {
		t.Error(err)
	}
}
