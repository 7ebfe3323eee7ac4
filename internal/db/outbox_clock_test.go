package db

import (
	"testing"
	"time"

	"cocsync/internal/coc"
)

// Fault: after the clock was set back, alerts were delayed by the size of the step. Times too far
// in the future and messages without an attempt are due.
func TestOutboxAfterAClockStep(t *testing.T) {
	for _, back := range []time.Duration{10 * time.Minute, 2 * time.Hour, 400 * 24 * time.Hour} {
		d, cycle := open(t)
		first, second := step("DM1", "a\n"), step("DM2", "b\n")
		first.Cycle, second.Cycle = cycle, cycle
		commit(t, d, first, second)
		now := day.Add(-back)
		due, err := d.Due(t.Context(), "ops", now, nil, 10)
		if err != nil || len(due) != 2 {
			t.Fatalf("%v back: Due = %d deliveries, %v, want 2", back, len(due), err)
		}
		if list, err := d.Due(t.Context(), "ops", now, []coc.Kind{coc.KindNew}, 10); err != nil || len(list) != 2 {
			t.Errorf("%v back: Due of new documents = %d deliveries, %v, want 2", back, len(list), err)
		}
		freeze(t, d, day, due...)
		m, ok, _, err := d.Next(t.Context(), "ops", now)
		if err != nil || !ok {
			t.Fatalf("%v back: Next = %v, %v, want a message that was never tried", back, ok, err)
		}
		m.Attempts, m.NextAt = 1, day.Add(time.Minute)
		if err := d.RecordAttempt(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		next, ok, _, err := d.Next(t.Context(), "ops", now)
		if want := back < maxNextIn; err != nil || !ok || (next.ID != m.ID) != want {
			t.Errorf("%v back: Next = message %d, %v, %v; it is the one that failed: want %v", back, next.ID, ok, err, !want)
		}
	}
}
