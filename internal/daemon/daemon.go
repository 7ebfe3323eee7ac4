// Package daemon runs watches on their schedules, runs the senders, reloads the
// configuration, and shuts down cleanly. Package syncer runs a cycle; cmd builds the
// parts.
package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"cocsync/internal/coc"
	"cocsync/internal/syncer"
)

// Set is what one configuration runs.
type Set struct {
	Watches []syncer.Watch // each with a schedule
	Cycle   func(context.Context, syncer.Watch, syncer.Options) (coc.Cycle, error)
	Send    func(context.Context) // sends what is due until the context ends
	// Witness has the logs cosigned until the context ends; may be nil.
	Witness func(context.Context)
	// Erase erases what is requested until the context ends; may be nil.
	Erase func(context.Context)
	// Notices queues the weekly notice and the daily checkpoint. It is called at the start and every
	// hour, and decides whether they are due; may be nil.
	Notices func(context.Context) error
}

// Daemon runs watches until its context ends.
type Daemon struct {
	// Load loads the configuration. It is called at the start and at each reload.
	Load   func(context.Context) (*Set, error)
	Log    *slog.Logger
	Now    func() time.Time // the wall clock; nil: time.Now
	Jitter time.Duration    // each scheduled cycle is delayed by up to this
	// Verify verifies the archive. It is called every hour, and decides whether it is due;
	// an error ends the daemon, because nothing must be written to a bad archive. May be
	// nil.
	Verify func(context.Context) error
	// Notify sends the daemon's state to the service manager, see
	// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html; may be nil.
	Notify func(state string)
	// Alive is how often Notify is called to say that the daemon works; 0 for never. It is
	// called from the daemon's loop after Pulse has returned, so not if either hangs.
	Alive time.Duration
	// Pulse returns once the archive has responded, with an error or not; may be nil.
	Pulse func(context.Context)
	// Stepped is called after a step of the wall clock was detected; may be nil.
	Stepped func()
}

// margin is how long before the next cycle the background work ends: a tenth of the pause
// between cycles, and at most this.
const margin = 5 * time.Second

// hourly is how often the notices and the verification are checked.
const hourly = time.Hour

// Run runs every watch at once and then on its schedule, until ctx ends. A value from
// reload reloads the configuration; one from wake runs every watch. It returns when the
// current documents are stored.
func (d *Daemon) Run(ctx context.Context, reload, wake <-chan struct{}) error {
	set, err := d.Load(ctx)
	if err != nil {
		return err
	}
	for err == nil && ctx.Err() == nil {
		set, err = d.serve(ctx, set, reload, wake)
	}
	return err
}

// service is a running set.
type service struct {
	*Daemon
	set     *Set
	entries []*entry
	running sync.WaitGroup
	alive   chan struct{} // receives while the daemon works; see beat
}

// serve runs one set until the context ends or a reload returns another set, which it
// returns. An error is the archive's, and ends the daemon.
func (d *Daemon) serve(parent context.Context, set *Set, reload, wake <-chan struct{}) (*Set, error) {
	ctx, stop := context.WithCancelCause(parent)
	s := &service{Daemon: d, set: set, alive: make(chan struct{})}
	defer s.running.Wait()
	defer stop(nil)
	s.start(ctx, stop)
	for {
		select {
		case <-ctx.Done():
			d.notify("STOPPING=1")
			if parent.Err() == nil { // Verify stopped it
				return nil, context.Cause(ctx)
			}
			return set, nil
		case <-s.alive:
			d.notify("WATCHDOG=1")
		case <-wake:
			s.runAll(ctx, coc.TriggerSignal)
		case <-reload:
			if next, ok := s.reload(ctx); ok {
				return next, nil
			}
		}
	}
}

// start starts everything that runs for the set until ctx ends.
func (s *service) start(ctx context.Context, stop context.CancelCauseFunc) {
	var tasks []*task
	for _, w := range s.set.Watches {
		e := &entry{Watch: w, d: s.Daemon, cycle: s.set.Cycle, turn: make(chan struct{}, 1)}
		s.entries = append(s.entries, e)
		tasks = append(tasks, &task{schedule: w.Schedule, run: func() { e.scheduled(ctx) }})
	}
	if s.set.Send != nil {
		s.running.Go(func() { s.set.Send(ctx) })
	}
	if s.set.Witness != nil {
		s.running.Go(func() { s.set.Witness(ctx) })
	}
	if s.set.Erase != nil {
		s.running.Go(func() { s.set.Erase(ctx) })
	}
	if s.set.Notices != nil {
		notices := func() {
			if err := s.guarded(ctx, s.set.Notices); err != nil {
				s.Log.Error("weekly notice or daily checkpoint not queued", "err", err) // it is tried again in an hour
			}
		}
		s.running.Go(notices)
		tasks = append(tasks, &task{schedule: cron.Every(hourly), run: notices})
	}
	if s.Verify != nil {
		tasks = append(tasks, &task{schedule: cron.Every(hourly), run: func() {
			if err := s.guarded(ctx, s.Verify); err != nil {
				stop(err)
			}
		}})
	}
	s.running.Go(func() { s.keep(ctx, &s.running, tasks) })
	s.Log.Info("watching", "watches", len(s.set.Watches))
	s.ready("")
	s.runAll(ctx, coc.TriggerStart)
	s.running.Go(func() { s.beat(ctx) })
}

// runAll runs a cycle of every watch.
func (s *service) runAll(ctx context.Context, why coc.Trigger) {
	for _, e := range s.entries {
		s.running.Go(func() { e.demand(ctx, why) })
	}
}

// reload loads the configuration; ok is false if that fails, and the old set stays.
func (s *service) reload(ctx context.Context) (next *Set, ok bool) {
	s.notify("RELOADING=1")
	next, err := s.Load(ctx)
	if err != nil {
		s.ready("; the configuration was not reloaded, the log says why")
		s.Log.Error("configuration not reloaded, the previous one remains in use", "err", err)
		return nil, false
	}
	s.Log.Info("configuration reloaded", "watches", len(next.Watches))
	return next, true
}

// guarded calls f and returns its error, or a panic as one; nil if ctx has ended.
func (s *service) guarded(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			s.Log.Error("hourly work panicked", "err", err, "stack", string(debug.Stack()))
		}
	}()
	if err = f(ctx); ctx.Err() != nil {
		return nil
	}
	return err
}

func (d *Daemon) notify(state string) {
	if d.Notify != nil {
		d.Notify(state)
	}
}

// ready reports that the set runs, with a note.
func (s *service) ready(note string) {
	s.notify(fmt.Sprintf("READY=1\nSTATUS=watches: %d%s", len(s.set.Watches), note))
}

// beat sends to alive every Alive, after Pulse has returned. The first time is at once,
// so that several reloads cause no gap.
func (s *service) beat(ctx context.Context) {
	for s.Alive > 0 {
		next := time.After(s.Alive)
		if s.Pulse != nil {
			s.Pulse(ctx)
		}
		select {
		case s.alive <- struct{}{}:
		case <-ctx.Done():
			return
		}
		select {
		case <-next:
		case <-ctx.Done():
			return
		}
	}
}
