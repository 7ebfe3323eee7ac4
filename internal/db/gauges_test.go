package db

import (
	"testing"
	"time"

	"cocsync/internal/coc"
)

// OldestChecks returns the oldest check of each watch and omits watches without checks.
func TestOldestChecks(t *testing.T) {
	d, _ := open(t)
	at := func(i int) time.Time { return day.Add(time.Duration(i) * time.Hour) }
	for i, id := range []string{"DM1", "DM2", "DM3"} {
		s := step(id, id+"\n")
		s.SeenAt = at(i)
		commit(t, d, s)
	}
	for _, watch := range []string{"late", "none"} {
		cycle(t, d, watch, day, coc.CycleGood, false)
	}
	follow(t, d, "runbooks", day, true, "DM2", "DM1")
	follow(t, d, "late", day, true, "DM2", "DM3")
	names := []string{"late", "none", "runbooks"}
	got, err := d.OldestChecks(t.Context(), names, day.AddDate(9, 0, 0))
	if err != nil || len(got) != 2 || !got["runbooks"].Equal(at(0)) || !got["late"].Equal(at(1)) {
		t.Errorf("OldestChecks = %v, %v, want %v for runbooks and %v for late", got, err, at(0), at(1))
	}
}

// NewestCycle with Ended returns the last full cycle with any outcome.
func TestNewestEndedCycle(t *testing.T) {
	d, _ := open(t)
	if c, err := d.NewestCycle(t.Context(), "runbooks", CycleQuery{Ended: true}); err != nil || !c.Key.IsZero() {
		t.Errorf("NewestCycle of a watch in its first cycle = %+v, %v", c, err)
	}
	want := cycle(t, d, "runbooks", day.Add(time.Hour), coc.CycleStopped, false)
	cycle(t, d, "runbooks", day.Add(2*time.Hour), coc.CycleGood, true)
	cycle(t, d, "runbooks", day.Add(3*time.Hour), coc.CycleRunning, false)
	if c, err := d.NewestCycle(t.Context(), "runbooks", CycleQuery{Ended: true}); err != nil || c.Key != want ||
		c.Outcome != coc.CycleStopped {
		t.Errorf("NewestCycle = %+v, %v, want the stopped cycle %d", c, err, want)
	}
}

// Fault: documents that no watch follows any more counted as pending permanently.
func TestOutstandingIsWhatAWatchFollows(t *testing.T) {
	d, _ := open(t)
	s := step("DM1", "a\n")
	s.Versions = append(s.Versions, coc.VersionStep{Listed: coc.Listed{Label: "v0"}, State: coc.Pending})
	commit(t, d, s)
	follow(t, d, "runbooks", day, true, "DM1", "DM2")
	count := func(documents, versions int) {
		t.Helper()
		gotDocuments, gotVersions, err := d.Outstanding(t.Context(), day.Add(time.Hour))
		if err != nil || gotDocuments != documents || gotVersions != versions {
			t.Errorf("Outstanding = %d, %d, %v, want %d and %d", gotDocuments, gotVersions, err, documents, versions)
		}
	}
	count(1, 1)
	if err := d.Leave(t.Context(), "prod", "runbooks", []string{"DM1", "DM2"}, day); err != nil {
		t.Fatal(err)
	}
	count(0, 0)
}
