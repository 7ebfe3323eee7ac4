package syncer

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/coc"
)

const (
	week = 7 * 24 * time.Hour
	// weekLate is how much later than a week after the previous one a weekly notice may be
	// sent and still keep its day.
	weekLate = 24 * time.Hour
	// dueSlack is how long before the end of a period a cycle that was due may
	// still be about to begin. It belongs to the next period.
	dueSlack = time.Minute
	// maxDue bounds the counting of due cycles: half a year of one each second, in about a
	// second.
	maxDue = 1 << 24
)

// Schedule returns when the next cycle is due after a time; the zero time: never.
type Schedule interface{ Next(time.Time) time.Time }

// Weekly notifies the operators once a week that monitoring works, also if nothing changed,
// and otherwise does nothing. It may be called at any time, by several processes too.
func (s *Syncer) Weekly(ctx context.Context, watches []Watch) error {
	if len(s.Operators) == 0 || len(watches) == 0 {
		return nil
	}
	now := s.Now()
	since, until, err := s.week(ctx, now)
	if err != nil || since.IsZero() {
		return err
	}
	n := coc.Notice{Kind: coc.NoticeWeekly, At: until}
	names, missed := []string{}, 0
	for _, w := range watches {
		line, m, err := s.weekOf(ctx, w, since, until)
		if err != nil {
			return err
		}
		names, missed = append(names, w.Name), missed+m
		n.Lines = append(n.Lines, line)
	}
	documents, changes, err := s.Store.FollowedChanges(ctx, names, since, until)
	if err != nil {
		return err
	}
	n.Title = fmt.Sprintf("%s: %s watched, %s", period(since, until), many(documents, "document"), many(changes, "change"))
	if missed > 0 {
		n.Title += ", " + many(missed, "cycle") + " missed"
	}
	queued, err := s.Store.QueueNotice(ctx, coc.NewNotice{Notice: n, Notify: s.Operators}, since, now)
	if queued {
		s.deliveriesDue()
	}
	return err
}

// week returns the period to report now; since is zero if there is none.
func (s *Syncer) week(ctx context.Context, now time.Time) (since, until time.Time, err error) {
	if since, err = s.Store.LastWeekly(ctx, now); err == nil && since.IsZero() {
		since, err = s.Store.FirstCycle(ctx)
		if !since.IsZero() && now.Sub(since) > week+weekLate { // an archive from before there were weekly notices
			since = now.Add(-week)
		}
	}
	until = since.Add(week)
	if err != nil || since.IsZero() || now.Before(until) {
		return time.Time{}, time.Time{}, err
	}
	if now.Sub(until) > weekLate {
		until = now
	}
	return since, until, nil
}

// weekOf returns the line about one watch, and how many cycles it missed.
func (s *Syncer) weekOf(ctx context.Context, w Watch, since, until time.Time) (line string, missed int, err error) {
	from := since
	if w.Schedule != nil { // else nothing was due, and a cycle would count in two periods
		from = since.Add(-dueSlack)
	}
	entered, err := s.Store.Entered(ctx, w.Name, from, until)
	if err != nil {
		return "", 0, err
	}
	ran, _, err := s.Store.Ran(ctx, w.Name, from, until)
	if err != nil {
		return "", 0, err
	}
	documents, changes, err := s.Store.FollowedChanges(ctx, []string{w.Name}, since, until)
	if err != nil {
		return "", 0, err
	}
	wanted := 0
	if w.Schedule != nil && !entered.IsZero() {
		wanted = due(w.Schedule, entered, until.Add(-dueSlack))
	}
	cycles, missed := cyclesRun(wanted, ran)
	return fmt.Sprintf("%s: %s, %s, %s", w.Name, many(documents, "document"), cycles, many(changes, "change")), missed, nil
}

// due counts the cycles that were due after since, and before until.
func due(s Schedule, since, until time.Time) (n int) {
	for at := s.Next(since); at.After(since) && at.Before(until) && n < maxDue; at = s.Next(at) {
		since = at
		n++
	}
	return n
}

// cyclesRun says how many of the due cycles were run, or if none was due, how many were
// run. Others, such as those at start-up or on demand, make up for missed ones.
func cyclesRun(due int, ran map[coc.Outcome]int) (text string, missed int) {
	run, stopped := ran[coc.CycleGood]+ran[coc.CycleUnattested]+ran[coc.CycleFailed]+ran[coc.CycleRunning], ran[coc.CycleStopped]
	text = many(run, "cycle") + " run"
	if due > 0 {
		run = min(run, due)
		stopped = min(stopped, due-run)
		text = number(run) + " of " + many(due, "cycle") + " run"
	}
	missed = max(0, due-run-stopped)
	failed := "of them failed"
	if missed > 0 || stopped > 0 {
		failed = "of those run failed"
	}
	var notes []string
	for _, note := range []struct {
		n    int
		what string
	}{{missed, "missed"}, {stopped, "stopped"}, {min(ran[coc.CycleFailed], run), failed}, {min(ran[coc.CycleUnattested], run), "unattested"}} {
		if note.n > 0 {
			notes = append(notes, number(note.n)+" "+note.what)
		}
	}
	if notes != nil {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	return text, missed
}

// period names the time from since to until.
func period(since, until time.Time) string {
	end := until.UTC().Format("2 Jan")
	if days := int(until.Sub(since).Round(24*time.Hour) / (24 * time.Hour)); days > 7 {
		return fmt.Sprintf("%s to %s", many(days, "day"), end)
	}
	return "Week to " + end
}

// many writes a number with its noun, for reading.
func many(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// number writes a number with commas between the thousands.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
