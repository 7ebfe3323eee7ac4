// Package daemon runs watches on their schedules and the senders beside them,
// reloads the configuration, and stops politely. What a cycle does is syncer's;
// how parts are made is cmd's.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/robfig/cron/v3"

	"cocsync/internal/coc"
	"cocsync/internal/syncer"
)

// Job is a watch and when it runs.
type Job struct {
	Watch    syncer.Watch
	Schedule cron.Schedule
}

// Set is what one configuration asks for.
type Set struct {
	Jobs  []Job
	Cycle func(context.Context, syncer.Watch, syncer.Options) (coc.Cycle, error)
	Send  func(context.Context) // sends what is due until the context ends
	// Weekly tells people once a week that the watching is alive. It is called at
	// the start and each hour, and decides itself whether the week is over; nil:
	// nobody is told.
	Weekly func(context.Context) error
}

// Daemon runs until it is told to stop.
type Daemon struct {
	// Load makes a Set of the configuration as it is now. It is called at the
	// start and at each reload.
	Load   func(context.Context) (*Set, error)
	Log    *slog.Logger
	Now    func() time.Time // the wall clock; nil: time.Now
	Jitter time.Duration    // each scheduled cycle begins up to this much later
	// Verify says what is wrong with the archive. It is called each hour, and decides
	// itself whether it is time to look; an error ends the daemon, because nothing must
	// be written to such an archive. nil: nobody looks.
	Verify func(context.Context) error
	// Notify tells whoever started the process how it stands, in the words of
	// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html; nil: nobody
	// asked.
	Notify func(state string)
	// Alive is how often Notify hears that the daemon works; 0 for never. It hears it when
	// the daemon comes round to it and Pulse has returned: who hangs is silent.
	Alive time.Duration
	// Pulse returns once what every cycle needs has answered, whatever the answer was:
	// trouble is for the log. nil: nothing is asked.
	Pulse func(context.Context)
	// Stepped is called after a step of the wall clock was detected; nil: nothing is.
	Stepped func()
}

// margin is how long before the next cycle is due the work that can wait ends:
// a tenth of the pause between cycles, and this at the most.
const margin = 5 * time.Second

// hourly is how often it is asked whether the weekly notice is due, or a verification.
const hourly = time.Hour

// Run runs every watch at once and then on its schedule, until ctx ends. reload
// loads the configuration anew; wake runs every watch now. It returns when the
// documents at hand are stored.
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

// entry is a job in the schedule.
type entry struct {
	d     *Daemon
	ctx   context.Context
	set   *Set
	job   Job
	turn  chan struct{} // holds a token while a cycle runs
	asked atomic.Bool   // a demand waits for its turn
	// recovers ends a cycle that panics, and nothing else.
	recovers cron.JobWrapper
}

// Run makes one cycle when the schedule says so, unless one still runs.
func (e *entry) Run() {
	select {
	case e.turn <- struct{}{}:
	default:
		e.d.Log.Warn("cycle skipped, the one before it still runs", "watch", e.job.Watch.Name)
		return
	}
	defer func() { <-e.turn }()
	if e.pause() {
		e.cycle(coc.TriggerSchedule)
	}
}

// demand makes one cycle after the one that runs, which may have read already
// what has changed since. One serves all who ask before it begins.
func (e *entry) demand(why coc.Trigger) {
	if !e.asked.CompareAndSwap(false, true) {
		return
	}
	select {
	case e.turn <- struct{}{}:
		e.asked.Store(false)
	case <-e.ctx.Done():
		return
	}
	defer func() { <-e.turn }()
	e.cycle(why)
}

func (e *entry) cycle(why coc.Trigger) {
	_, err := e.set.Cycle(e.ctx, e.job.Watch, syncer.Options{Trigger: why, Until: e.until(e.d.now()), Schedule: e.job.Schedule})
	if err != nil && !errors.Is(err, context.Canceled) {
		e.d.Log.Error("cycle not recorded", "watch", e.job.Watch.Name, "err", err)
	}
}

// pause waits a little, so that many daemons with one schedule do not ask COC in
// the same instant.
func (e *entry) pause() bool {
	if e.d.Jitter <= 0 {
		return e.ctx.Err() == nil
	}
	t := time.NewTimer(rand.N(e.d.Jitter))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-e.ctx.Done():
		return false
	}
}

// until is when the work of a cycle that can wait must end, so that the next
// cycle is not skipped.
func (e *entry) until(now time.Time) time.Time {
	next := e.job.Schedule.Next(now)
	if next.IsZero() {
		return time.Time{}
	}
	left := next.Sub(now)
	return now.Add(left - min(margin, left/10)) // keeps the monotonic reading, which no step moves
}

// cronLog passes the panics that cron reports to slog; the rest is chatter.
type cronLog struct{ *slog.Logger }

// Info is called for every event of the schedule.
func (cronLog) Info(string, ...any) {}

// Error is called for a job that panicked.
func (l cronLog) Error(err error, msg string, keysAndValues ...any) {
	l.Logger.Error("cycle broke", append([]any{"err", fmt.Errorf("%s: %w", msg, err)}, keysAndValues...)...)
}
