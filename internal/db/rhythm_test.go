package db

import (
	"testing"
	"time"

	"cocsync/internal/coc"
)

// The rhythm of a watch is the longest pause before which no cycle was missed: an
// outage is none of it.
func TestRhythm(t *testing.T) {
	d, _ := open(t) // its cycle began at day
	state := func() coc.WatchState {
		t.Helper()
		s, err := d.Watch(t.Context(), "runbooks")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := state(); s.Pause != 0 || s.Retired {
		t.Errorf("a watch in its first cycle has %+v, want no pause, and not retired", s)
	}
	follow(t, d, "runbooks", day, true, "DM1")
	cycle(t, d, "runbooks", day.Add(10*time.Minute), coc.Good, false)
	cycle(t, d, "runbooks", day.Add(15*time.Minute), coc.Good, false)
	cycle(t, d, "runbooks", day.Add(15*time.Hour), coc.Good, true)
	if s := state(); s.Pause != 10*time.Minute {
		t.Errorf("Pause = %v, want that of the first two whole cycles, 10 minutes", s.Pause)
	}
	late, err := d.Begin(t.Context(), coc.Cycle{Watch: "runbooks", Account: "prod", Trigger: coc.TriggerStart, StartedAt: day.Add(16 * time.Hour), Missed: 190})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.End(t.Context(), coc.Cycle{ID: late, Watch: "runbooks", EndedAt: day.Add(17 * time.Hour), Outcome: coc.Good}, nil); err != nil {
		t.Fatal(err)
	}
	if s := state(); s.Pause != 10*time.Minute || s.Retired {
		t.Errorf("after an outage Pause = %v, retired %t, want 10 minutes as before, and not retired", s.Pause, s.Retired)
	}
	if err := d.Retire(t.Context(), nil, day.Add(18*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s := state(); !s.Retired {
		t.Error("a watch that the configuration no longer names is not retired")
	}
}
