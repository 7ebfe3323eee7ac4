package query

import (
	"fmt"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/schedule"
	"cocsync/internal/text"
)

const (
	// noResponseLong is how long a running cycle may be without a response from COC before it
	// counts as hanging.
	noResponseLong = 5 * time.Minute
	// The tolerance of a cycle that is due is one interval of the schedule, within these.
	toleranceMin = 2 * time.Minute
	toleranceMax = time.Hour
	// unstableLong is how long a list may change whenever it is read before that is a
	// problem: until then documents may have been created and deleted meanwhile.
	unstableLong = 24 * time.Hour
	// clockSlack is how far in the future a cycle may be: clocks are set by seconds.
	clockSlack = time.Minute
)

func (s *Status) watchProblems(w Watch) {
	c := w.newest
	if c.Key.IsZero() {
		if s.ran() {
			s.problem(ProblemNoGoodCycle, "watch "+w.Watch+": no cycle was good yet", "none has run", "see in cocsync's log whether the daemon runs it")
		}
		return
	}
	if ahead := later(c.StartedAt, c.EndedAt).Sub(s.Now); ahead > clockSlack && !s.Copy {
		s.problem(ProblemClock, fmt.Sprintf("watch %s: the last cycle is %s in the future", w.Watch, text.Age(ahead)),
			"the clock was set back since, or was wrong then: it is "+s.Now.UTC().Format(time.RFC3339)+" here",
			"check this machine's clock; once it is right, the next cycle ends this")
	}
	switch {
	case !w.LastGoodAt.IsZero():
		s.lateProblem(w)
	case w.FailedInARow == 0:
		why := "the last one did not end"
		if s.runs(w) {
			why = "the cycle that runs began " + s.Ago(c.StartedAt)
		}
		s.problem(ProblemNoGoodCycle, "watch "+w.Watch+": no cycle was good yet", why, "wait until it ends: `cocsync status` shows the progress, and cocsync's log errors")
	}
	s.failedProblems(w)
	if unstable := s.At.Sub(w.unstable); !w.unstable.IsZero() && unstable >= unstableLong {
		s.problem(ProblemList, fmt.Sprintf("watch %s: COC's list has changed whenever it was read, for %s", w.Watch, text.Age(unstable)),
			"its total differs from page to page; deletions are not detected, and new documents raise no alert before the first complete list",
			"check in COC's console whether documents are created all the time; if not, report it to Huawei Cloud")
	}
	if c.Outcome == coc.Stopped || c.Outcome == coc.Running && s.Writer == nil {
		how := "it was stopped before its end"
		if c.Outcome == coc.Running || c.EndedAt.IsZero() {
			how = "its process ended before the cycle"
		}
		s.problem(ProblemStopped, "watch "+w.Watch+": the last cycle did not finish", how, "the next cycle continues: start the daemon, or run `cocsync sync`")
	}
}

// lateProblem adds that a cycle was due by the schedule and none succeeded.
func (s *Status) lateProblem(w Watch) {
	if s.Copy {
		return
	}
	due, err := schedule.Parse(w.state.Schedule.Spec, w.state.Schedule.Timezone)
	if err != nil {
		s.problem(ProblemScheduleBroken, "watch "+w.Watch+": its schedule cannot be read", err.Error(), "restart the daemon, or run `cocsync sync`: it stores the schedule of config.toml")
		return
	}
	from := w.LastGoodAt.Time
	if from.After(s.Now) { // of a clock that was wrong, as is a schedule set later than now
		from = w.newest.StartedAt
	}
	if set := w.state.Schedule.SetAt; !set.After(s.Now) {
		from = later(from, set)
	}
	next := due.Next(from)
	late := s.Now.Sub(next)
	responded := w.newest.RespondedAt
	if next.IsZero() || late <= tolerance(w.state.Schedule.Interval) || s.runs(w) && s.Now.Sub(responded).Abs() < noResponseLong {
		return
	}
	why := fmt.Sprintf("schedule %s (%s); the last good cycle ended %s, at %s", w.state.Schedule.Spec, w.state.Schedule.Timezone,
		s.Ago(w.LastGoodAt.Time), w.LastGoodAt.UTC().Format(time.RFC3339))
	if s.runs(w) {
		why += "; COC has not responded to the running cycle for " + text.Age(s.Now.Sub(later(w.newest.StartedAt, responded)))
	}
	s.problem(ProblemLate, fmt.Sprintf("watch %s is late: a cycle was due %s and none has succeeded since", w.Watch, s.Ago(next)), why,
		s.lateFix())
}

// lateFix says what to do about a watch that is late. Without a daemon the schedule may
// be the fault: it has to be what cron does.
func (s *Status) lateFix() string {
	if pid := s.daemon(); pid != 0 {
		return fmt.Sprintf("the daemon runs, pid %d: check its log, and restart it if the cycle hangs", pid)
	}
	return "start the daemon, or run `cocsync sync`; if cron runs sync, set schedule in config.toml to the same times"
}

// daemon returns the process id of the daemon that has the archive open, 0 for none.
func (s *Status) daemon() int {
	if w := s.Writer; w != nil && w.Command == "run" {
		return int(w.PID)
	}
	return 0
}

// nextCycle says how to start a cycle.
func (s *Status) nextCycle() string {
	if pid := s.daemon(); pid != 0 {
		return fmt.Sprintf("run `kill -USR1 %d`: the daemon then runs each watch", pid)
	}
	return "run `cocsync sync`"
}

// tolerance is how long after it was due a cycle counts as late.
func tolerance(interval time.Duration) time.Duration {
	return min(max(interval, toleranceMin), toleranceMax)
}

// failedProblems adds what the newest failed cycle failed by.
func (s *Status) failedProblems(w Watch) {
	c := w.failure
	if c.Key.IsZero() {
		return
	}
	what := fmt.Sprintf("watch %s: the last cycle failed", w.Watch)
	if w.FailedInARow > 1 {
		what = fmt.Sprintf("watch %s: the last %d cycles failed", w.Watch, w.FailedInARow)
	}
	if w.LastGoodAt.IsZero() {
		what += ", and none was good yet"
	}
	short := !w.state.Shortfall.Since.IsZero() && (c.Total > 0 || c.Skipped > 0) // the cycle received the list
	if short {
		s.problem(ProblemList, fmt.Sprintf("watch %s: COC's list is incomplete: %d of %s", w.Watch, w.state.Shortfall.Listed, text.Plural(w.state.Shortfall.Total, "document")),
			fmt.Sprintf("%s (for %s)", c.Err, text.Age(s.At.Sub(w.state.Shortfall.Since))),
			"`cocsync check --online` shows what COC lists; if it stays so, report both numbers to Huawei Cloud")
		if w.failed == 0 {
			return
		}
	}
	why, fix := c.Err, "`cocsync check --online` says what COC responds and what is missing"
	if w.failed > 0 && (why == "" || short) {
		f := c.Failures[0]
		why = fmt.Sprintf("%s could not be brought up to date; first %s (%s): %s",
			text.Plural(w.failed, "document"), f.Name, f.DocumentID, f.Err)
		fix = "each cycle tries again; to try now, " + s.nextCycle()
		if s.daemon() == 0 {
			fix = "each cycle tries again; to try that one now, run `cocsync sync " + f.DocumentID + "`"
		}
	}
	s.problem(ProblemFailed, what, why, fix)
}
