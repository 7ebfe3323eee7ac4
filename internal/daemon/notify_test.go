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

// listener hears what a daemon tells of itself.
type listener struct {
	mu   sync.Mutex
	told []string
}

func (l *listener) hear(state string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, state)
}

// heard returns what was told since it was last asked.
func (l *listener) heard() []string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.told = nil }()
	return l.told
}

// Whoever started the daemon hears when it is ready, when it reloads and how that went,
// that it lives, and when it ends.
func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r, reload := &listener{}, &recorder{}, make(chan struct{})
		var fault error
		d := &Daemon{Log: slog.New(slog.DiscardHandler), Alive: 30 * time.Second, Notify: l.hear,
			Load: func(context.Context) (*Set, error) {
				return &Set{Jobs: []Job{{syncer.Watch{Name: "w"}, every(t, "@every 5m")}}, Cycle: r.cycle}, fault
			}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx, reload, nil) }()
		const ready, alive = "READY=1\nSTATUS=watches: 1", "WATCHDOG=1"
		want := func(when string, want ...string) {
			t.Helper()
			if got := l.heard(); !slices.Equal(got, want) {
				t.Errorf("%s it tells %q, want %q", when, got, want)
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

// A daemon whose archive no longer answers is silent, so that it is started anew,
// however well its own loop turns; one that answers again is not.
func TestHangingIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, hangs := &listener{}, make(chan struct{})
		pulses := 0
		d := &Daemon{Log: slog.New(slog.DiscardHandler), Alive: 30 * time.Second, Notify: l.hear,
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
		if got := l.heard(); len(got) != 3 { // that it is ready, and twice that it lives
			t.Errorf("before it hangs it tells %q", got)
		}
		time.Sleep(time.Hour)
		if got := l.heard(); len(got) > 0 {
			t.Errorf("while it hangs it tells %q", got)
		}
		close(hangs)
		time.Sleep(time.Minute)
		if got := l.heard(); len(got) == 0 {
			t.Error("it answers again and tells nothing")
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
