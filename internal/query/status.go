package query

import (
	"context"
	"math"
	"os"
	"runtime"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// Status is the status of an archive and of the processes that write it.
type Status struct {
	Archive      string                   `json:"archive"`    // path of the file
	Copy         bool                     `json:"copy"`       // no configuration names it, and no process writes it
	AsOf         Time                     `json:"as_of"`      // of a copy: the end of its newest good cycle
	Writer       *Process                 `json:"writer"`     // the process that has it open for writing; nil: none
	FileBytes    int64                    `json:"file_bytes"` // with the write-ahead log
	WALBytes     int64                    `json:"wal_bytes"`
	ContentBytes int64                    `json:"content_bytes"`
	Documents    map[coc.DocState]int     `json:"documents"`
	Versions     map[coc.VersionState]int `json:"versions"`
	Changes      int                      `json:"changes"`
	LogRecords   int64                    `json:"log_records"`
	LogSigned    int64                    `json:"log_signed"` // records under the newest signature
	Watches      []Watch                  `json:"watches"`
	Notifiers    []Notifier               `json:"notifiers"`
	Witnesses    []Witness                `json:"witnesses"`
	// Missing are the first of the listed versions that could not be fetched.
	Missing      []MissingVersion `json:"missing"`
	MissingCount int              `json:"missing_count"`
	Problems     []Problem        `json:"problems"` // the most general first
	Notes        []string         `json:"notes"`    // what is not a problem but can be improved

	Now      time.Time `json:"-"`
	At       time.Time `json:"-"` // the reference time of Problems: Now, or for a copy its last activity
	Accounts []Account `json:"-"`

	writerErr                         error // why Writer is unknown
	headError                         string
	noHead                            error               // why no process opens the archive for writing
	erasures                          []db.ErasureRequest // the first ones
	erasureCount                      int
	opaqueVersions                    int
	noErasureKey                      bool
	pendingDocuments, pendingVersions int // listed before the running cycle and not fetched yet
	wal                               db.WAL
	freeBytes                         int64
	freeKnown                         bool
}

// Process is a process that has the archive open for writing. What it did not say about
// itself is empty.
type Process struct {
	PID     Number `json:"pid"`
	Since   Time   `json:"since"`
	Command Text   `json:"command"`
}

// Account is an account and its pauses, zero unless a cycle would respect them now.
type Account struct {
	Name          string
	RefusedUntil  time.Time // COC refuses the key pair
	PausedUntil   time.Time // COC limits the rate
	refusedReason string
}

// Watch is the status of a watch.
type Watch struct {
	Watch         string      `json:"watch"`
	Schedule      Text        `json:"schedule"` // null: no configuration names the watch
	Timezone      Text        `json:"timezone"`
	LastCycle     *Cycle      `json:"last_cycle"`
	LastGoodAt    Time        `json:"last_good_at"`
	FailedInARow  int         `json:"failed_in_a_row"`
	OldestCheckAt Time        `json:"oldest_check_at"`
	Day           Day         `json:"day"`
	Unreached     []Unreached `json:"unreached"` // by its newest cycle that ended

	LastCycleAt  time.Time `json:"-"` // when its newest cycle began
	NeverChecked bool      `json:"-"` // some version was never compared with COC's copy again
	Cycles       []Cycle   `json:"-"` // the newest few, newest first

	state    coc.WatchState
	newest   coc.Cycle // the newest whole one; zero: none
	busy     bool      // a cycle, also one of documents by name, has not ended
	unstable time.Time // since when the list has changed during every read; zero: it did not
	failure  coc.Cycle // the newest failed one since the last good one, with its failures
}

// Retired reports whether no configuration names the watch.
func (w Watch) Retired() bool { return w.state.Schedule.Spec == "" }

// Day counts the cycles of a watch in the last 24 hours.
type Day struct {
	Ran        int `json:"ran"`
	Good       int `json:"good"`
	Unattested int `json:"unattested"` // good ones that their process did not record
	Missed     int `json:"missed"`     // were due by the schedule and did not run, as far as later cycles recorded it
}

// Unreached is a document that a cycle could not bring up to date.
type Unreached struct {
	DocumentID    string `json:"document_id"`
	Name          string `json:"name"`
	LastCheckedAt Time   `json:"last_checked_at"` // null: never
	Error         string `json:"error"`
}

// Cycle is one pass of a watch.
type Cycle struct {
	ID        int64         `json:"id"`
	Account   string        `json:"account"`
	Trigger   coc.Trigger   `json:"trigger"`
	StartedAt Time          `json:"started_at"`
	EndedAt   Time          `json:"ended_at"`
	Outcome   coc.Outcome   `json:"outcome"`
	Complete  bool          `json:"complete"`
	Requests  int           `json:"requests"`
	Listed    int           `json:"listed"`
	Total     int           `json:"total"`   // that the list named; 0: none
	Skipped   int           `json:"skipped"` // rows of the list that could not be read
	Documents int           `json:"documents"`
	Versions  int           `json:"versions"`
	Changes   int           `json:"changes"`
	Error     Text          `json:"error"`
	Failures  []coc.Failure `json:"failures"`

	RespondedAt time.Time `json:"-"` // when COC last responded while it ran
}

// Notifier is what is pending for a notifier.
type Notifier struct {
	Notifier   string `json:"notifier"`
	Waiting    int    `json:"waiting"`
	OldestAt   Time   `json:"oldest_at"`
	Held       Text   `json:"held"`
	NextTryAt  Time   `json:"next_try_at"`
	QuietUntil Time   `json:"quiet_until"` // the end of its current quiet hours
	Failed     int    `json:"failed"`
	LastError  Text   `json:"last_error"`

	db db.Backlog
}

// MissingVersion is a listed version that could not be fetched.
type MissingVersion struct {
	Ref
	Version string `json:"version"`
	Error   string `json:"error"`
	Since   Time   `json:"since"`    // when that error first occurred
	Refused bool   `json:"refused"`  // it has been the same for a week
	RetryAt Time   `json:"retry_at"` // null: in the next cycle

	// Reason is the error with its duration.
	Reason string           `json:"-"`
	State  coc.VersionState `json:"-"`
}

// shownVersions is how many missing versions a status names.
const shownVersions = 10

// recentCycles is how many cycles of a watch a status has.
const recentCycles = 10

// LoadProblems reads what is wrong with the archive and the processes that write it. All
// commands, pages and metrics that say whether cocsync works apply this one rule. Counts of
// the archive and the history of watches are left out.
func (a *Archive) LoadProblems(ctx context.Context) (*Status, error) {
	s := &Status{Archive: a.db.Path(), Now: a.Now()}
	p, held, err := db.Holder(a.db.Path())
	if s.writerErr = err; held {
		s.Writer = &Process{Number(p.PID), Time{p.Since}, Text(p.Command)}
	}
	s.Copy = err == nil && !held && !a.Configured
	names, err := a.db.Watches(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := a.readWatch(ctx, s, name); err != nil {
			return nil, err
		}
	}
	s.At = s.Now
	if s.Copy { // a copy reports problems as of its last activity
		s.At, s.AsOf = s.lastActivity(), Time{s.LastGoodAt()}
	}
	if err := a.readAccounts(ctx, s); err != nil {
		return nil, err
	}
	if err := a.readNotifiers(ctx, s); err != nil {
		return nil, err
	}
	if err := a.readWitnesses(ctx, s); err != nil {
		return nil, err
	}
	if s.Missing, s.MissingCount, err = a.MissingVersions(ctx, shownVersions, s.At); err != nil {
		return nil, err
	}
	if s.pendingDocuments, s.pendingVersions, err = a.db.Outstanding(ctx, s.cycleRunningSince()); err != nil {
		return nil, err
	}
	if s.wal, err = a.db.WAL(ctx); err != nil {
		return nil, err
	}
	if s.LogRecords, s.LogSigned, err = a.db.LogSize(ctx); err != nil {
		return nil, err
	}
	if s.headError, err = a.db.HeadError(ctx); err != nil {
		return nil, err
	}
	if a.NoHead != nil && !held && !s.Copy {
		s.noHead = a.NoHead()
	}
	if s.erasures, s.erasureCount, err = a.db.ErasureRequests(ctx, shownErasures); err != nil {
		return nil, err
	}
	if s.opaqueVersions, s.noErasureKey, err = a.db.OpaqueVersions(ctx); err != nil {
		return nil, err
	}
	s.WALBytes = s.wal.Bytes
	s.freeBytes, s.freeKnown = a.db.Free()
	s.findProblems()
	s.notePermissions()
	return s, nil
}

// notePermissions notes which files of the archive other users can read.
func (s *Status) notePermissions() {
	if runtime.GOOS == "windows" { // it has no such bits
		return
	}
	for _, name := range []string{s.Archive, s.Archive + ".key"} {
		if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o044 != 0 {
			s.Notes = append(s.Notes, "other users can read "+name+"; `chmod 600 "+name+"` prevents that")
		}
	}
}

// LoadStatus reads the whole status. It makes no requests.
func (a *Archive) LoadStatus(ctx context.Context) (*Status, error) {
	s, err := a.LoadProblems(ctx)
	if err != nil {
		return nil, err
	}
	t, err := a.db.Totals(ctx)
	if err != nil {
		return nil, err
	}
	s.Changes, s.FileBytes, s.ContentBytes = t.Changes, t.FileBytes+t.WALBytes, t.ContentBytes
	s.Documents, s.Versions = t.DocumentStates, t.VersionStates
	for _, state := range States() {
		s.Documents[coc.DocState(state)] += 0 // so that all are in the map
	}
	var names []string
	for _, w := range s.Watches {
		names = append(names, w.Watch)
	}
	oldest, err := a.db.OldestChecks(ctx, names, s.Now)
	if err != nil {
		return nil, err
	}
	for i := range s.Watches {
		w := &s.Watches[i]
		if checked, ok := oldest[w.Watch]; ok && checked.UnixMilli() > 0 {
			w.OldestCheckAt.Time = checked
		} else {
			w.NeverChecked = ok && checked.UnixMilli() == 0
		}
		if err := a.readHistory(ctx, w, s.Now); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// readWatch reads a watch, which may be one that no configuration names.
func (a *Archive) readWatch(ctx context.Context, s *Status, name string) (err error) {
	w := Watch{Watch: name}
	if w.state, err = a.db.Watch(ctx, name); err != nil {
		return err
	}
	w.Schedule, w.Timezone = Text(w.state.Schedule.Spec), Text(w.state.Schedule.Timezone)
	switch { // what no process recorded may have been inserted
	case s.Copy:
	case s.Writer == nil && s.writerErr == nil:
		w.state.LastGoodAt, err = a.db.LastRecorded(ctx, name)
	default:
		w.state.LastGoodAt, err = a.db.LastGood(ctx, name, s.Now)
	}
	if err != nil {
		return err
	}
	w.LastGoodAt.Time, w.LastCycleAt, w.FailedInARow = w.state.LastGoodAt, w.state.LastCycleAt, w.state.FailedInARow
	if w.newest, err = a.db.NewestCycle(ctx, name, db.CycleQuery{}); err != nil {
		return err
	}
	newest, err := a.db.NewestCycle(ctx, name, db.CycleQuery{Partial: true})
	if err != nil {
		return err
	}
	w.busy = newest.Outcome == coc.CycleRunning
	if w.newest.Outcome == coc.CycleGood && !w.newest.Complete {
		if w.unstable, err = a.db.UnstableSince(ctx, name); err != nil {
			return err
		}
	}
	if w.FailedInARow > 0 {
		w.failure, err = a.db.NewestCycle(ctx, name, db.CycleQuery{Outcome: coc.CycleFailed})
	}
	s.Watches = append(s.Watches, w)
	return err
}

// readHistory reads the recent cycles of a watch.
func (a *Archive) readHistory(ctx context.Context, w *Watch, now time.Time) error {
	cycles, err := a.db.Cycles(ctx, w.Watch, db.CycleQuery{Partial: true}, recentCycles)
	if err != nil {
		return err
	}
	for _, c := range cycles {
		w.Cycles = append(w.Cycles, Cycle{
			ID: c.Key.ID, Account: c.Account, Trigger: c.Trigger, StartedAt: Time{c.StartedAt}, EndedAt: Time{c.EndedAt},
			Outcome: c.Outcome, Complete: c.Complete, Requests: c.Requests, Listed: c.Listed, Total: c.Total, Skipped: c.Skipped,
			Documents: c.Documents, Versions: c.Versions, Changes: c.Changes, Error: Text(c.Err), Failures: c.Failures,
			RespondedAt: c.RespondedAt,
		})
		w.LastCycle = &w.Cycles[0]
	}
	unreached, err := a.db.Unreached(ctx, w.Watch)
	if err != nil {
		return err
	}
	for _, u := range unreached {
		w.Unreached = append(w.Unreached, Unreached{u.DocumentID, u.Name, Time{u.CheckedAt}, u.Err})
	}
	ran, missed, err := a.db.Ran(ctx, w.Watch, now.Add(-24*time.Hour), now)
	for _, n := range ran {
		w.Day.Ran += n
	}
	w.Day.Good, w.Day.Unattested, w.Day.Missed = ran[coc.CycleGood], ran[coc.CycleUnattested], missed
	return err
}

// readAccounts reads the accounts, with only those pauses that a cycle would respect.
func (a *Archive) readAccounts(ctx context.Context, s *Status) error {
	accounts, err := a.db.Accounts(ctx)
	for _, x := range accounts {
		account := Account{Name: x.Name, refusedReason: x.RefusedReason}
		account.RefusedUntil, account.PausedUntil = x.Pauses(s.At)
		for _, w := range s.Watches { // another key pair succeeded since
			if w.state.Schedule.Account == x.Name && w.LastGoodAt.After(account.RefusedUntil.Add(-coc.RefusalPause)) {
				account.RefusedUntil = time.Time{}
			}
		}
		s.Accounts = append(s.Accounts, account)
	}
	return err
}

// MissingVersions returns the first listed versions that could not be fetched, and how many
// there are, at a time.
func (a *Archive) MissingVersions(ctx context.Context, limit int, at time.Time) ([]MissingVersion, int, error) {
	missing, all, err := a.db.MissingVersions(ctx, limit)
	out := make([]MissingVersion, len(missing))
	for i, m := range missing {
		v := MissingVersion{Ref{m.Account, m.DocumentID, m.Name}, m.Label, m.Reason, Time{m.Since}, m.Refused(at),
			Time{m.RetryAt}, m.Reason, m.State}
		if since := text.Age(at.Sub(m.Since)); v.Refused {
			v.Reason = "refused by COC for " + since + ": " + m.Reason
		} else if !m.Since.IsZero() {
			v.Reason += " (for " + since + ")"
		}
		out[i] = v
	}
	return out, all, err
}

// readNotifiers reads what is pending, and what failed in the last week.
func (a *Archive) readNotifiers(ctx context.Context, s *Status) error {
	backlogs, err := a.db.Backlogs(ctx, s.At.AddDate(0, 0, -7))
	for _, b := range backlogs {
		// Later ends are wrong: what sends messages ignores them.
		if b.HeldTill.Sub(s.Now) > coc.MaxHold {
			b.HeldTill = s.Now
		}
		if b.Quiet.Sub(s.Now) > quietMax {
			b.Quiet = time.Time{}
		}
		n := Notifier{Notifier: b.Notifier, Waiting: b.Waiting, OldestAt: Time{b.Oldest}, Held: Text(b.Held),
			NextTryAt: Time{b.HeldTill}, Failed: b.Failed + b.Altered, LastError: Text(b.LastErr), db: b}
		if b.Quiet.After(s.Now) {
			n.QuietUntil.Time = b.Quiet
		}
		s.Notifiers = append(s.Notifiers, n)
	}
	return err
}

// LastGoodAt is when the newest good cycle of any watch ended; zero: none did.
func (s *Status) LastGoodAt() (at time.Time) {
	for _, w := range s.Watches {
		at = later(at, w.LastGoodAt.Time)
	}
	return at
}

// lastActivity is when the newest cycle of any watch started or ended.
func (s *Status) lastActivity() time.Time {
	at := s.LastGoodAt()
	for _, w := range s.Watches {
		at = later(at, later(w.newest.StartedAt, w.newest.EndedAt))
	}
	return at
}

// cycleRunningSince is when the longest running cycle began; in the distant future if none
// runs. Versions that were listed since then are about to be fetched.
func (s *Status) cycleRunningSince() time.Time {
	since := time.UnixMilli(math.MaxInt64 / 2) // later than any cycle, and valid in the database
	for _, w := range s.Watches {
		if s.runs(w) && w.newest.StartedAt.Before(since) {
			since = w.newest.StartedAt
		}
	}
	return since
}

// runs reports whether a cycle of the watch is running: its process has the archive open.
func (s *Status) runs(w Watch) bool { return w.newest.Outcome == coc.CycleRunning && s.Writer != nil }
