package daemon

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/robfig/cron/v3"

	"cocsync/internal/coc"
	"cocsync/internal/syncer"
)

const (
	// clockEvery is how often the wall clock is compared with the monotonic one.
	clockEvery = 10 * time.Second
	// maxStep is how far the two may drift apart between comparisons. NTP slews smaller
	// differences, and a schedule has minutes.
	maxStep = time.Minute
)

// task is a function and the schedule that it runs on.
type task struct {
	schedule syncer.Schedule
	run      func()
	next     time.Time // by the wall clock; zero: never
}

// due reports whether the task has to run at now, and sets the time after that.
func (t *task) due(now time.Time) bool {
	if t.next.IsZero() || now.Before(t.next) {
		return false
	}
	t.next = t.schedule.Next(now)
	return true
}

// follow adapts the task to a wall clock that was stepped. An interval is a duration: it
// continues. A time of day is recomputed, unless the task was due meanwhile: then it runs
// at once.
func (t *task) follow(step time.Duration, now time.Time) {
	if t.next.IsZero() {
		t.next = t.schedule.Next(now)
		return
	}
	moved := t.next.Add(step) // the same moment as before the step
	_, interval := t.schedule.(cron.ConstantDelaySchedule)
	switch {
	case interval, !now.Before(moved):
		t.next = moved
	case now.Before(t.next):
		t.next = t.schedule.Next(now)
	}
}

// clock detects steps of the wall clock. Timers and time.Since use the monotonic clock,
// which has none.
type clock struct {
	now  func() time.Time
	wall time.Time // the wall clock at the last comparison
	mono time.Time // the monotonic clock at the last comparison
}

func newClock(now func() time.Time) *clock {
	return &clock{now: now, wall: now().Round(0), mono: time.Now()}
}

// step returns the wall clock's time and how far it was stepped since the last call,
// negative for back; 0 for less than maxStep.
func (c *clock) step() (now time.Time, step time.Duration) {
	now = c.now().Round(0) // without the monotonic reading, which Before and Sub prefer
	passed := time.Since(c.mono)
	step = now.Sub(c.wall) - passed
	c.wall, c.mono = now, c.mono.Add(passed)
	if step.Abs() <= maxStep {
		step = 0
	}
	return now, step
}

// keep runs the tasks on their schedules until ctx ends, each run in a goroutine of wg. It
// uses robfig/cron's schedules and not its runner, which waits for a wall
// time: after a step back of two hours that would run nothing for two hours.
func (d *Daemon) keep(ctx context.Context, wg *sync.WaitGroup, tasks []*task) {
	clock := newClock(d.now)
	for _, t := range tasks {
		t.next = t.schedule.Next(clock.wall)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now, step := clock.step()
		if step != 0 {
			d.Log.Warn("clock stepped, schedules recomputed", "step", step.Round(time.Second))
			if d.Stepped != nil {
				d.Stepped()
			}
		}
		wait := clockEvery
		for _, t := range tasks {
			if step != 0 {
				t.follow(step, now)
			}
			if t.due(now) {
				wg.Go(t.run)
			}
			if !t.next.IsZero() {
				wait = min(wait, t.next.Sub(now))
			}
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// now is the wall clock's time.
func (d *Daemon) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// entry runs the cycles of a watch, one at a time.
type entry struct {
	syncer.Watch
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
		e.d.Log.Warn("cycle skipped, the previous one is still running", "watch", e.Name)
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
			e.d.Log.Error("cycle panicked", "watch", e.Name, "err", fmt.Errorf("panic: %v", p), "stack", string(debug.Stack()))
		}
	}()
	_, err := e.cycle(ctx, e.Watch, syncer.Options{Trigger: why, Until: e.until(e.d.now())})
	if err != nil && !errors.Is(err, context.Canceled) {
		e.d.Log.Error("cycle not recorded", "watch", e.Name, "err", err)
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
