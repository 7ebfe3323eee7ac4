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
	"runtime/debug"
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

// entry runs the cycles of a watch, one at a time.
type entry struct {
	Job
	d        *Daemon
	cycle    func(context.Context, syncer.Watch, syncer.Options) (coc.Cycle, error)
	turn     chan struct{} // holds a token while a cycle runs
	demanded atomic.Bool   // a demand is pending
}

// scheduled runs a cycle, unless the previous one is still running. It is delayed by up to
// Jitter, so that many daemons with one schedule do not send requests to COC at the same time.
func (e *entry) scheduled(ctx context.Context) {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	default:
		e.d.Log.Warn("cycle skipped, the previous one is still running", "watch", e.Watch.Name)
		return
	}
	if e.d.Jitter > 0 {
		select {
		case <-time.After(rand.N(e.d.Jitter)):
		case <-ctx.Done():
		}
	}
	e.run(ctx, coc.TriggerSchedule)
}

// demand runs one cycle after the running one, which may have read a document before it
// changed. Demands before it begins share it.
func (e *entry) demand(ctx context.Context, why coc.Trigger) {
	if !e.demanded.CompareAndSwap(false, true) {
		return
	}
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
	}
	e.demanded.Store(false)
	e.run(ctx, why)
}

// run runs a cycle, if the context has not ended. A panic ends only the cycle.
func (e *entry) run(ctx context.Context, why coc.Trigger) {
	if ctx.Err() != nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			e.d.Log.Error("cycle panicked", "watch", e.Watch.Name, "err", fmt.Errorf("panic: %v", p), "stack", string(debug.Stack()))
		}
	}()
	_, err := e.cycle(ctx, e.Watch, syncer.Options{Trigger: why, Until: e.until(e.d.now()), Schedule: e.Schedule})
	if err != nil && !errors.Is(err, context.Canceled) {
		e.d.Log.Error("cycle not recorded", "watch", e.Watch.Name, "err", err)
	}
}

// until returns when the background work of a cycle must end, so that the next cycle is not
// skipped.
func (e *entry) until(now time.Time) time.Time {
	next := e.Schedule.Next(now)
	if next.IsZero() {
		return time.Time{}
	}
	left := next.Sub(now)
	return now.Add(left - min(margin, left/10)) // keeps the monotonic reading, which no clock step changes
}
