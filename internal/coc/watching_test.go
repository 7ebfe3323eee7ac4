package coc

import (
	"testing"
	"time"
)

// A watch is stale before its first good cycle, after three failures in a row, and an
// hour after the next good one should have been, however seldom it runs.
func TestStale(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const often, daily = 5 * time.Minute, 24 * time.Hour
	for _, test := range []struct {
		name  string
		state WatchState
		want  string
	}{
		{"never", WatchState{}, "no cycle was good so far"},
		{"never, and it fails", WatchState{FailedInARow: 7, FailingSince: ago(daily)}, "no cycle was good so far"},
		{"just good", WatchState{LastGoodAt: ago(time.Minute), Pause: often}, ""},
		{"good so far ago as may be", WatchState{LastGoodAt: ago(often + BrokenWithout - 1), Pause: often}, ""},
		{"good too long ago", WatchState{LastGoodAt: ago(often + BrokenWithout), Pause: often},
			"no cycle was good for too long; the last good one ended at 2026-06-01T10:55:00Z"},
		{"a daily one, good yesterday", WatchState{LastGoodAt: ago(daily), Pause: daily}, ""},
		{"a daily one that did not run", WatchState{LastGoodAt: ago(daily + BrokenWithout), Pause: daily},
			"no cycle was good for too long; the last good one ended at 2026-05-31T11:00:00Z"},
		{"ran once", WatchState{LastGoodAt: ago(2 * BrokenWithout)}, ""},
		{"ran once, long ago", WatchState{LastGoodAt: ago(2 * daily)},
			"no cycle was good for too long; the last good one ended at 2026-05-30T12:00:00Z"},
		{"two failures", WatchState{LastGoodAt: ago(3 * often), Pause: often, FailedInARow: 2, FailingSince: ago(2 * often)}, ""},
		{"three failures", WatchState{LastGoodAt: ago(4 * often), Pause: often, FailedInARow: 3, FailingSince: ago(3 * often)},
			"the last 3 cycles failed; the last good one ended at 2026-06-01T11:40:00Z"},
		{"a daily one that failed an hour ago", WatchState{LastGoodAt: ago(daily), Pause: daily, FailedInARow: 1, FailingSince: ago(BrokenWithout)},
			"no cycle was good for too long; the last good one ended at 2026-05-31T12:00:00Z"},
		{"a clock that was set back", WatchState{LastGoodAt: now.Add(daily), Pause: often}, ""},
	} {
		if got := test.state.Stale(now); got != test.want {
			t.Errorf("%s: Stale() = %q, want %q", test.name, got, test.want)
		}
	}
}
