package answer

import (
	"context"
	"math"
	"os"
	"runtime"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Archive is an archive as one process sees it.
type Archive struct {
	DB *db.DB
	// Writer is the process that has it open for writing; nil: none has. Unknown is why
	// that could not be found out.
	Writer  *db.Process
	Unknown error
	// Copy: no configuration led here, and no process has it open for writing. What it
	// holds may be long past.
	Copy bool
}

// Look finds out which process has an archive open for writing. configured says that a
// configuration names the archive.
func Look(d *db.DB, configured bool) Archive {
	a := Archive{DB: d}
	p, held, err := db.Holder(d.Path())
	switch {
	case err != nil:
		a.Unknown = err
	case held:
		a.Writer = &p
	default:
		a.Copy = !configured
	}
	return a
}

// shownVersions is how many missing versions a problem names.
const shownVersions = 10

// Judge reads what is wrong with an archive and the work on it. All commands, pages and
// metrics that say whether cocsync works apply this one rule.
func Judge(ctx context.Context, a Archive, now time.Time) (s *Standing, err error) {
	s = &Standing{Archive: a, Now: now, At: now, Path: a.DB.Path()}
	if err = s.readWatches(ctx); err != nil {
		return nil, err
	}
	if a.Copy { // what was pending then is judged by the time of then
		s.At = s.lastActivity()
	}
	if err = s.readAccounts(ctx); err != nil {
		return nil, err
	}
	if s.Backlogs, err = a.DB.Backlogs(ctx, s.At.AddDate(0, 0, -7)); err != nil {
		return nil, err
	}
	if s.Missing, s.MissingAll, err = a.DB.MissingVersions(ctx, shownVersions); err != nil {
		return nil, err
	}
	if s.OwedDocuments, s.OwedVersions, err = a.DB.Outstanding(ctx, s.cycleRunningSince()); err != nil {
		return nil, err
	}
	if s.WAL, err = a.DB.WAL(ctx); err != nil {
		return nil, err
	}
	if err = s.log(ctx, a.DB); err != nil {
		return nil, err
	}
	s.findProblems()
	for _, name := range []string{s.Path, s.Path + ".key"} {
		if readableByOthers(name) {
			s.Notes = append(s.Notes, "other users can read "+name+"; `chmod 600 "+name+"` prevents that")
		}
	}
	return s, nil
}

// readableByOthers reports whether other users than its owner may read a file. A file that
// is not there, none may read.
func readableByOthers(name string) bool {
	info, err := os.Stat(name)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o044 != 0 // Windows has no such bits
}

// readWatches reads the watches, those that no configuration names any more included.
func (s *Standing) readWatches(ctx context.Context) error {
	d := s.Archive.DB
	names, err := d.Watches(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		w := WatchStanding{Name: name}
		if w.WatchState, err = d.Watch(ctx, name); err != nil {
			return err
		}
		if w.Newest, err = d.NewestCycle(ctx, name); err != nil {
			return err
		}
		if w.Busy, err = d.Busy(ctx, name); err != nil {
			return err
		}
		if w.Newest.Outcome == coc.Good && !w.Newest.Complete {
			if w.Unstable, err = d.UnstableSince(ctx, name); err != nil {
				return err
			}
		}
		if w.FailedInARow > 0 {
			if w.Failure, w.Failed, err = d.LastFailure(ctx, name); err != nil {
				return err
			}
		}
		s.Watches = append(s.Watches, w)
	}
	return nil
}

// readAccounts reads the accounts, with those pauses only that a cycle would respect.
func (s *Standing) readAccounts(ctx context.Context) (err error) {
	s.Accounts, err = s.Archive.DB.Accounts(ctx)
	for i := range s.Accounts {
		a := &s.Accounts[i]
		a.RefusedUntil, a.PausedUntil = a.Pauses(s.At)
		for _, w := range s.Watches { // another key pair has served since
			if w.Schedule.Account == a.Name && w.LastGoodAt.After(a.RefusedUntil.Add(-coc.RefusalPause)) {
				a.RefusedUntil = time.Time{}
			}
		}
	}
	return err
}

// log reads how much of the log there is, and how much of it is signed.
func (s *Standing) log(ctx context.Context, d *db.DB) (err error) {
	s.Logged, s.Signed, err = d.LogSize(ctx)
	return err
}

// Healthy reports whether nothing is wrong, as far as is known now.
func (s *Standing) Healthy() bool { return !s.Archive.Copy && len(s.Problems) == 0 }

// LastGoodAt is when the newest good cycle of any watch ended; zero: none did.
func (s *Standing) LastGoodAt() (at time.Time) {
	for _, w := range s.Watches {
		if w.LastGoodAt.After(at) {
			at = w.LastGoodAt
		}
	}
	return at
}

// lastActivity is when the newest cycle of any watch started or ended.
func (s *Standing) lastActivity() (at time.Time) {
	for _, w := range s.Watches {
		for _, t := range []time.Time{w.LastGoodAt, w.Newest.StartedAt, w.Newest.EndedAt} {
			if t.After(at) {
				at = t
			}
		}
	}
	return at
}

// distantFuture is later than any cycle, and can be stored as milliseconds.
var distantFuture = time.UnixMilli(math.MaxInt64 / 2)

// cycleRunningSince is when the longest running cycle began; in the distant future where
// none runs. What was listed since then is about to be fetched.
func (s *Standing) cycleRunningSince() time.Time {
	since := distantFuture
	for _, w := range s.Watches {
		if s.runs(w) && w.Newest.StartedAt.Before(since) {
			since = w.Newest.StartedAt
		}
	}
	return since
}

// runs reports whether a cycle of the watch is running: its process has the archive.
func (s *Standing) runs(w WatchStanding) bool {
	return w.Newest.Outcome == coc.Running && s.Archive.Writer != nil
}
