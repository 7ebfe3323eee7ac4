package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/robfig/cron/v3"

	"cocsync/internal/coc"
	"cocsync/internal/syncer"
)

// recorder is a syncer that notes when cycles began and what they were given.
type recorder struct {
	mu    sync.Mutex
	calls []syncer.Options
	at    []time.Time
	do    func(ctx context.Context, n int)
}

func (r *recorder) cycle(ctx context.Context, w syncer.Watch, o syncer.Options) (coc.Cycle, error) {
	r.mu.Lock()
	r.calls = append(r.calls, o)
	r.at = append(r.at, time.Now())
	n := len(r.calls)
	r.mu.Unlock()
	if r.do != nil {
		r.do(ctx, n)
	}
	return coc.Cycle{}, nil
}

func (r *recorder) triggers() (list []coc.Trigger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.calls {
		list = append(list, o.Trigger)
	}
	return list
}

func every(t *testing.T, spec string) cron.Schedule {
	t.Helper()
	s, err := cron.ParseStandard(spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs a daemon with one watch until the test ends.
func start(t *testing.T, r *recorder, spec string, reload, wake chan struct{}, load func() error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	d := &Daemon{Log: slog.New(slog.DiscardHandler), Load: func(context.Context) (*Set, error) {
		if load != nil {
			if err := load(); err != nil {
				return nil, err
			}
		}
		return &Set{Watches: []syncer.Watch{{Name: "w", Schedule: every(t, spec)}}, Cycle: r.cycle}, nil
	}}
	done := make(chan error)
	go func() { done <- d.Run(ctx, reload, wake) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
}

func TestCyclesRunAtStartOnScheduleAndOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, wake := &recorder{}, make(chan struct{})
		stop := start(t, r, "@every 5m", nil, wake, nil)
		time.Sleep(11 * time.Minute)
		wake <- struct{}{}
		synctest.Wait()
		stop()
		want := []coc.Trigger{coc.TriggerStart, coc.TriggerSchedule, coc.TriggerSchedule, coc.TriggerSignal}
		if got := r.triggers(); !slices.Equal(got, want) {
			t.Errorf("triggers %q, want %q", got, want)
		}
		if until := r.calls[1].Until; !until.After(r.at[1]) || until.After(r.at[1].Add(5*time.Minute)) {
			t.Errorf("history may continue until %v after the start, want less than the pause between cycles", until.Sub(r.at[1]))
		}
	})
}

// A cycle that outlasts its pause is not run twice at once.
func TestLongCycleIsNotDoubled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running, most := 0, 0
		r := &recorder{}
		r.do = func(ctx context.Context, n int) {
			running++
			most = max(most, running)
			time.Sleep(12 * time.Minute)
			running--
		}
		stop := start(t, r, "@every 5m", nil, nil, nil)
		time.Sleep(time.Hour)
		stop()
		if most != 1 || len(r.calls) < 3 {
			t.Errorf("%d cycles, %d at once, want several, one at a time", len(r.calls), most)
		}
	})
}

// Someone who requests a cycle while one runs may have changed what that one has read
// already: another one follows it, and one serves all requests.
func TestDemandDuringACycleIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, wake := &recorder{}, make(chan struct{})
		r.do = func(ctx context.Context, n int) { time.Sleep(time.Minute) }
		stop := start(t, r, "@every 1h", nil, wake, nil)
		for range 3 {
			time.Sleep(10 * time.Second)
			wake <- struct{}{}
		}
		time.Sleep(10 * time.Minute)
		stop()
		want := []coc.Trigger{coc.TriggerStart, coc.TriggerSignal}
		if got := r.triggers(); !slices.Equal(got, want) {
			t.Errorf("triggers %q, want %q", got, want)
		}
	})
}

// A panic in one cycle must not end the watch.
func TestPanicEndsOneCycleOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		r.do = func(ctx context.Context, n int) {
			if n == 2 {
				panic("boom")
			}
		}
		stop := start(t, r, "@every 5m", nil, nil, nil)
		time.Sleep(21 * time.Minute)
		stop()
		if len(r.calls) != 5 {
			t.Errorf("%d cycles, want 5", len(r.calls))
		}
	})
}

// A reload that succeeds replaces the old configuration; after a failed one it continues.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, reload, loads := &recorder{}, make(chan struct{}), 0
		stop := start(t, r, "@every 1h", reload, nil, func() error {
			if loads++; loads == 2 {
				return errors.New("bad file")
			}
			return nil
		})
		for range 2 {
			synctest.Wait()
			reload <- struct{}{}
		}
		synctest.Wait()
		time.Sleep(61 * time.Minute)
		stop()
		want := []coc.Trigger{coc.TriggerStart, coc.TriggerStart, coc.TriggerSchedule}
		if got := r.triggers(); !slices.Equal(got, want) {
			t.Errorf("triggers %q, want %q", got, want)
		}
	})
}

// A stop waits for the cycle to finish the current document.
func TestStopWaitsForTheCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finished := false
		r := &recorder{do: func(ctx context.Context, n int) {
			<-ctx.Done()
			time.Sleep(2 * time.Second) // the current document
			finished = true
		}}
		stop := start(t, r, "@every 5m", nil, nil, nil)
		synctest.Wait()
		stop()
		if !finished {
			t.Error("Run returned before the cycle did")
		}
	})
}

// Notices is called at the start and every hour, and neither an error nor a panic in it stops
// anything.
func TestNoticesAreCalledHourlyAndStopNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, began := &recorder{}, time.Now()
		var mu sync.Mutex
		var calls []time.Duration
		d := &Daemon{Log: slog.New(slog.DiscardHandler), Load: func(context.Context) (*Set, error) {
			return &Set{Watches: []syncer.Watch{{Name: "w", Schedule: every(t, "@every 1h")}}, Cycle: r.cycle, Notices: func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, time.Since(began))
				if len(calls) == 2 {
					panic("boom")
				}
				return errors.New("disk full")
			}}, nil
		}}
		done := make(chan error)
		go func() { done <- d.Run(ctx, nil, nil) }()
		time.Sleep(3*time.Hour + time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		if want := []time.Duration{0, time.Hour, 2 * time.Hour, 3 * time.Hour}; !slices.Equal(calls, want) {
			t.Errorf("calls after %v, want %v", calls, want)
		}
		if len(r.calls) != 4 {
			t.Errorf("%d cycles, want 4", len(r.calls))
		}
	})
}

// Nothing more is written to an archive that was altered: the current cycle ends, and so
// does the daemon, with the reason.
func TestAnAlteredArchiveEndsTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		altered := errors.New("altered")
		var calls atomic.Int32
		r := &recorder{}
		d := &Daemon{Log: slog.New(slog.DiscardHandler),
			Load: func(context.Context) (*Set, error) {
				return &Set{Watches: []syncer.Watch{{Name: "w", Schedule: every(t, "@every 5m")}}, Cycle: r.cycle}, nil
			},
			Verify: func(context.Context) error {
				if calls.Add(1) < 3 {
					return nil
				}
				return altered
			},
		}
		begun := time.Now()
		if err := d.Run(t.Context(), nil, nil); !errors.Is(err, altered) {
			t.Errorf("Run = %v, want %v", err, altered)
		}
		if after := time.Since(begun); after != 3*time.Hour || len(r.triggers()) < 30 {
			t.Errorf("it ended after %v and %d cycles, want 3h", after, len(r.triggers()))
		}
	})
}
