package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
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
	ProblemMessagePlain   ProblemKind = "message_plain"   // a message was sent as plain text only
	ProblemScheduleBroken ProblemKind = "schedule"        // a stored schedule cannot be read
)

// ProblemKinds returns all kinds, in the order in which status shows them.
func ProblemKinds() []ProblemKind {
	return []ProblemKind{ProblemNoCycle, ProblemNoDaemon, ProblemDiskFull, ProblemWAL, ProblemUnsigned, ProblemKeyRefused,
		ProblemPaused, ProblemClock, ProblemScheduleBroken, ProblemLate, ProblemNoGoodCycle, ProblemList, ProblemFailed,
		ProblemStopped, ProblemMissing, ProblemIncomplete, ProblemOnHold, ProblemPending, ProblemMessagePlain, ProblemMessageFailed}
}

const (
	// pendingLong is how long a delivery may be pending before that is a problem.
	pendingLong = 15 * time.Minute
	// walLarge and walOld bound a write-ahead log that is not written back: it grows to
	// 16 MB before SQLite does so, and readers can delay that.
	walLarge = 64 << 20
	walOld   = 10 * time.Minute
	// diskLow is the disk space that a cycle may need for commits and the write-ahead log.
	diskLow = 16 << 20
)

func (s *Status) problem(kind ProblemKind, what, why, fix string) {
	s.Problems = append(s.Problems, Problem{Kind: kind, What: what, Why: why, Fix: fix})
}

func (s *Status) findProblems() {
	s.archiveProblems()
	for _, a := range s.Accounts {
		s.accountProblems(a)
	}
	for _, w := range s.Watches {
		if !w.Retired() {
			before := len(s.Problems)
			s.watchProblems(w)
			for i := range s.Problems[before:] {
				s.Problems[before+i].Watch = w.Watch
			}
		}
	}
	s.versionProblems()
	for _, n := range s.Notifiers {
		s.notifierProblems(n)
	}
}

// archiveProblems are those of the file and of the process that writes it.
func (s *Status) archiveProblems() {
	if !s.ran() {
		what, why := "no cycle has run yet", "the archive has no whole cycle of any watch"
		if len(s.Watches) > 0 && !slices.ContainsFunc(s.Watches, func(w Watch) bool { return !w.Retired() }) {
			what, why = "no watch is configured", "no configuration names a watch of the archive"
		}
		s.problem(ProblemNoCycle, what, why, "start the daemon: `cocsync run`; or run `cocsync sync`")
	}
	if s.daemonGone() {
		why := "the newest cycle was a daemon's, and no process has the archive open for writing"
		if s.writerErr != nil {
			why = "it is unknown whether one runs: " + s.writerErr.Error()
		}
		s.problem(ProblemNoDaemon, "no daemon is running", why, "start it: `cocsync run`, or `systemctl start cocsync`; its log says why it ended")
	}
	if s.freeKnown && s.freeBytes < diskLow && !s.Copy {
		s.problem(ProblemDiskFull, "the disk of the archive has "+text.Size(s.freeBytes)+" left", "a cycle needs disk space for what it stores and for the write-ahead log",
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
	if s.LogSigned < s.LogRecords && !s.running() {
		s.problem(ProblemUnsigned,
			fmt.Sprintf("%s of the log are not signed", text.Plural(int(s.LogRecords-s.LogSigned), "record")),
			"the signing key could not be read, or a process was killed before it signed",
			s.nextCycle()+"; if that does not help, restore the key file (signing_key, or the archive's name with .key appended)")
	}
}

// ran reports whether a watch of the configuration ran.
func (s *Status) ran() bool {
	for _, w := range s.Watches {
		if !w.Retired() && !w.newest.Key.IsZero() {
			return true
		}
	}
	return false
}

// running reports whether a cycle runs, whose end signs what it added.
func (s *Status) running() bool {
	return s.Writer != nil && slices.ContainsFunc(s.Watches, func(w Watch) bool { return w.busy })
}

// daemonGone reports whether the newest cycle was a daemon's and none runs now.
func (s *Status) daemonGone() bool {
	var newest coc.Cycle
	for _, w := range s.Watches {
		if !w.Retired() && w.newest.StartedAt.After(newest.StartedAt) {
			newest = w.newest
		}
	}
	return !newest.Key.IsZero() && newest.Trigger != coc.TriggerSync && s.Writer == nil && !s.Copy
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

// missingReason says why a version is missing, and for how long. An error that has been the
// same for a week is called a refusal.
func missingReason(m coc.MissingVersion, now time.Time) string {
	if m.Since.IsZero() {
		return m.Reason
	}
	since := text.Age(now.Sub(m.Since))
	if m.Refused(now) {
		return "refused by COC for " + since + ": " + m.Reason
	}
	return m.Reason + " (for " + since + ")"
}

func (s *Status) accountProblems(a Account) {
	if a.RefusedUntil.After(s.At) {
		s.problem(ProblemKeyRefused, "account "+a.Name+": COC refuses the key pair; requests are paused for another "+text.Age(a.RefusedUntil.Sub(s.At)),
			a.refusedReason, "check access_key, secret_key and this machine's clock; then `cocsync check --online`")
	}
	if a.PausedUntil.After(s.At) {
		s.problem(ProblemPaused, "account "+a.Name+": COC limits the rate; requests are paused for another "+text.Age(a.PausedUntil.Sub(s.At)),
			"too many requests", "it continues automatically; lower requests_per_second of the account if this happens again")
	}
}

func (s *Status) notifierProblems(n Notifier) {
	b, pending := n.db, text.Plural(n.Waiting, "delivery")+" pending"
	if b.Held != "" {
		s.problem(ProblemOnHold, fmt.Sprintf("notifier %s: its channel is on hold; %s, next try %s", b.Notifier, pending, s.Until(b.HeldTill)),
			b.Held, "correct it in Slack or in config.toml, then run `cocsync notify test "+b.Notifier+"`: when it succeeds, the pending messages are sent")
	} else if b.Waiting > 0 && s.At.Sub(b.Oldest) > pendingLong && (b.LastErr != "" || !b.Quiet.After(s.At)) {
		s.problem(ProblemPending, fmt.Sprintf("notifier %s: %s, the oldest for %s",
			b.Notifier, pending, text.Age(s.At.Sub(b.Oldest))),
			cmp.Or(b.LastErr, "no attempt to send it was made"),
			"check cocsync's log, and whether config.toml still names the notifier; to send now, "+s.nextCycle())
	}
	if b.Plain > 0 {
		s.problem(ProblemMessagePlain, fmt.Sprintf("notifier %s: %s of the last week sent as plain text only", b.Notifier, text.Plural(b.Plain, "message")), b.PlainErr,
			"`cocsync notify list --all` shows them; `cocsync notify test "+b.Notifier+"` shows whether it is fixed")
	}
	if b.Failed > 0 {
		s.problem(ProblemMessageFailed, fmt.Sprintf("notifier %s: %s refused permanently", b.Notifier, text.Plural(b.Failed, "message")),
			"`cocsync notify list` shows them and why", "`cocsync notify retry --notifier "+b.Notifier+"` tries again")
	}
}
