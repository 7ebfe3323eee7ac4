package daemon

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/robfig/cron/v3"

	"cocsync/internal/coc"
)

// service is a running set.
type service struct {
	d        *Daemon
	set      *Set
	entries  []*entry
	running  sync.WaitGroup
	altered  chan error    // what is wrong with the archive
	answered chan struct{} // receives while the daemon works; see beat
}

// serve runs one set until the context ends or a reload returns another set, which it
// returns. An error is the archive's, and ends the daemon.
func (d *Daemon) serve(ctx context.Context, set *Set, reload, wake <-chan struct{}) (*Set, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &service{d: d, set: set, entries: d.entries(ctx, set), altered: make(chan error, 1), answered: make(chan struct{})}
	defer s.running.Wait()
	defer cancel()
	s.start(ctx)
	for {
		select {
		case <-ctx.Done():
			d.notify("STOPPING=1")
			return set, nil
		case <-s.answered:
			d.notify("WATCHDOG=1")
		case err := <-s.altered:
			d.notify("STOPPING=1")
			return nil, err
		case <-wake:
			s.runAll(coc.TriggerSignal)
		case <-reload:
			if next, ok := s.reload(ctx); ok {
				return next, nil
			}
		}
	}
}

// start starts everything that runs for the set until ctx ends.
func (s *service) start(ctx context.Context) {
	if s.set.Send != nil {
		s.running.Go(func() { s.set.Send(ctx) })
	}
	if s.set.Weekly != nil {
		s.running.Go(func() { s.weekly(ctx) })
	}
	s.running.Go(func() { s.d.keep(ctx, &s.running, s.tasks(ctx)) })
	s.d.Log.Info("watching", "watches", len(s.set.Jobs))
	s.d.ready(s.set, "")
	s.runAll(coc.TriggerStart)
	s.running.Go(func() { s.d.beat(ctx, s.answered) })
}

// runAll runs a cycle of every watch.
func (s *service) runAll(why coc.Trigger) {
	for _, e := range s.entries {
		s.running.Go(e.recovers(cron.FuncJob(func() { e.demand(why) })).Run)
	}
}

// reload loads the configuration; ok is false if that fails, and the old set stays.
func (s *service) reload(ctx context.Context) (next *Set, ok bool) {
	s.d.notify("RELOADING=1")
	next, err := s.d.Load(ctx)
	if err != nil {
		s.d.ready(s.set, "; the configuration was not reloaded, the log says why")
		s.d.Log.Error("configuration not reloaded, the previous one remains in use", "err", err)
		return nil, false
	}
	s.d.Log.Info("configuration reloaded", "watches", len(next.Jobs))
	return next, true
}

// entries returns the jobs of a set.
func (d *Daemon) entries(ctx context.Context, set *Set) (list []*entry) {
	for _, j := range set.Jobs {
		list = append(list, &entry{d: d, ctx: ctx, set: set, job: j, turn: make(chan struct{}, 1),
			recovers: cron.Recover(cronLog{d.Log.With("watch", j.Watch.Name)})})
	}
	return list
}

// tasks returns what runs on a schedule: the entries, and the hourly work.
func (s *service) tasks(ctx context.Context) (list []*task) {
	for _, e := range s.entries {
		list = append(list, &task{schedule: e.job.Schedule, run: e.recovers(e).Run})
	}
	if s.set.Weekly != nil {
		list = append(list, &task{schedule: cron.Every(hourly), run: func() { s.weekly(ctx) }})
	}
	if s.d.Verify != nil {
		list = append(list, &task{schedule: cron.Every(hourly), run: func() { s.verify(ctx) }})
	}
	return list
}

// weekly queues the weekly notice, if it is due.
func (s *service) weekly(ctx context.Context) {
	if err := s.guarded(func() error { return s.set.Weekly(ctx) }); err != nil && ctx.Err() == nil {
		s.d.Log.Error("weekly notice not queued", "err", err) // it is tried again in an hour
	}
}

// verify reports what is wrong with the archive, once.
func (s *service) verify(ctx context.Context) {
	if err := s.guarded(func() error { return s.d.Verify(ctx) }); err != nil && ctx.Err() == nil {
		select {
		case s.altered <- err:
		default: // reported already
		}
	}
}

// guarded calls f and returns a panic as an error.
func (s *service) guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			s.d.Log.Error("hourly work panicked", "err", err, "stack", string(debug.Stack()))
		}
	}()
	return f()
}
