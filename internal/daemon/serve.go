package daemon

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"cocsync/internal/coc"
)

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
	for _, j := range s.set.Jobs {
		e := &entry{Job: j, d: s.Daemon, cycle: s.set.Cycle, turn: make(chan struct{}, 1)}
		s.entries = append(s.entries, e)
		tasks = append(tasks, &task{schedule: j.Schedule, run: func() { e.scheduled(ctx) }})
	}
	if s.set.Send != nil {
		s.running.Go(func() { s.set.Send(ctx) })
	}
	if s.set.Weekly != nil {
		weekly := func() {
			if err := s.guarded(ctx, s.set.Weekly); err != nil {
				s.Log.Error("weekly notice not queued", "err", err) // it is tried again in an hour
			}
		}
		s.running.Go(weekly)
		tasks = append(tasks, &task{schedule: cron.Every(hourly), run: weekly})
	}
	if s.Verify != nil {
		tasks = append(tasks, &task{schedule: cron.Every(hourly), run: func() {
			if err := s.guarded(ctx, s.Verify); err != nil {
				stop(err)
			}
		}})
	}
	s.running.Go(func() { s.keep(ctx, &s.running, tasks) })
	s.Log.Info("watching", "watches", len(s.set.Jobs))
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
	s.Log.Info("configuration reloaded", "watches", len(next.Jobs))
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
	s.notify(fmt.Sprintf("READY=1\nSTATUS=watches: %d%s", len(s.set.Jobs), note))
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
