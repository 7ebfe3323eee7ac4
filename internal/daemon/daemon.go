// Package daemon runs watches on their schedules, runs the senders, reloads the
// configuration, and shuts down cleanly. Package syncer runs a cycle; cmd builds the
// parts.
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

// Set is what one configuration runs.
type Set struct {
	Jobs  []Job
	Cycle func(context.Context, syncer.Watch, syncer.Options) (coc.Cycle, error)
	Send  func(context.Context) // sends what is due until the context ends
	// Weekly queues the weekly notice. It is called at the start and every hour, and
	// decides whether it is due; may be nil.
	Weekly func(context.Context) error
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

// hourly is how often the weekly notice and the verification are checked.
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

// entry is a job in the schedule.
type entry struct {
	d        *Daemon
	ctx      context.Context
	set      *Set
	job      Job
	turn     chan struct{} // holds a token while a cycle runs
	demanded atomic.Bool   // a demand is pending
	// recovers ends a cycle that panics, and nothing else.
	recovers cron.JobWrapper
}

// Run runs a scheduled cycle, unless the previous one is still running.
func (e *entry) Run() {
	select {
	case e.turn <- struct{}{}:
	default:
		e.d.Log.Warn("cycle skipped, the previous one is still running", "watch", e.job.Watch.Name)
		return
	}
	defer func() { <-e.turn }()
	if e.pause() {
		e.cycle(coc.TriggerSchedule)
	}
}

// demand runs one cycle after the running one, which may have read a document before it
// changed. Demands before it begins share it.
func (e *entry) demand(why coc.Trigger) {
	if !e.demanded.CompareAndSwap(false, true) {
		return
	}
	select {
	case e.turn <- struct{}{}:
		e.demanded.Store(false)
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

// pause waits up to Jitter, so that many daemons with one schedule do not send requests to
// COC at the same time. It reports whether the context has not ended.
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

// until returns when the background work of a cycle must end, so that the next cycle is not
// skipped.
func (e *entry) until(now time.Time) time.Time {
	next := e.job.Schedule.Next(now)
	if next.IsZero() {
		return time.Time{}
	}
	left := next.Sub(now)
	return now.Add(left - min(margin, left/10)) // keeps the monotonic reading, which no clock step changes
}

// cronLog logs only the panics that cron reports.
type cronLog struct{ *slog.Logger }

// Info is called for every event of the schedule.
func (cronLog) Info(string, ...any) {}

// Error is called for a job that panicked.
func (l cronLog) Error(err error, msg string, keysAndValues ...any) {
	l.Logger.Error("cycle panicked", append([]any{"err", fmt.Errorf("%s: %w", msg, err)}, keysAndValues...)...)
}
