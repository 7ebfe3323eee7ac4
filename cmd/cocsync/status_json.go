package main

import (
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// statusJSON is status -o json.
type statusJSON struct {
	Archive      string         `json:"archive"`
	FileBytes    int64          `json:"file_bytes"`
	ContentBytes int64          `json:"content_bytes"`
	Documents    map[string]int `json:"documents"` // by state
	Versions     map[string]int `json:"versions"`  // by state
	Changes      int            `json:"changes"`
	LogRecords   int64          `json:"log_records"`
	LogSigned    int64          `json:"log_signed"`
	Watches      []watchJSON    `json:"watches"`
	Notifiers    []notifierJSON `json:"notifiers"`
	Problems     []problem      `json:"problems"`
}

type watchJSON struct {
	Watch         string     `json:"watch"`
	LastCycle     *cycleJSON `json:"last_cycle"`
	LastGoodAt    *string    `json:"last_good_at"`
	FailedInARow  int        `json:"failed_in_a_row"`
	OldestCheckAt *string    `json:"oldest_check_at"`
}

type cycleJSON struct {
	ID        int64         `json:"id"`
	Account   string        `json:"account"`
	Trigger   string        `json:"trigger"`
	StartedAt *string       `json:"started_at"`
	EndedAt   *string       `json:"ended_at"`
	Outcome   string        `json:"outcome"`
	Complete  bool          `json:"complete"`
	Requests  int           `json:"requests"`
	Listed    int           `json:"listed"`
	Documents int           `json:"documents"`
	Versions  int           `json:"versions"`
	Changes   int           `json:"changes"`
	Error     *string       `json:"error"`
	Failures  []coc.Failure `json:"failures"`
}

type notifierJSON struct {
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

func (s *status) json() statusJSON {
	out := statusJSON{
		Archive: s.path, FileBytes: s.totals.FileBytes, ContentBytes: s.totals.ContentBytes, Changes: s.totals.Changes,
		LogRecords: s.logged, LogSigned: s.signed,
		Documents: map[string]int{}, Versions: map[string]int{},
		Watches: []watchJSON{}, Notifiers: []notifierJSON{}, Problems: append([]problem{}, s.problems...),
	}
	for _, state := range []coc.DocState{coc.Present, coc.Seen, coc.Deleted} {
		out.Documents[string(state)] = s.states[state]
	}
	for _, state := range []coc.VersionState{coc.Archived, coc.Pending, coc.Unavailable} {
		out.Versions[string(state)] = s.versions[state]
	}
	for _, w := range s.watches {
		out.Watches = append(out.Watches, w.json())
	}
	for _, b := range s.backlogs {
		out.Notifiers = append(out.Notifiers, s.notifierJSON(b))
	}
	return out
}

func (w watchStatus) json() watchJSON {
	out := watchJSON{Watch: w.name, LastGoodAt: jsonTime(w.LastGoodAt), FailedInARow: w.FailedInARow}
	if w.unchecked.UnixMilli() > 0 {
		out.OldestCheckAt = jsonTime(w.unchecked)
	}
	if len(w.cycles) == 0 {
		return out
	}
	c := w.cycles[0]
	out.LastCycle = &cycleJSON{
		ID: c.ID, Account: c.Account, Trigger: string(c.Trigger), StartedAt: jsonTime(c.StartedAt), EndedAt: jsonTime(c.EndedAt),
		Outcome: string(c.Outcome), Complete: c.Complete, Requests: c.Requests, Listed: c.Listed, Documents: c.Documents,
		Versions: c.Versions, Changes: c.Changes, Error: orNull(c.Err), Failures: append([]coc.Failure{}, c.Failures...),
	}
	return out
}

func (s *status) notifierJSON(b db.Backlog) notifierJSON {
	if !b.Quiet.After(s.now) {
		b.Quiet = time.Time{}
	}
	return notifierJSON{
		Notifier: b.Notifier, Waiting: b.Waiting, OldestAt: jsonTime(b.Oldest), Held: orNull(b.Held),
		NextTryAt: jsonTime(b.HeldTill), QuietUntil: jsonTime(b.Quiet), Failed: b.Failed, LastError: orNull(b.LastErr),
	}
}
