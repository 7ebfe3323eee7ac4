package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
)

func TestForbiddenListIsRequestedAgain(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.coc.fail["list"] = coc.ErrForbidden
	w.cycle()
	w.coc.edit("DM1", "b\n", "bob")
	w.cycle()
	w.wantChanges("new ..v1 by ann", "+ version v1..v2 by bob")
}

func TestInitialSyncWaitsForACompleteList(t *testing.T) {
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

func TestInitialSyncOutlastsAnUnstableList(t *testing.T) {
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
		t.Errorf("requested %q, want the two that the config names", w.coc.asked)
	}
}

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
		t.Errorf("notices %q, want failure once: the list never worked", got)
	}
}

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
		t.Errorf("notices %q: no one is notified that the key pair was refused", w.notices("oncall"))
	}
}

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
	list, err := w.db.Due(t.Context(), "ops", w.now, nil, 100)
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

func (k *killed) Release(context.Context, coc.Key, time.Time) error { return errKilled }

func (k *killed) End(context.Context, coc.Cycle, []coc.NewNotice) error { return errKilled }

func TestMassAbsenceThatShrinksIsStillDoubted(t *testing.T) {
	w := newWorld(t)
	for i := range 6 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n")
	}
	w.cycle()
	gone := map[string]*coc.Response{}
	for i := range 4 {
		id := fmt.Sprintf("DM%d", i)
		gone[id] = w.coc.docs[id]
		delete(w.coc.docs, id)
	}
	w.cycle()
	w.coc.docs["DM0"] = gone["DM0"] // one is back five minutes later, three are not
	w.cycle()
	if got := w.changes()[6:]; len(got) != 0 {
		t.Errorf("changes %q after five minutes, want none marked", got)
	}
}

func TestClockThatWasWrongDelaysNothing(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.now = w.now.Add(48 * time.Hour)
	w.coc.fail["list"] = coc.ErrUnauthorized
	w.cycle()
	delete(w.coc.fail, "list")
	w.now = w.now.Add(-48 * time.Hour) // the clock is fixed
	for range 12 {
		w.cycle()
	}
	if len(w.changes()) == 0 {
		t.Error("an hour after the clock was fixed nothing was requested yet")
	}
}

func TestMassAbsenceIsReportedAfterAKill(t *testing.T) {
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
		t.Errorf("notices %q, want operators notified that most documents are missing", got)
	}
}

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

func TestSyncOfANewIDIsSent(t *testing.T) {
	w := newWorld(t)
	w.w.Select, w.w.Documents = nil, []string{"DM1"}
	w.coc.put("DM1", "a\n")
	w.coc.put("DM2", "a\n")
	w.cycle()
	w.w.Documents = append(w.w.Documents, "DM2")
	w.cycle(Options{Only: []string{"DM2"}})
	w.cycle()
	if got := w.changes(); !slices.Contains(got, "+ new ..v1 by ann") {
		t.Errorf("changes %q, want DM2 recorded", got)
	}
}

func TestMovedWatchStartsOver(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	other := newFake()
	other.put("DMx", "x\n")
	w.w.Account = &Account{Name: "test", Endpoint: "https://test.example", COC: other, RPS: 5, Connections: 3}
	w.now = w.now.Add(20 * 24 * time.Hour)
	w.cycle()
	c := w.cycle()
	if c.Outcome != coc.CycleGood {
		t.Errorf("cycle %+v", c)
	}
}

