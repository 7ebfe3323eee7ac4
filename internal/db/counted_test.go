package db

import (
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
)

// A good cycle is recorded after an hour, also if no other cycle follows.
func TestGoodCycleIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, id := open(t)
		records := func() int {
			n, err := first[int](d.reading(t.Context(), "coverages"), `SELECT count(*) FROM coverages WHERE type = 'coverage'`)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		c := coc.Cycle{Key: id, Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSync, StartedAt: day, EndedAt: day.Add(time.Minute), Outcome: coc.CycleGood}
		if err := d.End(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
		if n := records(); n != 0 {
			t.Errorf("%d records at once, want none", n)
		}
		time.Sleep(RecordEvery) // in fake time
		synctest.Wait()
		if n := records(); n != 1 {
			t.Errorf("%d records after an hour, want one", n)
		}
	})
}
