package daemon

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/syncer"
)

// wall is a wall clock that can be stepped; the monotonic one is the bubble's.
type wall struct{ step atomic.Int64 }

func (w *wall) now() time.Time { return time.Now().Add(time.Duration(w.step.Load())).Round(0) }

// timed is what a stepped daemon did, by the time since it began.
type timed struct {
	cycles, weekly, verified, stepped []time.Duration
	log                               string
}

// stepped runs a daemon for total, and steps its clock after a while.
func stepped(t *testing.T, spec string, after, step, total time.Duration) (got timed) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var w wall
		begun := time.Now()
		note := func(list *[]time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			*list = append(*list, time.Since(begun))
		}
		r := &recorder{do: func(context.Context, int) { note(&got.cycles) }}
		var log bytes.Buffer
		d := &Daemon{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: w.now,
			Load: func(context.Context) (*Set, error) {
				return &Set{Watches: []syncer.Watch{{Name: "w", Schedule: every(t, spec)}}, Cycle: r.cycle,
					Notices: func(context.Context) error { note(&got.weekly); return nil }}, nil
			},
			Verify:  func(context.Context) error { note(&got.verified); return nil },
			Stepped: func() { note(&got.stepped) },
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx, nil, nil) }()
		time.Sleep(after)
		w.step.Add(int64(step))
		time.Sleep(total - after)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		got.log = log.String()
	})
	return got
}

// A clock that stepped back by two hours ran no cycle for two hours: the time of the next
// one was kept as wall time. An interval continues over a step in either direction, and
// so does the hourly work.
func TestIntervalContinuesOverAClockStep(t *testing.T) {
	hours := func(n int) (list []time.Duration) {
		for i := range n {
			list = append(list, time.Duration(i)*time.Hour)
		}
		return list
	}
	for _, step := range []time.Duration{-2 * time.Hour, 2 * time.Hour, -400 * 24 * time.Hour, 90 * time.Second} {
		got := stepped(t, "@every 5m", 12*time.Minute, step, 3*time.Hour+time.Minute)
		if len(got.cycles) != 37 {
			t.Errorf("step %v: %d cycles in three hours, want 37: %v", step, len(got.cycles), got.cycles)
		}
		if !slices.Equal(got.weekly, hours(4)) || !slices.Equal(got.verified, hours(4)[1:]) {
			t.Errorf("step %v: weekly at %v, verified at %v, want each hour", step, got.weekly, got.verified)
		}
		if want := "step=" + step.String(); strings.Count(got.log, "clock stepped") != 1 || !strings.Contains(got.log, want) {
			t.Errorf("step %v: the log says not once that it was %s: %s", step, want, got.log)
		}
		// The age of the write-ahead log, computed with the new time, was a problem for a minute.
		if len(got.stepped) != 1 || got.stepped[0] > 12*time.Minute+clockEvery {
			t.Errorf("step %v: reported at %v, want once, within %v of it", step, got.stepped, clockEvery)
		}
	}
}

// A schedule of times of day follows the new time: what was due meanwhile runs promptly,
// what is due later runs at its new time.
func TestTimeOfDayFollowsAClockStep(t *testing.T) {
	const minute = time.Minute
	for _, tt := range []struct {
		name        string
		spec        string // the bubble begins at midnight UTC
		after, step time.Duration
		want        []time.Duration // without the one at the start, to the ten seconds of a comparison
	}{
		{"back, the hour repeats", "0 * * * *", 90 * minute, -2 * time.Hour,
			[]time.Duration{60 * minute, 120 * minute, 180 * minute, 240 * minute}},
		{"back to half past", "0 * * * *", 80 * minute, -50 * minute, []time.Duration{60 * minute, 110 * minute, 170 * minute, 230 * minute}},
		{"forward over the time", "30 2 * * *", 60 * minute, 2 * time.Hour, []time.Duration{60 * minute}},
		{"forward, still before it", "30 2 * * *", 60 * minute, time.Hour, []time.Duration{90 * minute}},
		{"back before it", "30 2 * * *", 60 * minute, -30 * minute, []time.Duration{180 * minute}},
		{"too little to matter", "0 * * * *", 90 * minute, -50 * time.Second,
			[]time.Duration{60 * minute, 120*minute + 50*time.Second, 180*minute + 50*time.Second, 240*minute + 50*time.Second}},
	} {
		got := stepped(t, "TZ=UTC "+tt.spec, tt.after, tt.step, 245*minute)
		near := func(a, b time.Duration) bool { return a >= b && a-b <= clockEvery }
		if len(got.cycles) == 0 || !slices.EqualFunc(got.cycles[1:], tt.want, near) {
			t.Errorf("%s: cycles at %v, want the start and %v", tt.name, got.cycles, tt.want)
		}
		if logged := strings.Contains(got.log, "clock stepped"); logged != (tt.step.Abs() > maxStep) {
			t.Errorf("%s: the log is %q", tt.name, got.log)
		}
	}
}

// The end of the background work was a time of the wall clock: a clock that stepped back
// during a cycle gave it hours, in which no cycle could begin.
func TestUntilIsMonotonic(t *testing.T) {
	for _, spec := range []string{"@every 5m", "*/5 * * * *"} {
		now := time.Now()
		e := &entry{Watch: syncer.Watch{Schedule: every(t, spec)}}
		until := e.until(now)
		if left := until.Sub(now); !strings.Contains(until.String(), " m=") || left <= 0 || left > 5*time.Minute {
			t.Errorf("%s: until(%v) = %v, want at most five minutes later, with a monotonic reading", spec, now, until)
		}
	}
}

// A cycle that was due while the clock was being stepped is not lost, and one that runs
// is neither ended nor doubled.
func TestClockStepDuringACycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wall
		running, most := 0, 0
		r := &recorder{do: func(ctx context.Context, n int) {
			running++
			most = max(most, running)
			if n == 2 {
				w.step.Add(int64(-2 * time.Hour))
				time.Sleep(12 * time.Minute)
			}
			if ctx.Err() != nil {
				t.Error("a step ended the cycle")
			}
			running--
		}}
		ctx, cancel := context.WithCancel(t.Context())
		d := &Daemon{Log: slog.New(slog.DiscardHandler), Now: w.now, Load: func(context.Context) (*Set, error) {
			return &Set{Watches: []syncer.Watch{{Name: "w", Schedule: every(t, "@every 5m")}}, Cycle: r.cycle}, nil
		}}
		done := make(chan error)
		go func() { done <- d.Run(ctx, nil, nil) }()
		time.Sleep(31 * time.Minute) // cycles at 0, 5 to 17, 20, 25, 30
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		if len(r.calls) != 5 || most != 1 {
			t.Errorf("%d cycles, %d at once, want 5, one at a time", len(r.calls), most)
		}
	})
}
