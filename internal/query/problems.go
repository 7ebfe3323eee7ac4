package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/schedule"
	"cocsync/internal/text"
)

// Problem is something that a person should fix.
type Problem struct {
	Kind ProblemKind `json:"kind"`
	What string      `json:"what"`
	Why  string      `json:"why"`
	Fix  string      `json:"fix"`

	Watch string `json:"-"` // the watch that has it; "" for others
}

// ProblemKind names a problem in JSON, metrics and docs/operations.md.
type ProblemKind string

// The kinds of problems.
const (
	ProblemNoCycle        ProblemKind = "no_cycle"        // no watch has run yet
	ProblemNoDaemon       ProblemKind = "no_daemon"       // a daemon ran the cycles, and none runs
	ProblemDiskFull       ProblemKind = "disk_full"       // no disk space next to the archive
	ProblemWAL            ProblemKind = "wal"             // the write-ahead log is not written back
	ProblemUnsigned       ProblemKind = "unsigned"        // records of the log without a signature
	ProblemHead           ProblemKind = "head_file"       // the head file is missing or cannot be written
	ProblemErasure        ProblemKind = "erasure"         // a content is not erased completely, or not recognized
	ProblemConflict       ProblemKind = "log_conflict"    // a witness has cosigned something else
	ProblemWitness        ProblemKind = "witness"         // a witness does not cosign
	ProblemMissing        ProblemKind = "missing_version" // COC lists versions that could not be fetched
	ProblemIncomplete     ProblemKind = "incomplete"      // what was listed is not fetched yet
	ProblemKeyRefused     ProblemKind = "key_refused"     // COC refuses a key pair
	ProblemPaused         ProblemKind = "paused"          // COC limits the rate
	ProblemNoGoodCycle    ProblemKind = "no_good_cycle"   // a watch never had one
	ProblemLate           ProblemKind = "late"            // a cycle was due and none succeeded
	ProblemFailed         ProblemKind = "cycle_failed"    // the newest cycles failed
	ProblemList           ProblemKind = "incomplete_list" // rows of COC's list are missing
	ProblemStopped        ProblemKind = "cycle_stopped"   // the newest cycle did not end
	ProblemClock          ProblemKind = "clock"           // a cycle is in the future
	ProblemOnHold         ProblemKind = "on_hold"         // a channel is on hold
	ProblemPending        ProblemKind = "delivery_late"   // a delivery is pending for long
	ProblemMessageFailed  ProblemKind = "message_failed"  // a message was refused
	ProblemMessageAltered ProblemKind = "message_altered" // a message was altered before it was sent
	ProblemMessagePlain   ProblemKind = "message_plain"   // a message was sent as plain text only
	ProblemScheduleBroken ProblemKind = "schedule"        // a stored schedule cannot be read
)

// ProblemKinds returns all kinds, in the order in which status shows them.
func ProblemKinds() []ProblemKind {
	return []ProblemKind{ProblemNoCycle, ProblemNoDaemon, ProblemDiskFull, ProblemWAL, ProblemUnsigned, ProblemHead, ProblemErasure,
		ProblemConflict, ProblemWitness, ProblemKeyRefused,
		ProblemPaused, ProblemClock, ProblemScheduleBroken, ProblemLate, ProblemNoGoodCycle, ProblemList, ProblemFailed,
		ProblemStopped, ProblemMissing, ProblemIncomplete, ProblemOnHold, ProblemPending, ProblemMessagePlain,
		ProblemMessageFailed, ProblemMessageAltered}
}

const (
	// pendingLong is how long a delivery may be pending before that is a problem.
	pendingLong = 15 * time.Minute
	// quietMax bounds quiet hours. The end of them in the database can suppress the problem of
	// a pending delivery for so long.
	quietMax = 24 * time.Hour
	// walLarge and walOld bound a write-ahead log that is not written back: it grows to
	// 16 MB before SQLite does so, and readers can delay that.
	walLarge = 64 << 20
	walOld   = 10 * time.Minute
	// erasureLong is how long an erasure may be pending before that is a problem.
	erasureLong = 10 * time.Minute
	// shownErasures is the maximum number of requested erasures that are problems of their own.
	shownErasures = 5
	// maxPerson and maxWhy bound who requested one, and why it failed.
	maxPerson, maxWhy = 100, 500
	// diskLow is the disk space that a cycle may need for commits and the write-ahead log.
	diskLow = 16 << 20
)

