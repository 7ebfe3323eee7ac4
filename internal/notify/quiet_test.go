package notify

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

// Quiet hours may span midnight and are in the time zone, also on the days on which its clock
// changes.
func TestQuietHours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	night := Quiet{From: 22 * time.Hour, To: 7 * time.Hour, In: berlin}
	noon := Quiet{From: 12 * time.Hour, To: 13*time.Hour + 30*time.Minute}
	for _, test := range []struct {
		q          Quiet
		now, until string
	}{
		{night, "2026-07-01T21:59:59+02:00", ""},
		{night, "2026-07-01T22:00:00+02:00", "2026-07-02T07:00:00+02:00"},
		{night, "2026-07-01T23:00:00Z", "2026-07-02T07:00:00+02:00"},
		{night, "2026-07-02T06:59:59+02:00", "2026-07-02T07:00:00+02:00"},
		{night, "2026-07-02T07:00:00+02:00", ""},
		{night, "2026-10-24T23:00:00+02:00", "2026-10-25T07:00:00+01:00"}, // ten hours long
		{night, "2026-03-28T23:00:00+01:00", "2026-03-29T07:00:00+02:00"}, // eight
		{noon, "2026-07-01T12:00:00Z", "2026-07-01T13:30:00Z"},
		{noon, "2026-07-01T11:59:59Z", ""},
		{noon, "2026-07-01T13:30:00Z", ""},
		{Quiet{From: 0, To: 24 * time.Hour}, "2026-07-01T23:59:59Z", "2026-07-02T00:00:00Z"},
		{Quiet{}, "2026-07-01T23:59:59Z", ""},
	} {
		now, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if until := test.q.until(now); !until.IsZero() {
			got = until.Format(time.RFC3339)
		}
		if got != test.until {
			t.Errorf("quiet %v to %v: at %s until %q, want %q", test.q.From, test.q.To, test.now, got, test.until)
		}
	}
}

// What quiet hours held back is delayed when they are over, and what was due before or after
// them is not.
func TestDelayed(t *testing.T) {
	night := Quiet{From: 22 * time.Hour, To: 7 * time.Hour}
	at := func(day, hour int) time.Time { return time.Date(2026, 7, day, hour, 0, 0, 0, time.UTC) }
	for _, test := range []struct {
		due, now time.Time
		want     bool
	}{
		{at(1, 23), at(2, 7), true},
		{at(2, 3), at(2, 12), true},
		{at(2, 8), at(2, 12), false},
		{at(1, 21), at(2, 12), false},
		{at(1, 23), at(2, 6), false}, // not over
	} {
		if got := night.delayed(test.due, test.now); got != test.want {
			t.Errorf("due %v, now %v: slept = %v, want %v", test.due, test.now, got, test.want)
		}
	}
}

// In quiet hours changes wait, but for those that may pass and what must go before
// them; afterwards what waited is one digest.
func TestQuietHoursHoldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight UTC
		n := threaded()
		n.Quiet = Quiet{From: 22 * time.Hour, To: 7 * time.Hour, Except: []coc.Kind{coc.KindRewritten}}
		b := setUp(t, n)
		begun := time.Now()
		alarm := edit(4, 1, 2)
		alarm.Kind = coc.KindRewritten
		b.out.queue("ops", edit(1, 1, 1), edit(2, 2, 1), edit(3, 3, 1), alarm)
		stop := b.start(t, nil)
		defer stop()
		time.Sleep(time.Hour)
		want := []string{"job-1 v1 → v2", "⚠ REWRITTEN: job-1 v2 → v3"}
		if d := cmp.Diff(want, b.layout()); d != "" {
			t.Errorf("at night (-want +got):\n%s", d)
		}
		if until := b.out.quietUntil("ops"); !until.Equal(begun.Add(7 * time.Hour)) {
			t.Errorf("recorded as quiet until %v", until)
		}
		b.out.add(coc.Delivery{Notifier: "ops", DueAt: time.Now(), Notice: &coc.Notice{ID: 1, Kind: coc.NoticeFailure,
			Title: "Watch w does not work"}})
		time.Sleep(time.Hour)
		want = append(want, "⚠ Watch w does not work (notice 1)")
		if d := cmp.Diff(want, b.layout()); d != "" {
			t.Errorf("with a failure (-want +got):\n%s", d)
		}
		time.Sleep(5*time.Hour + time.Minute)
		got := b.layout()
		if len(got) < 4 || got[3] != "2 changes in 2 documents: job-2 v1 → v2; job-3 v1 → v2 (changes 2–3)" {
			t.Errorf("in the morning: %q, want a digest of what waited", got)
		}
		b.out.queue("ops", edit(5, 2, 2), edit(6, 3, 2))
		time.Sleep(time.Minute)
		if got := b.layout(); !slices.Contains(got, "job-2 v2 → v3") || !slices.Contains(got, "job-3 v2 → v3") {
			t.Errorf("by day: %q, want a message each", got)
		}
	})
}

// However much waits in quiet hours, what may pass does; and if anything waited
// through them, all is one digest afterwards.
func TestQuietHoursBlockNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight
		n := byToken("ops", testChannel)
		n.Quiet = Quiet{To: 7 * time.Hour, Except: []coc.Kind{coc.KindRewritten}}
		b := setUp(t, n)
		for i := range int64(maxDue) {
			b.out.queue("ops", edit(i+1, i, 1))
		}
		alarm := edit(maxDue+1, maxDue+1, 1)
		alarm.Kind = coc.KindRewritten
		b.out.queue("ops", alarm)
		b.out.add(coc.Delivery{Notifier: "ops", DueAt: time.Now(), Notice: &coc.Notice{ID: 1, Kind: coc.NoticeFailure,
			Watch: "w", Title: "Watch w does not work"}})
		stop := b.start(t, nil)
		time.Sleep(time.Hour)
		stop()
		if got := len(b.slack.Messages()); got != 2 {
			t.Errorf("%d messages at night, want the deletion and the failure", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		n := byToken("ops", testChannel)
		n.Quiet = Quiet{From: 22 * time.Hour, To: 7 * time.Hour}
		b := setUp(t, n)
		time.Sleep(21*time.Hour + 59*time.Minute + 50*time.Second)
		if err := b.out.Hold(t.Context(), "ops", "is_archived", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		b.out.queue("ops", edit(1, 1, 1)) // due before the quiet hours
		time.Sleep(3 * time.Hour)
		for i := range int64(7) {
			b.out.queue("ops", edit(i+2, i+2, 1))
		}
		stop := b.start(t, nil)
		time.Sleep(9 * time.Hour)
		stop()
		if got := b.texts(); len(got) != 1 || got[0] != "8 changes in 8 documents" {
			t.Errorf("in the morning: %q, want one digest", got)
		}
	})
}
