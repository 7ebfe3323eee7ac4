package answer

import (
	"fmt"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Problem is something that a person should look at.
type Problem struct {
	What string `json:"what"`
	Why  string `json:"why"`
	Mend string `json:"mend"`
}

func (s *Standing) problem(what, why, mend string) {
	s.Problems = append(s.Problems, Problem{what, why, mend})
}

// waitsLong is how long a delivery may wait before that is a problem.
const waitsLong = 15 * time.Minute

func (s *Standing) findProblems() {
	if owed := s.States[coc.Seen] + s.Versions[coc.Pending]; owed > 0 {
		s.problem("the archive is not complete yet",
			fmt.Sprintf("%s and %s are still to be fetched", Plural(s.States[coc.Seen], "document"), Plural(s.Versions[coc.Pending], "version")),
			"the daemon goes on by itself; without one run `cocsync sync`")
	}
	if len(s.Watches) == 0 {
		s.problem("nothing was ever synced", "no watch ran yet", "run `cocsync sync`, or start the daemon: `cocsync run`")
	}
	if s.Signed < s.Logged && !s.running() {
		s.problem(fmt.Sprintf("%s of the log are not signed", Plural(int(s.Logged-s.Signed), "record")),
			"the key of the log is not where it was, or a process was killed before it signed",
			"run `cocsync sync`; if it stays, put the key back (signing_key, or the archive's name with .key behind it)")
	}
	for _, a := range s.Accounts {
		s.accountProblems(a)
	}
	for _, w := range s.Watches {
		s.watchProblems(w)
	}
	for _, b := range s.Backlogs {
		s.notifierProblems(b)
	}
}

// running reports whether a cycle is under way, whose end signs what it added.
func (s *Standing) running() bool {
	for _, w := range s.Watches {
		if len(w.Cycles) > 0 && w.Cycles[0].Outcome == coc.Running {
			return true
		}
	}
	return false
}

func (s *Standing) accountProblems(a db.Account) {
	if a.RefusedUntil.After(s.Now) {
		s.problem("account "+a.Name+": COC refuses the key pair; it is left alone for another "+Age(a.RefusedUntil.Sub(s.Now)),
			a.RefusedWhy, "check access_key, secret_key and this machine's clock; then `cocsync check --online`")
	}
	if a.PausedUntil.After(s.Now) {
		s.problem("account "+a.Name+": COC asks for quiet for another "+Age(a.PausedUntil.Sub(s.Now)),
			"too many requests", "it goes on by itself; lower requests_per_second of the account if it comes back")
	}
}

func (s *Standing) watchProblems(w WatchStanding) {
	last := lastEnded(w.Cycles)
	if w.FailedInARow > 0 && last != nil {
		what := fmt.Sprintf("watch %s: the last cycle failed", w.Name)
		if w.FailedInARow > 1 {
			what = fmt.Sprintf("watch %s: the last %d cycles failed", w.Name, w.FailedInARow)
		}
		why, mend := last.Err, "`cocsync check --online` says what COC answers and what is missing"
		if n := len(last.Failures); n > 0 && why == "" {
			why = fmt.Sprintf("%s could not be brought up to date; first %s (%s): %s",
				Plural(n, "document"), last.Failures[0].Name, last.Failures[0].DocumentID, last.Failures[0].Err)
			mend = "each cycle tries again; `cocsync sync " + last.Failures[0].DocumentID + "` tries that one now"
		}
		s.problem(what, why, mend)
	}
	if every, late := s.overdue(w.Cycles); late {
		s.problem(fmt.Sprintf("watch %s: no cycle began for %s", w.Name, Age(s.Now.Sub(w.LastCycleAt))),
			"before that one began about every "+Age(every), "see whether the daemon runs, and whether the watch is still in config.toml")
	}
}

// lastEnded returns the newest cycle that came to an end.
func lastEnded(cycles []coc.Cycle) *coc.Cycle {
	for i, c := range cycles {
		if c.Outcome == coc.Good || c.Outcome == coc.Bad {
			return &cycles[i]
		}
	}
	return nil
}

// overdue reports whether a watch that used to run in some rhythm has stopped.
// The archive does not know its schedule.
func (s *Standing) overdue(cycles []coc.Cycle) (every time.Duration, late bool) {
	n := len(cycles)
	if n < 3 || cycles[0].Outcome == coc.Running {
		return 0, false
	}
	every = cycles[0].StartedAt.Sub(cycles[n-1].StartedAt) / time.Duration(n-1)
	return every, s.Now.Sub(cycles[0].StartedAt) > max(3*every, waitsLong)
}

func (s *Standing) notifierProblems(b db.Backlog) {
	if b.Held != "" {
		s.problem(fmt.Sprintf("notifier %s: its channel takes nothing; %s, next try %s", b.Notifier, waitCount(b), s.Until(b.HeldTill)),
			b.Held, "put it right in Slack or in config.toml, then `cocsync notify test "+b.Notifier+"`; what waits goes by itself")
	} else if b.Waiting > 0 && s.Now.Sub(b.Oldest) > waitsLong && (b.LastErr != "" || !b.Quiet.After(s.Now)) {
		why := b.LastErr
		if why == "" {
			why = "nobody tried to send it"
		}
		s.problem(fmt.Sprintf("notifier %s: %s, the oldest for %s", b.Notifier, waitCount(b), Age(s.Now.Sub(b.Oldest))), why,
			"see whether the daemon runs and config.toml still names the notifier; `cocsync sync` sends at once")
	}
	if b.Plain > 0 {
		s.problem(fmt.Sprintf("notifier %s: %s of the last week went as plain text alone", b.Notifier, Plural(b.Plain, "message")), b.PlainErr,
			"`cocsync notify list --all` shows them; `cocsync notify test "+b.Notifier+"` shows whether it is mended")
	}
	if b.Failed > 0 {
		s.problem(fmt.Sprintf("notifier %s: Slack refused %s for good", b.Notifier, Plural(b.Failed, "message")),
			"`cocsync notify list` shows them and why", "`cocsync notify retry --notifier "+b.Notifier+"` tries again")
	}
}

func waitCount(b db.Backlog) string {
	if b.Waiting == 1 {
		return "1 delivery waits"
	}
	return fmt.Sprintf("%d deliveries wait", b.Waiting)
}