func TestOneFailureAfterAPauseIsNotReported(t *testing.T) {
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

type slowAudit struct{ Store }

func (s *slowAudit) Unchecked(ctx context.Context, _ string, _, _ time.Time, _ int) ([]coc.Due, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestNextCycleDueIsNoFailure(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.s.Store = &slowAudit{w.s.Store}
	if c := w.cycle(Options{Until: w.now.Add(5*time.Minute + 50*time.Millisecond)}); c.Outcome != coc.CycleGood {
		t.Errorf("cycle %+v", c)
	}
}

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

// A document in doubt whose request fails once is still in doubt.
func TestFailureEndsNoDoubt(t *testing.T) {
	w := newWorld(t)
	w.w.Select = nil
	for i := range 6 {
		id := fmt.Sprintf("DM%d", i)
		w.coc.put(id, "a\n")
		w.w.Documents = append(w.w.Documents, id)
	}
	w.cycle()
	for i := range 4 {
		delete(w.coc.docs, fmt.Sprintf("DM%d", i))
	}
	w.cycle()
	w.coc.fail["DM0"] = fmt.Errorf("503: %w", coc.ErrTemporary)
	w.cycle()
	delete(w.coc.fail, "DM0")
	w.cycle()
	if got := w.notices("oncall"); len(got) != 1 {
		t.Errorf("notices %q, want operators notified of it once", got)
	}
}

// A cycle counts the scheduled ones before it that did not run.
func TestCyclesThatDidNotRunAreCounted(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	run := func(trigger coc.Trigger, later time.Duration) int {
		w.now = w.now.Add(later)
		w.w.Schedule = every(5 * time.Minute)
		return w.cycle(Options{Trigger: trigger}).Missed // five minutes later still
	}
	for _, tt := range []struct {
		trigger coc.Trigger
		later   time.Duration
		want    int
	}{
		{coc.TriggerStart, time.Hour, 0}, // the first of all
		{coc.TriggerSchedule, 0, 0},
		{coc.TriggerSchedule, 10 * time.Minute, 2},
		{coc.TriggerSignal, -2 * time.Minute, 0},
		{coc.TriggerStart, time.Hour, 13},
	} {
		if got := run(tt.trigger, tt.later); got != tt.want {
			t.Errorf("a cycle by %s, %s after the previous one: %d missed, want %d", tt.trigger, tt.later+5*time.Minute, got, tt.want)
		}
	}
	list, err := w.db.Cycles(t.Context(), w.w.Name, db.CycleQuery{Partial: true}, 3)
	if err != nil || list[0].Missed != 13 || list[1].Missed != 0 || list[2].Missed != 2 {
		t.Errorf("the archive has %+v, %v, want 13, 0 and 2 missed", list, err)
	}
	var covered []string
	for _, typ := range []string{audit.TypeCoverage, audit.TypeCycle} {
		ids := []int64{1, 2, 3, 4}
		records, wrong := w.db.Records(t.Context(), 1, typ, ids)
		err = errors.Join(err, wrong)
		for _, id := range ids {
			if r, ok := records[id]; ok {
				covered = append(covered, typ+" "+r.Get("cycles")+"/"+r.Get("missed"))
			}
		}
	}
	if want := []string{"coverage 2/", "coverage 1/", "cycle /2", "cycle /13"}; err != nil || !slices.Equal(covered, want) {
		t.Errorf("coverages of cycles/missed = %q, %v, want %q", covered, err, want)
	}
}

// A stop while a cycle begins is no failure, and is not logged as one.
func TestAStopAtTheStartIsNoError(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	var log strings.Builder
	w.s.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ctx, stop := context.WithCancel(t.Context())
	w.s.Store = stoppingStore{w.s.Store, stop}
	if c, err := w.s.Run(ctx, w.w, Options{}); err != nil || c.Outcome != coc.CycleStopped {
		t.Errorf("Run = %+v, %v, want a stopped cycle", c, err)
	}
	if log.Len() > 0 {
		t.Errorf("a polite stop is logged as\n%s", log.String())
	}
}

// stoppingStore cancels the context when a cycle has begun.
type stoppingStore struct {
	Store
	stop context.CancelFunc
}

func (s stoppingStore) Begin(ctx context.Context, c coc.Cycle) (coc.Key, error) {
	defer s.stop()
	return s.Store.Begin(ctx, c)
}
