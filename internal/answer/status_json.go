package answer

import (
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Status is what status tells.
type Status struct {
	Archive      string         `json:"archive"`
	Copy         bool           `json:"copy"`       // no configuration led here, and no process writes it
	AsOf         *string        `json:"as_of"`      // of a copy: the end of its newest good cycle
	Writer       *Process       `json:"writer"`     // the process that has it open for writing; null: none
	FileBytes    int64          `json:"file_bytes"` // with the write-ahead log
	WALBytes     int64          `json:"wal_bytes"`
	ContentBytes int64          `json:"content_bytes"`
	Documents    map[string]int `json:"documents"` // by state
	Versions     map[string]int `json:"versions"`  // by state
	Changes      int            `json:"changes"`
	LogRecords   int64          `json:"log_records"`
	LogSigned    int64          `json:"log_signed"`
	Watches      []Watch        `json:"watches"`
	Notifiers    []Notifier     `json:"notifiers"`
	// Missing are the first of the listed versions that could not be fetched.
	Missing    []MissingVersion `json:"missing"`
	MissingAll int              `json:"missing_count"`
	Problems   []Problem        `json:"problems"`
	Notes      []string         `json:"notes"`
}

// Process is a process that has the archive open for writing. What it did not say of
// itself is null.
type Process struct {
	PID     *int    `json:"pid"`
	Since   *string `json:"since"`
	Command *string `json:"command"`
}

// MissingVersion is a listed version that could not be fetched.
type MissingVersion struct {
	Account    string  `json:"account"`
	DocumentID string  `json:"document_id"`
	Name       string  `json:"name"`
	Version    string  `json:"version"`
	Error      string  `json:"error"`
	Since      *string `json:"since"`    // when that error was first given
	Refused    bool    `json:"refused"`  // it has been the same for a week
	RetryAt    *string `json:"retry_at"` // null: in the next cycle
}

// Watch is how a watch stands.
type Watch struct {
	Watch         string  `json:"watch"`
	Schedule      *string `json:"schedule"` // null: no configuration names the watch
	Timezone      *string `json:"timezone"`
	LastCycle     *Cycle  `json:"last_cycle"`
	LastGoodAt    *string `json:"last_good_at"`
	FailedInARow  int     `json:"failed_in_a_row"`
	OldestCheckAt *string `json:"oldest_check_at"`
	// Day counts the cycles of the last 24 hours.
	Day       DayCounts   `json:"day"`
	Unreached []Unreached `json:"unreached"`
}

// DayCounts are the cycles of a watch in the last 24 hours.
type DayCounts struct {
	Ran    int `json:"ran"`
	Good   int `json:"good"`
	Missed int `json:"missed"` // were due by the schedule and did not run
}

// Unreached is a document that the newest cycle could not bring up to date.
type Unreached struct {
	DocumentID    string  `json:"document_id"`
	Name          string  `json:"name"`
	LastCheckedAt *string `json:"last_checked_at"` // null: it never was
	Error         string  `json:"error"`
}

// Cycle is one pass of a watch.
type Cycle struct {
	ID        int64         `json:"id"`
	Account   string        `json:"account"`
	Trigger   string        `json:"trigger"`
	StartedAt *string       `json:"started_at"`
	EndedAt   *string       `json:"ended_at"`
	Outcome   string        `json:"outcome"`
	Complete  bool          `json:"complete"`
	Requests  int           `json:"requests"`
	Listed    int           `json:"listed"`
	Total     int           `json:"total"`   // that the list named; 0: none
	Skipped   int           `json:"skipped"` // rows of the list that could not be read
	Documents int           `json:"documents"`
	Versions  int           `json:"versions"`
	Changes   int           `json:"changes"`
	Error     *string       `json:"error"`
	Failures  []coc.Failure `json:"failures"`
}

// Notifier is what a notifier has still to tell.
type Notifier struct {
	Notifier  string  `json:"notifier"`
	Waiting   int     `json:"waiting"`
	OldestAt  *string `json:"oldest_at"`
	Held      *string `json:"held"`
	NextTryAt *string `json:"next_try_at"`
	// QuietUntil is the end of the quiet hours that it is in; null outside them.
	QuietUntil *string `json:"quiet_until"`
	Failed     int     `json:"failed"`
	LastError  *string `json:"last_error"`
}

// NewStatus makes the answer of how everything stands.
func NewStatus(s *Standing) Status {
	out := Status{
		Archive: s.Path, Copy: s.Archive.Copy, WALBytes: s.WAL.Bytes, Missing: []MissingVersion{}, Notes: append([]string{}, s.Notes...), MissingAll: s.MissingAll, FileBytes: s.Totals.FileBytes, ContentBytes: s.Totals.ContentBytes, Changes: s.Totals.Changes,
		LogRecords: s.Logged, LogSigned: s.Signed,
		Documents: map[string]int{}, Versions: map[string]int{},
		Watches: []Watch{}, Notifiers: []Notifier{}, Problems: append([]Problem{}, s.Problems...),
	}
	for _, state := range []coc.DocState{coc.Present, coc.Seen, coc.Deleted} {
		out.Documents[string(state)] = s.States[state]
	}
	for _, state := range []coc.VersionState{coc.Archived, coc.Pending, coc.Unavailable} {
		out.Versions[string(state)] = s.Versions[state]
	}
	if s.Archive.Copy {
		out.AsOf = Time(s.LastGoodAt())
	}
	if w := s.Archive.Writer; w != nil {
		out.Writer = &Process{numberOrNull(w.PID), Time(w.Since), orNull(w.Command)}
	}
	for _, m := range s.Missing {
		out.Missing = append(out.Missing, MissingVersion{m.Account, m.DocumentID, m.Name, m.Label, m.Reason, Time(m.Since), m.Refused(s.At), Time(m.RetryAt)})
	}
	for _, w := range s.Watches {
		out.Watches = append(out.Watches, newWatch(w))
	}
	for _, b := range s.Backlogs {
		out.Notifiers = append(out.Notifiers, newNotifier(b, s.Now))
	}
	return out
}

func newWatch(w WatchStanding) Watch {
	out := Watch{
		Watch: w.Name, Schedule: orNull(w.Schedule.Spec), Timezone: orNull(w.Schedule.Timezone), LastGoodAt: Time(w.LastGoodAt), FailedInARow: w.FailedInARow,
		Day: DayCounts(w.Day), Unreached: []Unreached{},
	}
	for _, u := range w.Unreached {
		out.Unreached = append(out.Unreached, Unreached{u.DocumentID, u.Name, Time(u.CheckedAt), u.Err})
	}
	if w.Unchecked.UnixMilli() > 0 {
		out.OldestCheckAt = Time(w.Unchecked)
	}
	if len(w.Cycles) == 0 {
		return out
	}
	c := w.Cycles[0]
	out.LastCycle = &Cycle{
		ID: c.ID, Account: c.Account, Trigger: string(c.Trigger), StartedAt: Time(c.StartedAt), EndedAt: Time(c.EndedAt),
		Outcome: string(c.Outcome), Complete: c.Complete, Requests: c.Requests, Listed: c.Listed, Total: c.Total, Skipped: c.Skipped, Documents: c.Documents,
		Versions: c.Versions, Changes: c.Changes, Error: orNull(c.Err), Failures: append([]coc.Failure{}, c.Failures...),
	}
	return out
}

func newNotifier(b db.Backlog, now time.Time) Notifier {
	if !b.Quiet.After(now) {
		b.Quiet = time.Time{}
	}
	return Notifier{
		Notifier: b.Notifier, Waiting: b.Waiting, OldestAt: Time(b.Oldest), Held: orNull(b.Held),
		NextTryAt: Time(b.HeldTill), QuietUntil: Time(b.Quiet), Failed: b.Failed, LastError: orNull(b.LastErr),
	}
}
