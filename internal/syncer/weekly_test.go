package syncer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// every is a schedule with so long between its cycles, on whole multiples of it.
type every time.Duration

func (e every) Next(t time.Time) time.Time {
	return t.Truncate(time.Duration(e)).Add(time.Duration(e))
}

// run makes cycles that were due after the world's now, until then.
func (w *world) run(every time.Duration, until time.Time) {
	w.t.Helper()
	for {
		next := w.now.Truncate(every).Add(every)
		if !next.Before(until) {
			w.now = until
			return
		}
		w.now = next.Add(time.Second)
		if _, err := w.s.Run(w.t.Context(), w.w, Options{Trigger: coc.TriggerSchedule}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// weekly calls Weekly, and returns the newest notice's title and
// lines.
func (w *world) weekly(schedule every) (title, lines string, n int) {
	w.t.Helper()
	if err := w.s.Weekly(w.t.Context(), []Watch{{Name: w.w.Name, Schedule: schedule}}); err != nil {
		w.t.Fatalf("Weekly = %v", err)
	}
	for _, d := range w.due("oncall") {
		if d.Notice != nil && d.Notice.Kind == coc.NoticeWeekly {
			title, lines = d.Notice.Title, strings.Join(d.Notice.Lines, "\n")
			n++
		}
	}
	return title, lines, n
}

const hour = time.Hour

// A week is reported when it is over, once, and the next one a week later to the day,
// however late the first was within it.
func TestWeekly(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.coc.put("DM2", "a\n")
	w.run(hour, w.now.Add(3*hour))
	begin := day.Add(25*hour + time.Second) // the first cycle
	w.coc.edit("DM1", "b\n", "bob")
	w.run(hour, begin.Add(week-time.Minute))
	if _, _, n := w.weekly(every(hour)); n != 0 {
		t.Errorf("%d notices before the week is over", n)
	}
	w.run(hour, begin.Add(week+30*time.Minute))
	for range 2 {
		title, lines, n := w.weekly(every(hour))
		if n != 1 || title != "Week to 9 Mar: 2 documents watched, 1 change" ||
			lines != "runbooks: 2 documents, 167 of 167 cycles run, 1 change" {
			t.Errorf("notice %d: %q, %q", n, title, lines)
		}
	}
	w.run(hour, begin.Add(2*week-time.Second))
	if _, _, n := w.weekly(every(hour)); n != 1 {
		t.Errorf("%d notices before the second week is over, want 1", n)
	}
	w.run(hour, begin.Add(2*week))
	title, lines, n := w.weekly(every(hour))
	if n != 2 || title != "Week to 16 Mar: 2 documents watched, no changes" ||
		lines != "runbooks: 2 documents, 168 of 168 cycles run, no changes" {
		t.Errorf("notice %d: %q, %q", n, title, lines)
	}
}

// The notice wakes the sender, and only the call that queued it does.
func TestWeeklyWakesTheSender(t *testing.T) {
	w := newWorld(t)
	w.cycle()
	pokes := 0
	w.s.DeliveriesDue = func() { pokes++ }
	w.now = w.now.Add(week)
	for range 3 {
		w.weekly(every(hour))
	}
	if pokes != 1 {
		t.Errorf("the sender was woken %d times, want once", pokes)
	}
}

// Missed and failed cycles are named. A daemon that was down for long reports all the time
// since the previous notice.
func TestWeeklyNamesWhatWasMissed(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	begin := day.Add(25*hour + time.Second)
	w.run(hour, begin.Add(2*24*hour))
	w.coc.fail["list"] = coc.ErrTemporary
	w.run(hour, begin.Add(2*24*hour+3*hour))
	delete(w.coc.fail, "list")
	w.now = begin.Add(6 * 24 * hour)
	w.run(hour, begin.Add(week))
	title, lines, _ := w.weekly(every(hour))
	if title != "Week to 9 Mar: 1 document watched, no changes, 92 cycles missed" ||
		lines != "runbooks: 1 document, 75 of 167 cycles run (92 missed, 3 of those run failed), no changes" {
		t.Errorf("%q, %q", title, lines)
	}
	w.now = begin.Add(4 * week)
	title, lines, n := w.weekly(every(hour))
	if n != 2 || title != "21 days to 30 Mar: 1 document watched, no changes, 503 cycles missed" ||
		lines != "runbooks: 1 document, 1 of 504 cycles run (503 missed), no changes" {
		t.Errorf("after three weeks: notice %d: %q, %q", n, title, lines)
	}
	// From now on it is due a week after this one.
	w.now = begin.Add(5*week - time.Second)
	if _, _, n := w.weekly(every(hour)); n != 2 {
		t.Errorf("%d notices, want 2", n)
	}
}

// A watch that entered within the week owes nothing from before.
func TestWeeklyCountsANewWatchFromItsStart(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	begin := day.Add(25*hour + time.Second)
	w.run(hour, begin.Add(hour))
	old := w.w
	w.w.Name = "late"
	w.now = begin.Add(week - 3*hour)
	w.run(hour, begin.Add(week))
	err := w.s.Weekly(t.Context(), []Watch{{Name: old.Name, Schedule: every(24 * hour)},
		{Name: w.w.Name, Schedule: every(hour)}, {Name: "newest", Schedule: every(hour)}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range w.due("oncall") {
		if d.Notice != nil && d.Notice.Kind == coc.NoticeWeekly {
			got = append([]string{d.Notice.Title}, d.Notice.Lines...)
		}
	}
	want := []string{
		"Week to 9 Mar: 1 document watched, no changes, 5 cycles missed",
		"runbooks: 1 document, 2 of 7 cycles run (5 missed), no changes",
		"late: 1 document, 1 of 1 cycle run, no changes",
		"newest: no documents, no cycles run, no changes",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// If only cron knows the schedule, the cycles that ran are reported, each in one week, and
// none is missed.
func TestWeeklyWithoutASchedule(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.now = day
	weekly := func() (got string, n int) {
		t.Helper()
		if err := w.s.Weekly(t.Context(), []Watch{{Name: w.w.Name}}); err != nil {
			t.Fatalf("Weekly = %v", err)
		}
		for _, d := range w.due("oncall") {
			if d.Notice != nil && d.Notice.Kind == coc.NoticeWeekly {
				got = d.Notice.Title + "\n" + strings.Join(d.Notice.Lines, "\n")
				n++
			}
		}
		return got, n
	}
	begin := day.Add(hour + time.Second)
	w.run(hour, begin.Add(24*hour))
	w.coc.fail["list"] = coc.ErrTemporary
	w.run(hour, begin.Add(26*hour))
	delete(w.coc.fail, "list")
	w.coc.edit("DM1", "b\n", "bob")
	w.run(hour, begin.Add(week-330*time.Second))
	w.cycle(Options{Trigger: coc.TriggerSync}) // the first week's last, by half a minute
	w.now = begin.Add(week)
	for range 2 {
		want := "Week to 8 Mar: 1 document watched, 1 change\nrunbooks: 1 document, 169 cycles run (2 of them failed), 1 change"
		if got, n := weekly(); n != 1 || got != want {
			t.Errorf("notice %d: %q, want the first, %q", n, got, want)
		}
	}
	w.now = begin.Add(3 * week)
	w.stop(0)
	w.cycle(Options{Trigger: coc.TriggerSync})
	w.now = w.now.Add(time.Second)
	want := "14 days to 22 Mar: 1 document watched, no changes\nrunbooks: 1 document, 1 cycle run (1 stopped), no changes"
	if got, n := weekly(); n != 2 || got != want {
		t.Errorf("notice %d: %q, want the second, %q", n, got, want)
	}
}

// Nothing is sent without operators or before the first cycle, and of an archive older than
// weekly notices only the last week is reported.
func TestWeeklySendsNothing(t *testing.T) {
	w := newWorld(t)
	if _, _, n := w.weekly(every(hour)); n != 0 {
		t.Errorf("%d notices of an archive without cycles", n)
	}
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.now = w.now.Add(50 * week)
	w.s.Operators = nil
	if _, _, n := w.weekly(every(hour)); n != 0 {
		t.Errorf("%d notices without operators", n)
	}
	w.s.Operators = []string{"oncall"}
	if title, _, n := w.weekly(every(hour)); n != 1 || !strings.HasPrefix(title, "Week to ") {
		t.Errorf("%d notices, %q, want one week", n, title)
	}
}

func TestCyclesRun(t *testing.T) {
	for _, tt := range []struct {
		due                        int
		good, bad, stopped, missed int
		want                       string
	}{
		{2016, 2016, 0, 0, 0, "2,016 of 2,016 cycles run"},
		{2016, 2020, 0, 1, 0, "2,016 of 2,016 cycles run"},
		{2016, 2013, 3, 0, 0, "2,016 of 2,016 cycles run (3 of them failed)"},
		{2016, 1737, 3, 0, 276, "1,740 of 2,016 cycles run (276 missed, 3 of those run failed)"},
		{2016, 2014, 0, 5, 0, "2,014 of 2,016 cycles run (2 stopped)"},
		{2016, 0, 0, 6, 2010, "0 of 2,016 cycles run (2,010 missed, 6 stopped)"},
		{1, 1, 0, 0, 0, "1 of 1 cycle run"},
		{0, 1, 0, 0, 0, "1 cycle run"},
		{0, 0, 0, 0, 0, "no cycles run"},
		{0, 2013, 3, 0, 0, "2,016 cycles run (3 of them failed)"},
		{0, 2013, 3, 2, 0, "2,016 cycles run (2 stopped, 3 of those run failed)"},
		{1234567, 1234567, 0, 0, 0, "1,234,567 of 1,234,567 cycles run"},
	} {
		got, missed := cyclesRun(tt.due, map[coc.Outcome]int{coc.CycleGood: tt.good, coc.CycleFailed: tt.bad, coc.CycleStopped: tt.stopped})
		if got != tt.want || missed != tt.missed {
			t.Errorf("cyclesRun(%d, %d good, %d failed, %d stopped) = %q, %d, want %q, %d",
				tt.due, tt.good, tt.bad, tt.stopped, got, missed, tt.want, tt.missed)
		}
	}
	const want = "2,016 of 2,016 cycles run (12 unattested)"
	if got, missed := cyclesRun(2016, map[coc.Outcome]int{coc.CycleGood: 2004, coc.CycleUnattested: 12}); got != want || missed != 0 {
		t.Errorf("cyclesRun of 2004 good and 12 unattested = %q, %d, want %q, 0", got, missed, want)
	}
}

// stuck is a schedule whose next time never advances, never one without a next time.
type stuck struct{}

func (stuck) Next(t time.Time) time.Time { return t }

type never struct{}

func (never) Next(time.Time) time.Time { return time.Time{} }

// A schedule of each second is counted to its end, and an odd one ends.
func TestDue(t *testing.T) {
	for _, tt := range []struct {
		schedule Schedule
		want     int
	}{
		{every(time.Second), 604_799}, {stuck{}, 0}, {never{}, 0},
	} {
		if got := due(tt.schedule, day, day.Add(week)); got != tt.want {
			t.Errorf("due of %T = %d, want %d", tt.schedule, got, tt.want)
		}
	}
}