func (s *Status) problem(kind ProblemKind, what, why, fix string) {
	s.Problems = append(s.Problems, Problem{Kind: kind, What: what, Why: why, Fix: fix})
}

func (s *Status) findProblems() {
	s.archiveProblems()
	s.erasureProblems()
	for _, w := range s.Witnesses {
		s.witnessProblems(w)
	}
	for _, a := range s.Accounts {
		if a.RefusedUntil.After(s.At) {
			s.problem(ProblemKeyRefused,
				"account "+a.Name+": COC refuses the key pair; requests are paused for another "+text.Age(a.RefusedUntil.Sub(s.At)),
				a.refusedReason, "check access_key, secret_key and this machine's clock; then `cocsync check --online`")
		}
		if a.PausedUntil.After(s.At) {
			s.problem(ProblemPaused, "account "+a.Name+": COC limits the rate; requests are paused for another "+text.Age(a.PausedUntil.Sub(s.At)),
				"too many requests", "it continues automatically; lower requests_per_second of the account if this happens again")
		}
	}
	for _, w := range s.configured() {
		watchStatus{s, w}.findProblems()
	}
	s.versionProblems()
	for _, n := range s.Notifiers {
		s.notifierProblems(n)
	}
}

// configured are the watches that a configuration names.
func (s *Status) configured() (list []Watch) {
	for _, w := range s.Watches {
		if !w.Retired() {
			list = append(list, w)
		}
	}
	return list
}

// archiveProblems are those of the file and of the process that writes it.
func (s *Status) archiveProblems() {
	var newest coc.Cycle
	configured := s.configured()
	for _, w := range configured {
		if w.newest.StartedAt.After(newest.StartedAt) {
			newest = w.newest
		}
	}
	if newest.Key.IsZero() {
		what, why := "no cycle has run yet", "no watch has completed a cycle"
		if len(s.Watches) > 0 && len(configured) == 0 {
			what, why = "no watch is configured", "the archive has no watch of the current configuration"
		}
		s.problem(ProblemNoCycle, what, why, "start the daemon: `cocsync run`; or run `cocsync sync`")
	} else if newest.Trigger != coc.TriggerSync && s.Writer == nil && !s.Copy {
		why := "the newest cycle was a daemon's, and no process has the archive open for writing"
		if s.writerErr != nil {
			why = "it is unknown whether one runs: " + s.writerErr.Error()
		}
		s.problem(ProblemNoDaemon, "no daemon is running", why,
			"start it: `cocsync run`, or `systemctl start cocsync`; its log says why it ended")
	}
	if s.freeKnown && s.freeBytes < diskLow && !s.Copy {
		s.problem(ProblemDiskFull, "the disk of the archive has "+text.Size(s.freeBytes)+" left",
			"a cycle needs disk space for what it stores and for the write-ahead log",
			"free disk space; nothing was lost, the next cycle continues")
	}
	old := !s.wal.Since.IsZero() && s.Now.Sub(s.wal.Since) > walOld
	if !s.Copy && (s.wal.Bytes > walLarge || s.wal.Pending > 0 && old) {
		why := text.Size(s.wal.Pending) + " of it is not written back"
		if !s.wal.Since.IsZero() {
			why += ", the oldest for " + text.Age(s.Now.Sub(s.wal.Since))
		}
		s.problem(ProblemWAL, "the write-ahead log is "+text.Size(s.wal.Bytes), why,
			"a program keeps an old state of the archive open: end backups, sqlite3 shells and paused commands that read it")
	}
	if s.LogSigned < s.LogRecords {
		s.problem(ProblemUnsigned,
			fmt.Sprintf("%s of the logs are not signed", text.Plural(int(s.LogRecords-s.LogSigned), "record")),
			"the signing key is missing",
			"restore the key file (signing_key, or the archive's name with .key appended), and restart cocsync")
	}
	if s.noHead != nil {
		s.problem(ProblemHead, "the head file is missing: `run` and `sync` end with status 3", s.noHead.Error(),
			"put it back; if it is lost: `cocsync audit trust --reason TEXT`")
	}
	if s.headError != "" {
		s.problem(ProblemHead, "the head file cannot be written", s.headError,
			"make its folder (head_file, or that of the archive) writable for cocsync; until then an older copy of the archive "+
				"is not detected, and messages have no head")
	}
}

