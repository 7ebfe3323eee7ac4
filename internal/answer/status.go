package answer

import (
	"context"
	"fmt"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Standing is how the watching and the telling stand, as status tells it.
type Standing struct {
	Now      time.Time
	Path     string // of the archive
	Totals   db.Totals
	States   map[coc.DocState]int
	Versions map[coc.VersionState]int
	Accounts []db.Account
	Watches  []WatchStanding
	Backlogs []db.Backlog
	Logged   int64     // records of the log
	Signed   int64     // those under its newest signature
	Problems []Problem // what a person should look at, the widest first
}

// WatchStanding is how a watch stands.
type WatchStanding struct {
	coc.WatchState
	Name      string
	Cycles    []coc.Cycle // the newest few, newest first
	Unchecked time.Time   // since when some version was not held against COC's; zero: none is due
	Day       Day
	Unreached []db.Unreached // by its newest cycle that ended
}

// Day is how many cycles of a watch began in the last 24 hours.
type Day struct {
	Ran, Good int
	Missed    int // were due by the schedule and did not run, as far as a cycle after them has told
}

// recentCycles is how many cycles of a watch status looks at.
const recentCycles = 10

// Stand gathers how everything stands at an instant. It asks the archive alone.
func Stand(ctx context.Context, d *db.DB, now time.Time) (s *Standing, err error) {
	s = &Standing{Now: now, Path: d.Path()}
	if s.Totals, err = d.Totals(ctx); err != nil {
		return nil, err
	}
	if s.States, err = d.DocumentStates(ctx); err != nil {
		return nil, err
	}
	if s.Versions, err = d.VersionStates(ctx); err != nil {
		return nil, err
	}
	if s.Accounts, err = d.Accounts(ctx); err != nil {
		return nil, err
	}
	if s.Backlogs, err = d.Backlogs(ctx, s.Now.AddDate(0, 0, -7)); err != nil {
		return nil, err
	}
	if err = s.log(ctx, d); err != nil {
		return nil, err
	}
	if err = s.watches(ctx, d); err != nil {
		return nil, err
	}
	s.findProblems()
	return s, nil
}

// log reads how much of the log there is, and how much of it is signed.
func (s *Standing) log(ctx context.Context, d *db.DB) error {
	edge, err := d.Edge(ctx)
	if err != nil {
		return err
	}
	heads, err := d.Checkpoints(ctx)
	if err != nil {
		return err
	}
	s.Logged = edge.Size
	if len(heads) > 0 {
		s.Signed = heads[len(heads)-1].Size
	}
	return nil
}

// watches reads how each watch stands.
func (s *Standing) watches(ctx context.Context, d *db.DB) error {
	names, err := d.Watches(ctx)
	if err != nil {
		return err
	}
	oldest, err := d.OldestChecks(ctx, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		w := WatchStanding{Name: name, Unchecked: oldest[name]}
		if w.WatchState, err = d.Watch(ctx, name); err != nil {
			return err
		}
		if w.Cycles, err = d.Cycles(ctx, name, recentCycles); err != nil {
			return err
		}
		if w.Unreached, err = d.Unreached(ctx, name); err != nil {
			return err
		}
		if w.Day, err = dayOf(ctx, d, name, s.Now); err != nil {
			return err
		}
		s.Watches = append(s.Watches, w)
	}
	return nil
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

// Until says how far off an instant is.
func (s *Standing) Until(t time.Time) string {
	if !t.After(s.Now) {
		return "now"
	}
	return "in " + Age(t.Sub(s.Now))
}

// Ago says how long ago an instant was.
func (s *Standing) Ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return Age(s.Now.Sub(t)) + " ago"
}

// DocumentsStanding says how the documents stand.
func (s *Standing) DocumentsStanding() string {
	return fmt.Sprintf("%d: %d present, %d listed and not yet archived, %d deleted",
		s.Totals.Documents, s.States[coc.Present], s.States[coc.Seen], s.States[coc.Deleted])
}

// VersionsStanding says how many versions there are, and how many are lacking.
func (s *Standing) VersionsStanding() string {
	text := fmt.Sprintf("%d archived", s.Totals.Versions)
	if n := s.Versions[coc.Pending]; n > 0 {
		text += fmt.Sprintf(", %d still to be fetched", n)
	}
	if n := s.Versions[coc.Unavailable]; n > 0 {
		text += fmt.Sprintf(", %d that COC would not serve", n)
	}
	return text
}

// LogStanding says how much of the log there is, and how much of it is signed.
func (s *Standing) LogStanding() string {
	return fmt.Sprintf("%s, %d of them signed", Plural(int(s.Logged), "record"), s.Signed)
}

// String says how many of the cycles that were due ran.
func (d Day) String() string {
	text := "no cycle ran"
	if d.Ran > 0 {
		text = Plural(d.Ran, "cycle") + " ran"
	}
	if bad := d.Ran - d.Good; bad > 0 {
		text += fmt.Sprintf(", %d of them not good", bad)
	}
	if d.Missed > 0 {
		text += fmt.Sprintf("; %d more were due and did not run", d.Missed)
	}
	return text
}
