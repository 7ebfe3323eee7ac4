package db

import (
	"testing"
	"time"

	"cocsync/internal/coc"
)

func freeze(t testing.TB, d *DB, now time.Time, list ...coc.Delivery) []int64 {
	t.Helper()
	var ids []int64
	for _, dl := range list {
		m := coc.Message{Notifier: dl.Notifier, Kind: coc.MessageRoot, Document: dl.Change.Document, Body: []byte("{}"), Text: "t"}
		got, err := d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{{Message: m, Claims: []int64{dl.ID}}}}, now)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, got...)
	}
	return ids
}

// A delivery is due at the end of its cycle, at most after two minutes.
func TestDeliveriesBecomeDue(t *testing.T) {
	d, cycle := open(t)
	s := step("DM1", "a\n")
	s.Cycle = cycle
	commit(t, d, s)
	due := func(now time.Time) int {
		list, err := d.Due(t.Context(), "ops", now, nil, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if got := due(day.Add(time.Minute)); got != 0 {
		t.Errorf("%d deliveries due while the cycle runs, want 0", got)
	}
	if got := due(day.Add(releaseAfter)); got != 1 {
		t.Errorf("%d deliveries due after %v, want 1", got, releaseAfter)
	}
	if err := d.Release(t.Context(), cycle, day.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := due(day.Add(time.Second)); got != 1 {
		t.Errorf("%d deliveries due after the cycle, want 1", got)
	}
}

// A claimed delivery is no longer due, and cannot be claimed twice.
func TestDeliveryIsClaimedOnce(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	now := day.Add(releaseAfter)
	list, err := d.Due(t.Context(), "ops", now, nil, 10)
	if err != nil || len(list) != 1 || list[0].Change == nil || list[0].Change.Name != "job DM1" {
		t.Fatalf("Due = %+v, %v, want the change of job DM1", list, err)
	}
	freeze(t, d, now, list...)
	if again, err := d.Due(t.Context(), "ops", now, nil, 10); err != nil || len(again) != 0 {
		t.Errorf("Due after Freeze = %d, %v, want 0", len(again), err)
	}
	m := coc.Message{Notifier: "ops", Kind: coc.MessageRoot, Body: []byte("{}")}
	if _, err := d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{{Message: m, Claims: []int64{list[0].ID}}}}, now); err == nil {
		t.Error("Freeze of a claimed delivery succeeded")
	}
}

// While a message is pending a retry, later messages about the same document are not sent, but
// messages about other documents are.
func TestNextKeepsTheOrderOfADocument(t *testing.T) {
	d, _ := open(t)
	first, other, later := step("DM1", "a\n"), step("DM2", "b\n"), step("DM1", "c\n")
	later.Versions[0].Label, later.Changes[0] = "v2", coc.NewChange{Kind: coc.KindVersion, At: day,
		From: coc.RevisionRef{Label: "v1", Number: 1}, To: coc.RevisionRef{Label: "v2", Number: 1}, Notify: []string{"ops"}}
	commit(t, d, first, other, later)
	now := day.Add(releaseAfter)
	list, err := d.Due(t.Context(), "ops", now, nil, 10)
	if err != nil || len(list) != 3 {
		t.Fatalf("Due = %d, %v, want 3", len(list), err)
	}
	ids := freeze(t, d, now, list...)
	next := func() (coc.Message, bool, time.Time) {
		m, ok, wake, err := d.Next(t.Context(), "ops", now)
		if err != nil {
			t.Fatal(err)
		}
		return m, ok, wake
	}
	m, ok, _ := next()
	if !ok || m.ID != ids[0] {
		t.Fatalf("Next = %d, %v, want message %d", m.ID, ok, ids[0])
	}
	retry := now.Add(time.Minute)
	m.Attempts, m.NextAt, m.Err = 1, retry, "503"
	if err := d.RecordAttempt(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	m, ok, _ = next()
	if !ok || m.ID != ids[1] {
		t.Fatalf("Next with a pending retry = %d, %v, want message %d", m.ID, ok, ids[1])
	}
	m.State, m.TS, m.SentAt = coc.Sent, "1.2", now
	if err := d.RecordAttempt(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if m, ok, wake := next(); ok || !wake.Equal(now) && !wake.Equal(retry) {
		t.Errorf("Next = %d, %v, wake %v, want nothing until %v", m.ID, ok, wake, retry)
	}
	if n, err := d.Retry(t.Context(), "", 0, now); err != nil || n != 2 {
		t.Errorf("Retry = %d, %v, want the 2 pending ones", n, err)
	}
	if m, ok, _ = next(); !ok || m.ID != ids[0] {
		t.Errorf("Next after Retry = %d, %v, want message %d", m.ID, ok, ids[0])
	}
	b, err := d.Backlogs(t.Context(), day)
	if err != nil || len(b) != 1 || b[0].Waiting != 2 {
		t.Errorf("Backlogs = %+v, %v, want 2 waiting", b, err)
	}
}

func TestHoldOutlivesTheProcess(t *testing.T) {
	d, _ := open(t)
	if err := d.Hold(t.Context(), "ops", "is_archived", day); err != nil {
		t.Fatal(err)
	}
	if why, until, err := d.Held(t.Context(), "ops"); err != nil || why != "is_archived" || !until.Equal(day) {
		t.Errorf("Held = %q, %v, %v", why, until, err)
	}
	if err := d.Hold(t.Context(), "ops", "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if why, _, err := d.Held(t.Context(), "ops"); err != nil || why != "" {
		t.Errorf("Held after it was ended = %q, %v", why, err)
	}
}

// End queues the notices of a cycle and records them for the watch.
func TestEndQueuesNotices(t *testing.T) {
	d, cycle := open(t)
	c := coc.Cycle{Key: cycle, Watch: "runbooks", EndedAt: day.Add(time.Second), Outcome: coc.CycleFailed, Err: "no list",
		Failures: []coc.Failure{{DocumentID: "DM1", Name: "job", Err: "503"}}}
	notice := coc.NewNotice{Notice: coc.Notice{Kind: coc.NoticeFailure, Watch: "runbooks", At: c.EndedAt, Title: "broken",
		Lines: []string{"a", "b"}}, Notify: []string{"ops"}}
	if err := d.End(t.Context(), c, []coc.NewNotice{notice}); err != nil {
		t.Fatal(err)
	}
	list, err := d.Due(t.Context(), "ops", c.EndedAt, nil, 10)
	if err != nil || len(list) != 1 || list[0].Notice == nil || list[0].Notice.Title != "broken" || len(list[0].Notice.Lines) != 2 {
		t.Errorf("Due = %+v, %v, want the notice", list, err)
	}
	s, err := d.Watch(t.Context(), "runbooks")
	if err != nil || s.FailureAt.IsZero() || s.FailedInARow != 1 {
		t.Errorf("Watch = %+v, %v, want a failure notice and one failure", s, err)
	}
	cycles, err := d.Cycles(t.Context(), "runbooks", CycleQuery{Partial: true}, 5)
	if err != nil || len(cycles) != 1 || len(cycles[0].Failures) != 1 || cycles[0].Err != "no list" {
		t.Errorf("Cycles = %+v, %v", cycles, err)
	}
}
