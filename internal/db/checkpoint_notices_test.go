package db

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// queueCheckpoint queues the daily checkpoint at a time, and returns the notifiers that it added.
func queueCheckpoint(t *testing.T, d *DB, now time.Time) (names []string) {
	t.Helper()
	n := coc.NewNotice{Notify: []string{"oncall"}, Notice: coc.Notice{Kind: coc.NoticeCheckpoint, At: now, Title: "Daily checkpoint", Lines: []string{}}}
	added, err := d.QueueCheckpoint(t.Context(), n, []string{"ops", "team"}, now.Add(-23*time.Hour), now)
	if err != nil {
		t.Fatal(err)
	}
	if !added {
		return nil
	}
	names, err = collect[string](d.reading(t.Context(), "deliveries"),
		`SELECT notifier FROM deliveries WHERE notice_id = (SELECT max(id) FROM notices) ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// sendDue sends everything that is due for a notifier at a time.
func sendDue(t *testing.T, d *DB, notifier string, now time.Time) {
	t.Helper()
	due, err := d.Due(t.Context(), notifier, now, nil, 100)
	for _, y := range due {
		if err == nil {
			_, err = d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{{Claims: []int64{y.ID},
				Message: coc.Message{Notifier: notifier, Kind: coc.MessageNotice, Body: []byte("[]")}}}}, now)
		}
	}
	for err == nil {
		m, ok, _, nextErr := d.Next(t.Context(), notifier, now)
		if err = nextErr; err != nil || !ok {
			break
		}
		m.State, m.SentAt = coc.Sent, now
		err = d.RecordAttempt(t.Context(), m)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The daily checkpoint is for the operators always, and for others that were sent something since their
// last one. One that is pending is not queued again. A clock that was wrong does not prevent the next one.
func TestCheckpointNotices(t *testing.T) {
	d, cycle := open(t)
	want := func(now time.Time, names ...string) {
		t.Helper()
		if got := queueCheckpoint(t, d, now); strings.Join(got, " ") != strings.Join(names, " ") {
			t.Errorf("QueueCheckpoint(%v) is for %v, want %v", now, got, names)
		}
	}
	want(day) // no cycle has ended
	if err := d.End(t.Context(), coc.Cycle{Key: cycle, Watch: "runbooks", EndedAt: day, Outcome: coc.CycleGood}, nil); err != nil {
		t.Fatal(err)
	}
	after := func(hours int) time.Time { return day.Add(time.Duration(hours) * time.Hour) }
	want(after(1), "oncall")
	want(after(2)) // it is not a day later
	sendDue(t, d, "oncall", after(2))
	want(after(20))
	commit(t, d, step("DM1", "a\n"))
	want(after(22)) // nothing was sent to ops yet
	sendDue(t, d, "ops", after(23))
	want(after(23), "ops")
	want(after(24), "oncall") // which was not affected
	want(after(80))           // both are pending
	sendDue(t, d, "oncall", after(81))
	want(after(82), "oncall")
	sendDue(t, d, "ops", after(83))
	want(after(120)) // ops was sent only its checkpoint, and that of oncall is pending
	commit(t, d, step("DM2", "a\n"))
	sendDue(t, d, "ops", after(130))
	sendDue(t, d, "oncall", after(130))

	// The clock is ahead by years, and set back.
	want(after(90000), "oncall", "ops")
	sendDue(t, d, "oncall", after(90000))
	sendDue(t, d, "ops", after(90000))
	commit(t, d, step("DM3", "a\n"))
	sendDue(t, d, "ops", after(131))
	want(after(131), "oncall", "ops")
	want(after(132))
}

// Without the key only the operators get a message: it says why there is no checkpoint.
func TestCheckpointNoticesWithoutKey(t *testing.T) {
	d, cycle := open(t)
	commit(t, d, step("DM1", "a\n"))
	now := day.Add(time.Hour)
	sendDue(t, d, "ops", now)
	if err := d.End(t.Context(), coc.Cycle{Key: cycle, Watch: "runbooks", EndedAt: day, Outcome: coc.CycleGood}, nil); err != nil {
		t.Fatal(err)
	}
	key := d.key
	d.key = nil
	if got := queueCheckpoint(t, d, now); len(got) != 1 || got[0] != "oncall" {
		t.Errorf("QueueCheckpoint without the key is for %v", got)
	}
	if list, err := d.SignedHeads(t.Context(), now); !errors.Is(err, coc.ErrNoKey) || list != nil {
		t.Errorf("SignedHeads without the key = %v, %v", list, err)
	}
	d.key = key
	if got := queueCheckpoint(t, d, now); len(got) != 1 || got[0] != "ops" {
		t.Errorf("QueueCheckpoint with the key is for %v", got)
	}
}

// The head file has the heads before a message can have them: an older copy of the database, which lacks
// what a message has, is detected. If it cannot be written, there are none.
func TestSignedHeadsAreInTheHeadFile(t *testing.T) {
	d, _ := open(t)
	for i, id := range []string{"DM1", "DM2", "DM3"} {
		commit(t, d, step(id, "a\n"))
		heads, err := d.SignedHeads(t.Context(), day)
		if err != nil || len(heads) != 1 {
			t.Fatalf("SignedHeads = %v, %v", heads, err)
		}
		file, err := os.ReadFile(HeadFile(d.Path()))
		root := base64.StdEncoding.EncodeToString(heads[0].Root[:])
		if err != nil || !strings.Contains(string(file), root) || !strings.Contains(string(heads[0].Note), root) {
			t.Errorf("%d: %v: the head file lacks %s", i, err, root)
		}
		sent, err := d.SentNotes(t.Context(), "", day)
		if err != nil || len(sent) != 1 || string(sent[0]) != string(heads[0].Note) {
			t.Errorf("%d: SentNotes = %q, %v, want %q", i, sent, err, heads[0].Note)
		}
	}
	if err := os.MkdirAll(filepath.Join(HeadFile(d.Path())+".new", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	commit(t, d, step("DM4", "a\n"))
	if heads, err := d.SignedHeads(t.Context(), day); !errors.Is(err, coc.ErrNoHeadFile) || heads != nil {
		t.Errorf("SignedHeads without a head file = %v, %v", heads, err)
	}
	if err := os.RemoveAll(HeadFile(d.Path()) + ".new"); err != nil {
		t.Fatal(err)
	}
}
