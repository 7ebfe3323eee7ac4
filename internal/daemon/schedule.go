package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
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
	schedule cron.Schedule
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