// erasureProblems are those of contents that a person erased.
func (s *Status) erasureProblems() {
	for _, q := range s.erasures { // anyone who can write the database can add some
		what := "an erasure that " + text.Line(q.Person, maxPerson) + " requested " + stamp(q.At)
		late := s.Writer == nil || s.At.Sub(q.At).Abs() > erasureLong
		switch {
		case q.State == db.ErasureFailed:
			s.problem(ProblemErasure, what+" failed", text.Line(q.Err, maxWhy), "correct the cause, and run `cocsync erase` again")
		case q.Err != "":
			s.problem(ProblemErasure, what+" is not complete: the files of the archive still contain the bytes", text.Line(q.Err, maxWhy),
				"end programs that read the archive, and free disk space; the daemon, or the next sync, continues")
		case late && q.Erased:
			s.problem(ProblemErasure, what+" is not complete: the files of the archive still contain the bytes",
				"no process has rewritten them", "run `cocsync run` or `cocsync sync`")
		case late:
			s.problem(ProblemErasure, what+" is not complete", "no process has done it", "run `cocsync run` or `cocsync sync`")
		default:
			s.Notes = append(s.Notes, what+" is not complete yet: the archive still contains the content")
		}
	}
	if more := s.erasureCount - len(s.erasures); more > 0 {
		s.problem(ProblemErasure, text.Plural(more, "other requested erasure")+" failed, or are not complete",
			"see those above; or someone wrote them into the database", "correct the cause")
	}
	what := text.Plural(s.opaqueVersions, "version") + " with an erased content: not compared with COC"
	switch {
	case s.opaqueVersions > 0 && s.noErasureKey:
		s.problem(ProblemErasure, what, "the key that recognizes the erased content is missing",
			"put the key file (signing_key) back and restart cocsync")
	case s.opaqueVersions > 0: // nothing fixes that
		s.Notes = append(s.Notes, what+", because the key that recognizes it was lost and replaced")
	}
}

// versionProblems are those of versions that are listed and not archived.
func (s *Status) versionProblems() {
	if s.MissingCount > 0 {
		var names []string
		for _, m := range s.Missing {
			names = append(names, m.Version+" of "+cmp.Or(m.Name, m.DocumentID))
		}
		if more := s.MissingCount - len(s.Missing); more > 0 {
			names = append(names, fmt.Sprintf("%d more", more))
		}
		first := s.Missing[0]
		why := first.Version + " of " + first.DocumentID + ": " + first.Reason
		s.problem(ProblemMissing,
			text.Plural(s.MissingCount, "listed version")+" missing: "+strings.Join(names, ", "), why,
			"cocsync requests them again, at least once a day, for as long as COC lists them; to request them now, "+s.nextCycle())
	}
	if s.pendingDocuments+s.pendingVersions > 0 {
		s.problem(ProblemIncomplete, "the archive is not complete yet",
			"still to be fetched: "+s.pending(),
			"the daemon continues automatically; without one run `cocsync sync`")
	}
}

// pending counts the documents and versions that were listed and are not fetched yet.
func (s *Status) pending() string {
	var counts []string
	if s.pendingDocuments > 0 {
		counts = append(counts, text.Plural(s.pendingDocuments, "document"))
	}
	if s.pendingVersions > 0 {
		counts = append(counts, text.Plural(s.pendingVersions, "version"))
	}
	return strings.Join(counts, " and ")
}

