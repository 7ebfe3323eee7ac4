package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/syncer"
)

// listener records the states that a daemon reports.
type listener struct {
	mu     sync.Mutex
	states []string
}

func (l *listener) report(state string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states = append(l.states, state)
}

// take returns the states reported since the last call.
func (l *listener) take() []string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.states = nil }()
	return l.states
}

// The service manager is notified when the daemon is ready, when it reloads and with what
// result, that it works, and when it ends.
func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r, reload := &listener{}, &recorder{}, make(chan struct{})
		var fault error
		d := &Daemon{Log: slog.New(slog.DiscardHandler), Alive: 30 * time.Second, Notify: l.report,
			Load: func(context.Context) (*Set, error) {
				return &Set{Watches: []syncer.Watch{{Name: "w", Schedule: every(t, "@every 5m")}}, Cycle: r.cycle}, fault
			}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx, reload, nil) }()
		const ready, alive = "READY=1\nSTATUS=watches: 1", "WATCHDOG=1"
		want := func(when string, want ...string) {
			t.Helper()
			if got := l.take(); !slices.Equal(got, want) {
				t.Errorf("%s it reports %q, want %q", when, got, want)
			}
		}
		want("at the start", ready, alive)
		time.Sleep(61 * time.Second)
		want("in a minute", alive, alive)
		reload <- struct{}{}
		want("at a reload", "RELOADING=1", ready, alive)
		fault = errors.New("bad")
		reload <- struct{}{}
		want("at a reload of a bad file", "RELOADING=1", ready+"; the configuration was not reloaded, the log says why")
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		want("at the end", "STOPPING=1")
	})
}

// A daemon whose archive no longer responds sends nothing, so that it is restarted, even if
// its own loop runs; when the archive responds again it does.
func TestHangingIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, hangs := &listener{}, make(chan struct{})
		pulses := 0
		d := &Daemon{Log: slog.New(slog.DiscardHandler), Alive: 30 * time.Second, Notify: l.report,
			Load: func(context.Context) (*Set, error) { return &Set{}, nil },
			Pulse: func(context.Context) {
				if pulses++; pulses == 3 {
					<-hangs
				}
			}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx, nil, nil) }()
		time.Sleep(45 * time.Second)
		if got := l.take(); len(got) != 3 { // that it is ready, and twice that it works
			t.Errorf("before it hangs it reports %q", got)
		}
		time.Sleep(time.Hour)
		if got := l.take(); len(got) > 0 {
			t.Errorf("while it hangs it reports %q", got)
		}
		close(hangs)
		time.Sleep(time.Minute)
		if got := l.take(); len(got) == 0 {
			t.Error("it responds again and reports nothing")
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

// The logs are cosigned while the daemon runs, until it ends or reloads.
func TestWitness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running, starts, reload := 0, 0, make(chan struct{})
		d := &Daemon{Log: slog.New(slog.DiscardHandler), Load: func(context.Context) (*Set, error) {
			return &Set{Watches: []syncer.Watch{{Name: "w", Schedule: every(t, "@every 5m")}}, Cycle: (&recorder{}).cycle,
				Witness: func(ctx context.Context) {
					running, starts = running+1, starts+1
					<-ctx.Done()
					running--
				}}, nil
		}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx, reload, nil) }()
		synctest.Wait()
		reload <- struct{}{}
		synctest.Wait()
		if running != 1 || starts != 2 {
			t.Errorf("%d run after %d starts, want 1 after 2", running, starts)
		}
		cancel()
		if err := <-done; err != nil || running != 0 {
			t.Errorf("Run = %v, and %d run", err, running)
		}
	})
}
