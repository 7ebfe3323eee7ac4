package answer

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// Standing is the status of an archive and of the work on it. Judge fills the fields up
// to Problems, Stand the others too.
type Standing struct {
	Archive  Archive
	Now      time.Time
	At       time.Time // what is wrong is judged as of then: now, except for a copy
	Path     string    // of the archive
	Accounts []db.Account
	Watches  []WatchStanding
	Backlogs []db.Backlog
	// Missing are the first of the listed versions that could not be fetched, of
	// MissingAll.
	Missing    []coc.MissingVersion
	MissingAll int
	// What is still to be requested and was listed before the cycle that runs.
	OwedDocuments, OwedVersions int
	Logged                      int64 // records of the log
	Signed                      int64 // those under its newest signature
	WAL                         db.WAL
	Problems                    []Problem // what a person should look at, the widest first
	Notes                       []string  // what is not wrong and could be better

	Totals   db.Totals
	States   map[coc.DocState]int
	Versions map[coc.VersionState]int
}

// WatchStanding is the status of a watch.
type WatchStanding struct {
	coc.WatchState
	Name   string
	Newest coc.Cycle // the newest whole one; zero: none
	Busy   bool      // a cycle was begun and has not ended, one of documents by name included
	// Unstable is since when the list has changed whenever it was read; zero where the
	// newest cycle received a complete one, or failed.
	Unstable time.Time
	Failure  coc.Cycle // the newest that failed since the last good one, with its first failure
	Failed   int       // documents that failed in it

	Cycles    []coc.Cycle // the newest few, newest first
	Unchecked time.Time   // since when some version was not compared with COC's; zero: none is due
	Day       Day
	Unreached []db.Unreached // by its newest cycle that ended
}

// Retired reports whether no configuration names the watch any more.
func (w WatchStanding) Retired() bool { return w.Schedule.Spec == "" }

// Day is how many cycles of a watch began in the last 24 hours.
type Day struct {
	Ran, Good int
	Missed    int // were due by the schedule and did not run, as far as later cycles recorded
}

// recentCycles is how many cycles of a watch status looks at.
const recentCycles = 10

// Stand reads the whole status. It asks the archive only.
func Stand(ctx context.Context, a Archive, now time.Time) (s *Standing, err error) {
	if s, err = Judge(ctx, a, now); err != nil {
		return nil, err
	}
	d := a.DB
	if s.Totals, err = d.Totals(ctx); err != nil {
		return nil, err
	}
	if s.States, err = d.DocumentStates(ctx); err != nil {
		return nil, err
	}
	if s.Versions, err = d.VersionStates(ctx); err != nil {
		return nil, err
	}
	var names []string
	for _, w := range s.Watches {
		names = append(names, w.Name)
	}
	oldest, err := d.OldestChecks(ctx, names)
	if err != nil {
		return nil, err
	}
	for i := range s.Watches {
		w := &s.Watches[i]
		w.Unchecked = oldest[w.Name]
		if err := w.history(ctx, d, now); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// history reads what the watch did lately.
func (w *WatchStanding) history(ctx context.Context, d *db.DB, now time.Time) (err error) {
	if w.Cycles, err = d.Cycles(ctx, w.Name, recentCycles); err != nil {
		return err
	}
	if w.Unreached, err = d.Unreached(ctx, w.Name); err != nil {
		return err
	}
	w.Day, err = dayOf(ctx, d, w.Name, now)
	return err
}

func dayOf(ctx context.Context, d *db.DB, watch string, now time.Time) (day Day, err error) {
	since := now.Add(-24 * time.Hour)
	ran, err := d.Ran(ctx, watch, since, now)
	if err != nil {
		return day, err
	}
	for how, n := range ran {
		day.Ran += n
		if how == coc.Good {
			day.Good = n
		}
	}
	day.Missed, err = d.Missed(ctx, watch, since, now)
	return day, err
}

// Headline says in one line whether all is well. Of a copy it says as of when.
func (s *Standing) Headline() string {
	n := len(s.Problems)
	if s.Archive.Copy {
		text := s.Recorded()
		return strings.ToUpper(text[:1]) + text[1:] + "."
	}
	if n > 0 {
		return text.Plural(n, "problem") + "."
	}
	return "All is well."
}

// Recorded says of a copy as of when it is and what it recorded.
func (s *Standing) Recorded() string {
	found := "no problem was recorded"
	if n := len(s.Problems); n > 0 {
		found = text.Plural(n, "problem")
	}
	if at := s.LastGoodAt(); !at.IsZero() {
		return at.UTC().Format("as of 2006-01-02 15:04:05 UTC (last good cycle): ") + found
	}
	return "no cycle was good: " + found
}

// Writer says which process has the archive open for writing.
func (s *Standing) Writer() string {
	a := s.Archive
	switch {
	case a.Unknown != nil:
		return "unknown: " + a.Unknown.Error()
	case a.Writer == nil:
		return "no daemon"
	case a.Writer.PID == 0:
		return "another process has the archive open for writing"
	}
	who := "daemon"
	if a.Writer.Command != "run" {
		who = strings.TrimSpace("cocsync " + a.Writer.Command)
	}
	return fmt.Sprintf("%s running since %s, pid %d", who, a.Writer.Since.UTC().Format("2006-01-02 15:04:05 UTC"), a.Writer.PID)
}

// Until says how far off a time is.
func (s *Standing) Until(t time.Time) string {
	if !t.After(s.Now) {
		return "now"
	}
	return "in " + text.Age(t.Sub(s.Now))
}

// Ago says how long ago a time was, "never" for none.
func (s *Standing) Ago(t time.Time) string { return text.Ago(t, s.Now) }

// DocumentsStanding says how many documents are in which state.
func (s *Standing) DocumentsStanding() string {
	return fmt.Sprintf("%d: %d present, %d listed and not yet archived, %d deleted",
		s.Totals.Documents, s.States[coc.Present], s.States[coc.Seen], s.States[coc.Deleted])
}

// VersionsStanding says how many versions there are, and how many are missing.
func (s *Standing) VersionsStanding() string {
	text := fmt.Sprintf("%d archived", s.Totals.Versions)
	if n := s.Versions[coc.Pending]; n > 0 {
		text += fmt.Sprintf(", %d still to be fetched", n)
	}
	if n := s.Versions[coc.Unavailable]; n > 0 {
		text += fmt.Sprintf(", %d that COC did not serve", n)
	}
	return text
}

// LogStanding says how much of the log there is, and how much of it is signed.
func (s *Standing) LogStanding() string {
	return fmt.Sprintf("%s, %d of them signed", text.Plural(int(s.Logged), "record"), s.Signed)
}

// SizeStanding says how large the archive is.
func (s *Standing) SizeStanding() string {
	line := fmt.Sprintf("%s, for %s of contents", text.Size(s.Totals.FileBytes), text.Size(s.Totals.ContentBytes))
	if s.WAL.Bytes > 0 {
		line += fmt.Sprintf("; %s of it write-ahead log", text.Size(s.WAL.Bytes))
	}
	return line
}

// String says how many of the cycles that were due ran.
func (d Day) String() string {
	line := "no cycle ran"
	if d.Ran > 0 {
		line = text.Plural(d.Ran, "cycle") + " ran"
	}
	if bad := d.Ran - d.Good; bad > 0 {
		line += fmt.Sprintf(", %d of them not good", bad)
	}
	if d.Missed > 0 {
		line += fmt.Sprintf("; %d more were due and did not run", d.Missed)
	}
	return line
}