func (s *Status) notifierProblems(n Notifier) {
	b, pending := n.db, text.Plural(n.Waiting, "delivery")+" pending"
	if b.Held != "" {
		s.problem(ProblemOnHold, fmt.Sprintf("notifier %s: its channel is on hold; %s, next try %s", b.Notifier, pending, s.Until(b.HeldTill)),
			b.Held, "correct it in Slack or in config.toml, then run `cocsync notify test "+b.Notifier+"`: when it succeeds, "+
				"the pending messages are sent")
	} else if old := s.At.Sub(b.Oldest); b.Waiting > 0 && old > pendingLong && (b.LastErr != "" || !b.Quiet.After(s.At) || old > quietMax) {
		s.problem(ProblemPending, fmt.Sprintf("notifier %s: %s, the oldest for %s",
			b.Notifier, pending, text.Age(s.At.Sub(b.Oldest))),
			cmp.Or(b.LastErr, "no attempt to send it was made"),
			"check cocsync's log, and whether config.toml still names the notifier; to send now, "+s.nextCycle())
	}
	if b.Plain > 0 {
		s.problem(ProblemMessagePlain, fmt.Sprintf("notifier %s: %s of the last week sent as plain text only", b.Notifier,
			text.Plural(b.Plain, "message")), b.PlainErr,
			"`cocsync notify list --all` shows them; `cocsync notify test "+b.Notifier+"` shows whether it is fixed")
	}
	if b.Altered > 0 {
		s.problem(ProblemMessageAltered, fmt.Sprintf("notifier %s: %s altered in the database, and not sent", b.Notifier,
			text.Plural(b.Altered, "message")),
			"its code is not the one that cocsync wrote with its key when it composed the message; `cocsync notify list` shows which",
			"find out who can write the database, and run `cocsync verify`; `cocsync notify retry --notifier "+b.Notifier+"` "+
				"composes the message again from the archive")
	}
	if b.Failed > 0 {
		s.problem(ProblemMessageFailed, fmt.Sprintf("notifier %s: %s refused permanently", b.Notifier, text.Plural(b.Failed, "message")),
			"`cocsync notify list` shows them and why", "`cocsync notify retry --notifier "+b.Notifier+"` tries again")
	}
}

const (
	// noResponseLong is how long a running cycle may be without a response from COC before it
	// counts as hanging.
	noResponseLong = 5 * time.Minute
	// The tolerance of a cycle that is due is one interval of the schedule, within these.
	toleranceMin = 2 * time.Minute
	toleranceMax = time.Hour
	// unstableLong is how long the list may be unstable before that is a problem: documents
	// may have been created and deleted meanwhile.
	unstableLong = 24 * time.Hour
	// clockSlack is how far in the future a cycle may be: clocks are set by seconds.
	clockSlack = time.Minute
)

// watchStatus finds the problems of a watch.
type watchStatus struct {
	*Status
	Watch
}

// problem adds a problem of the watch.
func (s watchStatus) problem(kind ProblemKind, what, why, fix string) {
	s.Problems = append(s.Problems, Problem{kind, "watch " + s.Watch.Watch + what, why, fix, s.Watch.Watch})
}

func (s watchStatus) findProblems() {
	c := s.newest
	if c.Key.IsZero() {
		if slices.ContainsFunc(s.configured(), func(w Watch) bool { return !w.newest.Key.IsZero() }) {
			s.problem(ProblemNoGoodCycle, ": no good cycle yet", "no cycle has run", "check in cocsync's log whether the daemon runs this watch")
		}
		return
	}
	if ahead := later(c.StartedAt, c.EndedAt).Sub(s.Now); ahead > clockSlack && !s.Copy {
		s.problem(ProblemClock, fmt.Sprintf(": the last cycle is %s in the future", text.Age(ahead)),
			"the clock was set back since, or was wrong then: this machine's time is "+s.Now.UTC().Format(time.RFC3339),
			"check this machine's clock; after that, the next cycle clears this problem")
	}
	switch {
	case !s.Watch.LastGoodAt.IsZero():
		s.lateProblem()
	case s.FailedInARow == 0:
		why, fix := "the last one did not end", "wait until it ends; `cocsync status` shows the progress, and cocsync's log shows errors"
		if s.runs(s.Watch) {
			why = "the running cycle started " + s.Ago(c.StartedAt)
		} else if s.unattested() {
			why, fix = "its good cycles are unattested: the process that wrote them did not record them", "start the daemon, or run `cocsync sync`"
		}
		s.problem(ProblemNoGoodCycle, ": no good cycle yet", why, fix)
	}
	if !s.failure.Key.IsZero() {
		s.failedProblems()
	}
	if unstable := s.At.Sub(s.unstable); !s.unstable.IsZero() && unstable >= unstableLong {
		s.problem(ProblemList, fmt.Sprintf(": COC's list has changed during every read for %s", text.Age(unstable)),
			"its total differs from page to page; deletions are not detected, and new documents raise no alert before the first complete list",
			"check in COC's console whether documents are created all the time; if not, report it to Huawei Cloud")
	}
	if c.Outcome == coc.CycleStopped || c.Outcome == coc.CycleRunning && s.Writer == nil {
		how := "it was stopped before its end"
		if c.Outcome == coc.CycleRunning || c.EndedAt.IsZero() {
			how = "its process ended before the cycle did"
		}
		s.problem(ProblemStopped, ": the last cycle did not finish", how, "start the daemon, or run `cocsync sync`: the next cycle continues")
	}
}

