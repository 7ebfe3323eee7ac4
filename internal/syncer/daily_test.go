package syncer

import (
	"testing"
	"time"
)

// The daily checkpoint is queued for the operators at once after the first cycle, and then about once a day;
// it wakes the sender. Notifiers of which the configuration says never get none.
func TestQueueCheckpoint(t *testing.T) {
	w := newWorld(t)
	pokes := 0
	w.s.DeliveriesDue = func() { pokes++ }
	queue := func(want int) {
		t.Helper()
		if err := w.s.QueueCheckpoint(t.Context()); err != nil || pokes != want {
			t.Errorf("at %v: QueueCheckpoint = %v, queued %d times, want %d", w.now, err, pokes, want)
		}
	}
	w.s.Checkpoints = []string{"oncall", "ops"}
	queue(0)
	w.coc.put("DM1", "a\n")
	w.cycle()
	pokes = 0 // for the alert
	w.s.Checkpoints = nil
	queue(0)
	w.s.Checkpoints = []string{"oncall", "ops"}
	queue(1)
	queue(1)
	due, err := w.db.Due(t.Context(), "oncall", w.now, nil, 10)
	if err != nil || len(due) != 1 || due[0].Notice == nil || due[0].Notice.Title != "Daily checkpoint" {
		t.Errorf("Due = %+v, %v, want the checkpoint", due, err)
	}
	w.now = w.now.Add(24*time.Hour - dayEarly)
	queue(1) // it is pending
}
