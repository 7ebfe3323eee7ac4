package db

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
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
		c := coc.Cycle{Key: id, Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSync, StartedAt: day,
			EndedAt: day.Add(time.Minute), Outcome: coc.CycleGood}
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

// Fault: the cycle after one that another program had inserted failed with "UNIQUE constraint failed"
// and status 1, again and again.
func TestRowThatWasNotCounted(t *testing.T) {
	d, _ := open(t)
	other, err := sql.Open("sqlite", "file:"+strings.NewReplacer("?", "%3f", "#", "%23", "%", "%25").Replace(d.path))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Exec(`INSERT INTO cycles (account_id, id, watch, cause, started_at, partial, outcome)
		SELECT account_id, id + 1, watch, cause, started_at, partial, 'good' FROM cycles`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := d.Begin(t.Context(), coc.Cycle{Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: day})
		const want = "the table cycles has the row 2 of account prod, and cocsync has counted 1"
		if !errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), want) || !strings.Contains(hint.Of(err), "cocsync verify") {
			t.Errorf("Begin = %v (%s), want an ErrAltered with %q", err, hint.Of(err), want)
		}
	}
}
