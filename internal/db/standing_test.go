package db

import (
	"testing"
	"time"

	"cocsync/internal/coc"
)

// Unreached returns the documents that the newest cycle could not update, with their last check.
// Ran counts the cycles that did not run.
func TestUnreachedAndMissed(t *testing.T) {
	d, _ := open(t)
	reached := time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)
	ran := func(at time.Time, how coc.Outcome, missed int, failures ...coc.Failure) {
		t.Helper()
		c := coc.Cycle{Watch: "all", Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: at, Missed: missed}
		var err error
		if c.Key, err = d.Begin(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if how == coc.CycleRunning {
			return
		}
		c.EndedAt, c.Outcome, c.Failures = at.Add(time.Minute), how, failures
		if err := d.End(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
	}
	s := step("DM1", "a\n")
	s.SeenAt = reached
	commit(t, d, s)
	ran(reached.Add(time.Hour), coc.CycleGood, 2)
	ran(reached.Add(2*time.Hour), coc.CycleFailed, 3, coc.Failure{DocumentID: "DM1", Name: "job", Err: "503"},
		coc.Failure{DocumentID: "DM9", Name: "new", Err: "403"})
	ran(reached.Add(3*time.Hour), coc.CycleRunning, 0)
	list, err := d.Unreached(t.Context(), "all")
	if err != nil || len(list) != 2 || list[0].DocumentID != "DM9" || !list[0].CheckedAt.IsZero() ||
		list[1].Err != "503" || !list[1].CheckedAt.Equal(reached) {
		t.Errorf("Unreached = %+v, %v, want DM9, never, and DM1, at %v", list, err, reached)
	}
	if _, n, err := d.Ran(t.Context(), "all", reached.Add(90*time.Minute), reached.Add(4*time.Hour)); n != 3 || err != nil {
		t.Errorf("Ran = %d missed, %v, want 3", n, err)
	}
	totals, err := d.Totals(t.Context())
	if states := totals.DocumentStates; err != nil || states[coc.DocPresent] != 1 || states[coc.DocDeleted]+states[coc.DocListed] != 0 {
		t.Errorf("DocumentStates of Totals = %v, %v, want one present", states, err)
	}
}
