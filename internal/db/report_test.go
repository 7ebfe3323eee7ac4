package db

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

// CyclesWithin includes cycles that started before the period. FailuresWithin counts failures by
// the start of their cycle. Both ignore other watches; failures of partial cycles do not count.
func TestCyclesAndFailuresOfAPeriod(t *testing.T) {
	d, _ := open(t)
	at := func(minutes int) time.Time { return day.Add(time.Duration(minutes) * time.Minute) }
	for _, c := range []coc.Cycle{
		{Watch: "a", StartedAt: at(0), EndedAt: at(5)},
		{Watch: "a", StartedAt: at(8), EndedAt: at(12)},
		{Watch: "a", StartedAt: at(15), EndedAt: at(16)},
		{Watch: "a", StartedAt: at(17), EndedAt: at(18), Partial: true},
		{Watch: "b", StartedAt: at(15), EndedAt: at(16)},
		{Watch: "a", StartedAt: at(20), EndedAt: at(21)},
	} {
		c.Account, c.Trigger = "prod", coc.TriggerSchedule
		var err error
		if c.Key, err = d.Begin(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		c.Outcome, c.Requests, c.Failures = coc.CycleFailed, 1, []coc.Failure{{DocumentID: "DM1", Err: "cut"}, {DocumentID: "DM2", Err: "cut"}}
		if err := d.End(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
	}
	list, err := all(d.CyclesWithin(t.Context(), "a", "prod", at(10), at(20)))
	var got []string
	for _, c := range list {
		got = append(got, fmt.Sprintf("%v %t", c.StartedAt.Sub(day).Minutes(), c.Partial))
	}
	if diff := cmp.Diff([]string{"8 false", "15 false", "17 true"}, got); err != nil || diff != "" {
		t.Errorf("CyclesWithin: %v (-want +got):\n%s", err, diff)
	}
	failed, err := d.FailuresWithin(t.Context(), "a", "prod", at(10), at(20))
	if diff := cmp.Diff(map[string]int{"cut": 2}, failed); err != nil || diff != "" {
		t.Errorf("FailedWithin: %v (-want +got):\n%s", err, diff)
	}
	if got, err := d.LastRequestAt(t.Context(), "prod", at(22)); err != nil || !got.Equal(at(21)) {
		t.Errorf("LastAsked(prod) = %v, %v, want %v", got, err, at(21))
	}
	if got, err := d.LastRequestAt(t.Context(), "none", at(22)); err != nil || !got.IsZero() {
		t.Errorf("LastAsked(none) = %v, %v, want never", got, err)
	}
}
