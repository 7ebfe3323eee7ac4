package db

import (
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"cocsync/internal/coc"
	"cocsync/migrations"
)

// post freezes one message and records it as sent with a timestamp.
func post(t *testing.T, d *DB, now time.Time, m coc.Message, ts string) int64 {
	t.Helper()
	m.Notifier, m.Body = "ops", []byte("[]")
	ids, err := d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{{Message: m}}}, now)
	if err != nil {
		t.Fatal(err)
	}
	if ts != "" {
		m.ID, m.State, m.SentAt, m.Channel, m.TS = ids[0], coc.Sent, now, "C1", ts
		if err := d.RecordAttempt(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	return ids[0]
}

// document archives a document and returns its key.
func document(t *testing.T, d *DB, id string) coc.Key {
	t.Helper()
	commit(t, d, step(id, "a\n"))
	list, err := all(d.Documents(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return list[len(list)-1].Key
}

// Thread returns the first message of a notifier about a document since a time, also after a
// restart.
func TestThread(t *testing.T) {
	d, _ := open(t)
	doc := document(t, d, "DM1")
	thread := func(notifier string, since time.Time) int64 {
		t.Helper()
		id, err := d.Thread(t.Context(), notifier, doc, "", since)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	if got := thread("ops", day); got != 0 {
		t.Errorf("Thread of no messages = %d", got)
	}
	root := coc.Message{Kind: coc.MessageRoot, Document: doc}
	unsent := post(t, d, day, root, "")
	first := post(t, d, day.Add(time.Hour), root, "1.1")
	second := post(t, d, day.Add(2*time.Hour), root, "2.2")
	for since, want := range map[time.Time]int64{
		day.Add(-time.Second):  unsent, // pending, but the first
		day:                    first,
		day.Add(time.Hour):     second,
		day.Add(2 * time.Hour): 0,
	} {
		if got := thread("ops", since); got != want {
			t.Errorf("Thread since %v = %d, want %d", since, got, want)
		}
	}
	if got := thread("other", day); got != 0 {
		t.Errorf("Thread of another notifier = %d", got)
	}
	failed := coc.Message{ID: unsent, Kind: coc.MessageRoot, State: coc.Failed}
	if err := d.RecordAttempt(t.Context(), failed); err != nil {
		t.Fatal(err)
	}
	if got := thread("ops", day.Add(-time.Second)); got != first {
		t.Errorf("Thread after a failed message = %d, want %d", got, first)
	}
}

// Messages after a reply are in the thread of the first message and are sent after it.
func TestThreadOfReplies(t *testing.T) {
	d, _ := open(t)
	doc := document(t, d, "DM1")
	root := &coc.Draft{Message: coc.Message{Notifier: "ops", Kind: coc.MessageRoot, Document: doc, Body: []byte("[]")}}
	reply := &coc.Draft{Message: coc.Message{Notifier: "ops", Kind: coc.MessageReply, Document: doc, Body: []byte("[]")}, ReplyTo: root}
	file := &coc.Draft{Message: coc.Message{Notifier: "ops", Kind: coc.MessageFile, Document: doc, Body: []byte("{}")}, ReplyTo: reply}
	if _, err := d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{reply, root}}, day); err == nil {
		t.Error("Freeze of a reply before its parent succeeded")
	}
	ids, err := d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{root, reply, file}}, day)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		m, ok, _, err := d.Next(t.Context(), "ops", day)
		if err != nil || !ok || m.ID != id {
			t.Fatalf("Next = %d, %v, %v, want message %d", m.ID, ok, err, id)
		}
		if i > 0 && (m.ThreadTS != "1.1" || m.ThreadChannel != "C1") {
			t.Errorf("%s is in the thread %q of %q, want 1.1 of C1", m.Kind, m.ThreadTS, m.ThreadChannel)
		}
		m.State, m.SentAt, m.Channel, m.TS = coc.Sent, day, "C1", []string{"1.1", "2.2", ""}[i]
		if err := d.RecordAttempt(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}

// Backlogs includes quiet hours and messages sent as plain text.
func TestBacklogReasons(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	if err := d.Pause(t.Context(), "ops", coc.PauseQuietHours, day.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	id := post(t, d, day, coc.Message{Kind: coc.MessageNotice}, "")
	m := coc.Message{ID: id, Kind: coc.MessageNotice, State: coc.Sent, Plain: true, SentAt: day, TS: "1.1", Err: "invalid_blocks"}
	if err := d.RecordAttempt(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	list, err := d.Backlogs(t.Context(), day.Add(-time.Second))
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if b := list[0]; !b.Quiet.Equal(day.Add(time.Hour)) || b.Plain != 1 || b.PlainErr != "invalid_blocks" {
		t.Errorf("Backlogs = %+v, want quiet hours and a plain message", b)
	}
	if list, err = d.Backlogs(t.Context(), day); err != nil || list[0].Plain != 0 {
		t.Errorf("Backlogs since then = %+v, %v, want no plain message", list, err)
	}
}

// Due distinguishes deliveries added by a route from those of the watch.
func TestRoutedDeliveries(t *testing.T) {
	d, _ := open(t)
	s := step("DM1", "a\n")
	s.Changes[0].Notify, s.Changes[0].Routed = []string{"ops"}, []string{"security"}
	commit(t, d, s)
	for name, want := range map[string]bool{"ops": false, "security": true} {
		list, err := d.Due(t.Context(), name, day.Add(releaseAfter), nil, 10)
		if err != nil || len(list) != 1 || list[0].Routed != want {
			t.Errorf("Due of %s = %+v, %v, want Routed %v", name, list, err, want)
		}
	}
}

// Pending messages of an archive of the first schema are migrated: they have no code, so they
// are composed again.
func TestArchiveOfTheFirstSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	first, err := fs.ReadFile(migrations.Files, "0001_archive.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), path, fstest.MapFS{"0001_archive.sql": {Data: first}}, 1); err != nil {
		t.Fatal(err)
	}
	c, err := sql.Open("sqlite", writeDSN(path))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.ExecContext(t.Context(), `
		INSERT INTO notices (kind, watch, at, title, lines) VALUES ('trouble', 'w', 1, 'old', '[]');
		INSERT INTO messages (notifier, kind, body, text, plain, state, attempts, created_at, next_at, channel, ts, error)
			VALUES ('ops', 'notice', x'5b5d', 't', 0, 'waiting', 1, 1, 1, '', '', 'old');
		INSERT INTO deliveries (notifier, notice_id, state, due_at, message_id) VALUES ('ops', 1, 'claimed', 1, 1)`)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if m, ok, _, err := d.Next(t.Context(), "ops", day); err != nil || ok {
		t.Errorf("Next = %+v, %v, %v, want none", m, ok, err)
	}
	if list, err := d.Due(t.Context(), "ops", day, nil, 10); err != nil || len(list) != 1 || list[0].Notice.Title != "old" || list[0].Routed {
		t.Errorf("Due = %+v, %v, want the old notice", list, err)
	}
}

// A reply to a deleted thread opens a new one, and the old one gets no more replies. Each channel
// has its own thread.
func TestDeletedThread(t *testing.T) {
	d, _ := open(t)
	doc := document(t, d, "DM1")
	root := post(t, d, day, coc.Message{Kind: coc.MessageRoot, Document: doc}, "1.1")
	reply := post(t, d, day, coc.Message{Kind: coc.MessageReply, Document: doc, Parent: root}, "")
	m, _, _, err := d.Next(t.Context(), "ops", day)
	if err != nil || m.ID != reply || m.ThreadTS != "1.1" {
		t.Fatalf("Next = %+v, %v", m, err)
	}
	m.Kind, m.State, m.SentAt, m.Channel, m.TS = coc.MessageRoot, coc.Sent, day, "C2", "2.2"
	if err := d.RecordAttempt(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for channel, want := range map[string]int64{"": reply, "C2": reply, "C1": 0} {
		if got, err := d.Thread(t.Context(), "ops", doc, channel, day.Add(-time.Hour)); err != nil || got != want {
			t.Errorf("Thread in %q = %d, %v, want %d", channel, got, err, want)
		}
	}
	next := post(t, d, day, coc.Message{Kind: coc.MessageReply, Document: doc, Parent: reply}, "")
	if m, _, _, err = d.Next(t.Context(), "ops", day); err != nil || m.ID != next || m.ThreadTS != "2.2" || m.ThreadChannel != "C2" {
		t.Errorf("a reply to it is in %s of %s, %v, want 2.2 of C2", m.ThreadTS, m.ThreadChannel, err)
	}
}

// With kinds, Due returns only these and the deliveries that must be sent before them.
func TestDueByKinds(t *testing.T) {
	d, _ := open(t)
	first, other := step("DM1", "a\n"), step("DM2", "b\n")
	later := step("DM1", "c\n")
	later.Versions[0].Label, later.Changes[0] = "v2", coc.NewChange{Kind: coc.KindRewritten, At: day,
		From: coc.RevisionRef{Label: "v1", Number: 1}, To: coc.RevisionRef{Label: "v2", Number: 1}, Notify: []string{"ops"}}
	commit(t, d, first, other, later)
	for want, kinds := range map[string][]coc.Kind{"1 2 3": nil, "1 3": {coc.KindRewritten}, "": {}} {
		list, err := d.Due(t.Context(), "ops", day.Add(releaseAfter), kinds, 10)
		var got []string
		for _, dl := range list {
			got = append(got, fmt.Sprint(dl.Change.Key.ID))
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("Due of kinds %q = %q, %v, want %q", kinds, got, err, want)
		}
	}
}

// After Freeze each target has a delivery: a new one, the one that was dropped, or the existing
// one.
func TestFreezeAims(t *testing.T) {
	d, _ := open(t)
	s := step("DM1", "a\n")
	s.Changes[0].Notify, s.Changes[0].Routed = []string{"ops", "sent"}, []string{"security"}
	commit(t, d, s)
	now := day.Add(releaseAfter)
	take := func(name string) coc.Delivery {
		list, err := d.Due(t.Context(), name, now, nil, 10)
		if err != nil || len(list) != 1 {
			t.Fatalf("Due of %s = %+v, %v, want 1", name, list, err)
		}
		return list[0]
	}
	change := take("ops").Change.Key
	claim := coc.Message{Notifier: "sent", Kind: coc.MessageRoot, Body: []byte("[]")}
	_, err := d.Freeze(t.Context(), coc.Batch{
		Drafts: []*coc.Draft{{Message: claim, Claims: []int64{take("sent").ID}}},
		Drop:   []int64{take("ops").ID, take("security").ID},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	to := coc.Recipients{Change: change, Routed: []string{"new", "security"}, FromWatches: []string{"ops", "sent", "stranger"}}
	for range 2 {
		if _, err := d.Freeze(t.Context(), coc.Batch{Recipients: []coc.Recipients{to}}, now); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int{"ops": 1, "security": 1, "new": 1, "sent": 0, "stranger": 0} {
		if list, err := d.Due(t.Context(), name, now, nil, 10); err != nil || len(list) != want {
			t.Errorf("Due of %s = %d, %v, want %d", name, len(list), err, want)
		}
	}
}