// unattested reports whether the newest cycle is good, and is not the last good one.
func (s watchStatus) unattested() bool {
	return s.newest.Outcome == coc.CycleGood && !s.newest.EndedAt.Equal(s.Watch.LastGoodAt.Time)
}

// lateProblem adds that a cycle was due by the schedule and none succeeded.
func (s watchStatus) lateProblem() {
	if s.Copy {
		return
	}
	set, lastGood := s.state.Schedule, s.Watch.LastGoodAt.Time
	due, err := schedule.Parse(set.Spec, set.Timezone)
	if err != nil {
		s.problem(ProblemScheduleBroken, ": its schedule cannot be read", err.Error(),
			"restart the daemon, or run `cocsync sync`: it stores the schedule of config.toml")
		return
	}
	from := lastGood
	if from.After(s.Now) { // the clock was wrong; SetAt in the future is ignored for the same reason
		from = s.newest.StartedAt
	}
	if !set.SetAt.After(s.Now) {
		from = later(from, set.SetAt)
	}
	next, responded, running := due.Next(from), s.newest.RespondedAt, s.runs(s.Watch)
	tolerance := min(max(set.Interval, toleranceMin), toleranceMax)
	if next.IsZero() || s.Now.Sub(next) <= tolerance || running && s.Now.Sub(responded).Abs() < noResponseLong {
		return
	}
	why := fmt.Sprintf("schedule %s (%s); the last good cycle ended %s, at %s", set.Spec, set.Timezone, s.Ago(lastGood),
		lastGood.UTC().Format(time.RFC3339))
	if s.unattested() {
		why += "; later good cycles are unattested: the process that wrote them did not record them"
	}
	if running {
		why += "; COC has not responded to the running cycle for " + text.Age(s.Now.Sub(later(s.newest.StartedAt, responded)))
	}
	// Without a daemon, schedule may differ from the crontab.
	fix := "start the daemon, or run `cocsync sync`; if cron runs sync, set schedule in config.toml to the same times"
	if pid := s.daemon(); pid != 0 {
		fix = fmt.Sprintf("the daemon runs, pid %d: check its log, and restart it if the cycle hangs", pid)
	}
	s.problem(ProblemLate, fmt.Sprintf(" is late: a cycle was due %s and none has succeeded since", s.Ago(next)), why, fix)
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
		return fmt.Sprintf("run `kill -USR1 %d`: the daemon then runs every watch", pid)
	}
	return "run `cocsync sync`"
}

// failedProblems adds the causes of the newest failed cycle.
func (s watchStatus) failedProblems() {
	c, shortfall := s.failure, s.state.Shortfall
	what := ": the last cycle failed"
	if s.FailedInARow > 1 {
		what = fmt.Sprintf(": the last %d cycles failed", s.FailedInARow)
	}
	if s.Watch.LastGoodAt.IsZero() {
		what += ", and there has been no good cycle yet"
	}
	short := !shortfall.Since.IsZero() && (c.Total > 0 || c.Skipped > 0) // the cycle received the list
	if short {
		s.problem(ProblemList, fmt.Sprintf(": COC's list is incomplete: %d of %s", shortfall.Listed, text.Plural(shortfall.Total, "document")),
			fmt.Sprintf("%s (for %s)", c.Err, text.Age(s.At.Sub(shortfall.Since))),
			"`cocsync check --online` shows what COC lists; if this persists, report both numbers to Huawei Cloud")
		if len(c.Failures) == 0 {
			return
		}
	}
	why, fix := c.Err, "`cocsync check --online` shows COC's response and missing permissions"
	if len(c.Failures) > 0 && (why == "" || short) {
		f := c.Failures[0]
		why = fmt.Sprintf("%s could not be updated; first %s (%s): %s",
			text.Plural(len(c.Failures), "document"), f.Name, f.DocumentID, f.Err)
		fix = "each cycle tries again; to try now, " + s.nextCycle()
		if s.daemon() == 0 {
			fix = "each cycle tries again; to try that one now, run `cocsync sync " + f.DocumentID + "`"
		}
	}
	s.problem(ProblemFailed, what, why, fix)
}
