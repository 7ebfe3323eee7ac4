package db

import (
	"maps"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// cycle records a cycle of a watch that started at a time.
func cycle(t testing.TB, d *DB, watch string, began time.Time, how coc.Outcome, partial bool) coc.Key {
	t.Helper()
	id, err := d.Begin(t.Context(), coc.Cycle{Watch: watch, Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: began, Partial: partial})
	if err != nil {
		t.Fatal(err)
	}
	if how != coc.CycleRunning {
		err = d.End(t.Context(), coc.Cycle{Key: id, Watch: watch, EndedAt: began.Add(time.Second), Outcome: how}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func follow(t testing.TB, d *DB, watch string, at time.Time, complete bool, ids ...string) {
	t.Helper()
	var rows []coc.Row
	for _, id := range ids {
		rows = append(rows, coc.Row{DocumentID: id, Name: "job " + id})
	}
	if err := d.Follow(t.Context(), coc.NewMembers{Account: "prod", Watch: watch, Rows: rows, InitialSync: complete,
		ListComplete: complete, At: at}); err != nil {
		t.Fatal(err)
	}
}

// Ran counts the full cycles that started in a period by outcome; a cycle whose process died
// counts as stopped.
func TestCyclesOfAPeriod(t *testing.T) {
	d, _ := open(t) // its cycle started at day and is closed by the next one
	for i, how := range []coc.Outcome{coc.CycleGood, coc.CycleFailed, coc.CycleFailed, coc.CycleStopped, coc.CycleGood} {
		cycle(t, d, "runbooks", day.Add(time.Duration(i+1)*time.Hour), how, false)
	}
	cycle(t, d, "runbooks", day.Add(2*time.Hour), coc.CycleGood, true)
	cycle(t, d, "other", day.Add(2*time.Hour), coc.CycleGood, false)
	for _, tt := range []struct {
		since, until time.Duration // after day
		want         map[coc.Outcome]int
	}{
		{0, 5 * time.Hour, map[coc.Outcome]int{coc.CycleGood: 1, coc.CycleFailed: 2, coc.CycleStopped: 2}},
		{time.Hour, 6 * time.Hour, map[coc.Outcome]int{coc.CycleGood: 2, coc.CycleFailed: 2, coc.CycleStopped: 1}},
		{6 * time.Hour, 7 * time.Hour, map[coc.Outcome]int{}},
	} {
		got, _, err := d.Ran(t.Context(), "runbooks", day.Add(tt.since), day.Add(tt.until))
		if err != nil || !maps.Equal(got, tt.want) {
			t.Errorf("Ran(%v, %v) = %v, %v, want %v", tt.since, tt.until, got, err, tt.want)
		}
	}
	if first, err := d.FirstCycle(t.Context()); err != nil || !first.Equal(day) {
		t.Errorf("FirstCycle = %v, %v, want %v", first, err, day)
	}
}

// Stopped counts cycles since the newest good one.
func TestStoppedCountsFromTheLastGoodCycle(t *testing.T) {
	d, _ := open(t)
	at := func(i int) time.Time { return day.Add(time.Duration(i) * time.Hour) }
	want := func(n int, since time.Time) {
		t.Helper()
		if got, from, err := d.Stopped(t.Context(), "runbooks"); err != nil || got != n || !from.Equal(since) {
			t.Errorf("Stopped = %d since %v, %v, want %d since %v", got, from, err, n, since)
		}
	}
	want(0, time.Time{}) // it runs
	cycle(t, d, "runbooks", at(1), coc.CycleStopped, false)
	cycle(t, d, "runbooks", at(2), coc.CycleStopped, true)
	cycle(t, d, "runbooks", at(3), coc.CycleFailed, false)
	want(2, day)
	cycle(t, d, "runbooks", at(4), coc.CycleGood, false)
	want(0, time.Time{})
	cycle(t, d, "runbooks", at(5), coc.CycleRunning, false)
	cycle(t, d, "runbooks", at(6), coc.CycleRunning, false)
	want(1, at(5))
}

// Entered returns the first cycle in the period for a watch that is new or configured again.
func TestEnteredWithinThePeriod(t *testing.T) {
	d, _ := open(t)
	follow(t, d, "runbooks", day.Add(time.Second), true, "DM1")
	cycle(t, d, "late", day.Add(48*time.Hour), coc.CycleFailed, false)
	cycle(t, d, "late", day.Add(49*time.Hour), coc.CycleGood, false)
	follow(t, d, "late", day.Add(49*time.Hour), true, "DM1")
	until := day.Add(7 * 24 * time.Hour)
	for _, tt := range []struct {
		watch       string
		since, want time.Time
	}{
		{"runbooks", day.Add(-time.Hour), day},
		{"runbooks", day.Add(time.Hour), day.Add(time.Hour)},
		{"late", day.Add(time.Hour), day.Add(48 * time.Hour)},
		{"none", day, time.Time{}},
	} {
		if got, err := d.Entered(t.Context(), tt.watch, tt.since, until); err != nil || !got.Equal(tt.want) {
			t.Errorf("Entered(%q, %v) = %v, %v, want %v", tt.watch, tt.since, got, err, tt.want)
		}
	}
}

// FollowedChanges counts documents and changes of two watches once. It ignores backfill, changes
// from before the watch, and deleted documents.
func TestWatchedDocumentsAndChanges(t *testing.T) {
	d, _ := open(t)
	follow(t, d, "runbooks", day, true, "DM1", "DM2", "DM3")
	cycle(t, d, "other", day, coc.CycleGood, false)
	follow(t, d, "other", day.Add(time.Hour), true, "DM2", "DM4")
	put := func(id string, at time.Time, change func(*coc.Step)) {
		t.Helper()
		s := step(id, "a\n")
		s.SeenAt = at
		if change != nil {
			change(&s)
		}
		commit(t, d, s)
	}
	put("DM1", day.Add(time.Minute), func(s *coc.Step) { s.Changes[0].Backfill = true })
	put("DM2", day.Add(2*time.Hour), nil)
	put("DM3", day.Add(2*time.Hour), func(s *coc.Step) { s.State = coc.DocDeleted })
	put("DM4", day.Add(time.Minute), nil)
	for _, tt := range []struct {
		watches            []string
		documents, changes int
	}{
		{[]string{"runbooks"}, 2, 2},
		{[]string{"other"}, 2, 1},
		{[]string{"runbooks", "other"}, 3, 2},
		{[]string{"none"}, 0, 0},
		{nil, 0, 0},
	} {
		documents, changes, err := d.FollowedChanges(t.Context(), tt.watches, day, day.Add(3*time.Hour))
		if err != nil || documents != tt.documents || changes != tt.changes {
			t.Errorf("FollowedChanges(%q) = %d, %d, %v, want %d documents, %d changes", tt.watches, documents, changes, err,
				tt.documents, tt.changes)
		}
	}
	if _, changes, err := d.FollowedChanges(t.Context(), []string{"runbooks"}, day, day.Add(2*time.Hour)); err != nil || changes != 0 {
		t.Errorf("FollowedChanges before the changes = %d, %v, want none", changes, err)
	}
}

// QueueNotice adds one weekly notice per week. A notice from a wrong clock does not prevent
// others.
func TestWeeklyNoticeIsQueuedOnce(t *testing.T) {
	d, _ := open(t)
	shared, err := OpenShared(t.Context(), d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	queue := func(d *DB, since, at, now time.Time, want bool) {
		t.Helper()
		n := coc.NewNotice{Notify: []string{"ops", "lead"}, Notice: coc.Notice{Kind: coc.NoticeWeekly, At: at, Title: "alive",
			Lines: []string{"a"}}}
		if added, err := d.QueueNotice(t.Context(), n, since, now); err != nil || added != want {
			t.Errorf("QueueNotice(at %v, since %v) = %v, %v, want %v", at, since, added, err, want)
		}
	}
	week := 7 * 24 * time.Hour
	end := day.Add(week)
	queue(d, day, day.Add(100*week), day.Add(100*week), true) // the wrong clock
	queue(d, day, end, end.Add(time.Minute), true)
	queue(shared, day, end, end.Add(time.Minute), false)
	queue(shared, day, end.Add(time.Hour), end.Add(time.Hour), false) // too late for its day
	queue(d, end, end.Add(week), end.Add(week), true)
	if last, err := d.LastWeekly(t.Context(), end.Add(week)); err != nil || !last.Equal(end.Add(week)) {
		t.Errorf("LastWeekly = %v, %v, want %v", last, err, end.Add(week))
	}
	for _, notifier := range []string{"ops", "lead"} {
		list, err := d.Due(t.Context(), notifier, end.Add(week), nil, 10)
		if err != nil || len(list) != 3 || list[0].Notice == nil || list[0].Notice.Title != "alive" {
			t.Errorf("Due(%q) = %+v, %v, want the notices of two weeks, and the wrong clock's", notifier, list, err)
		}
	}
}

func TestLastWeeklyOfANewArchive(t *testing.T) {
	d, _ := open(t)
	if last, err := d.LastWeekly(t.Context(), day); err != nil || !last.IsZero() {
		t.Errorf("LastWeekly = %v, %v, want none", last, err)
	}
}
