package db

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// restored returns a step of a document with one change without versions.
func restored(id string, at time.Time, notify ...string) coc.Step {
	return coc.Step{Account: "prod", DocumentID: id, SeenAt: at, Changes: []coc.NewChange{{Kind: coc.KindWithdrawn, At: at, Notify: notify}}}
}

// Notifications returns the state of the delivery and the message of each notifier.
func TestNotifications(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"), restored("DM1", day, "digest", "dropped", "failed", "sent", "waiting"), restored("DM1", day))
	now := day.Add(releaseAfter)
	notifications := func() (list []string) {
		t.Helper()
		all, err := d.Notifications(t.Context(), key(2))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range all {
			s := fmt.Sprintf("%s %s %v", x.Notifier, x.State, x.DueAt.Sub(day))
			if m := x.Message; m != nil {
				s += fmt.Sprintf(": %s %s plain=%v %d %q %q %q %q next=%v sent=%v", m.Kind, m.State, m.Plain, m.Attempts, m.Channel,
					m.TS, m.Err, m.Text, m.NextAt.Sub(day), !m.SentAt.IsZero())
			}
			list = append(list, s)
		}
		return list
	}
	want := []string{"digest waiting 2m0s", "dropped waiting 2m0s", "failed waiting 2m0s", "sent waiting 2m0s", "waiting waiting 2m0s"}
	if got := notifications(); !slices.Equal(got, want) {
		t.Errorf("before any message, Notifications = %q, want %q", got, want)
	}
	for _, end := range []coc.Message{
		{Notifier: "failed", Kind: coc.MessageReply, State: coc.Failed, Plain: true, Attempts: 2, Err: "invalid_blocks", NextAt: now},
		{Notifier: "sent", Kind: coc.MessageRoot, State: coc.Sent, Attempts: 1, Channel: "C1", TS: "1.5", SentAt: now, NextAt: now},
		{Notifier: "waiting", Kind: coc.MessageRoot, State: coc.Waiting, Attempts: 3, Err: "503", NextAt: now.Add(time.Minute)},
		{Notifier: "dropped"},
	} {
		due, err := d.Due(t.Context(), end.Notifier, now, nil, 10)
		if err != nil || len(due) != 1 {
			t.Fatalf("Due(%s) = %d deliveries, %v", end.Notifier, len(due), err)
		}
		if end.Notifier == "dropped" {
			if _, err := d.Freeze(t.Context(), coc.Batch{Drop: []int64{due[0].ID}}, now); err != nil {
				t.Fatal(err)
			}
			continue
		}
		end.ID = freeze(t, d, now, due...)[0]
		if err := d.RecordAttempt(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	want = []string{
		"digest waiting 2m0s", "dropped dropped 2m0s",
		`failed failed 2m0s: reply failed plain=true 2 "" "" "invalid_blocks" "t" next=2m0s sent=false`,
		`sent sent 2m0s: root sent plain=false 1 "C1" "1.5" "" "t" next=2m0s sent=true`,
		`waiting claimed 2m0s: root waiting plain=false 3 "" "" "503" "t" next=3m0s sent=false`,
	}
	if got := notifications(); !slices.Equal(got, want) {
		t.Errorf("Notifications = %q, want %q", got, want)
	}
	if list, err := d.Notifications(t.Context(), key(3)); err != nil || len(list) > 0 {
		t.Errorf("Notifications of a change without notifiers = %v, %v", list, err)
	}
}

// Basis returns the response with the new content or fields, and the leaf at any position in
// the log.
func TestBasis(t *testing.T) {
	d, cycle := open(t)
	first := step("DM1", "a\n")
	first.Cycle, first.Evidence = cycle, coc.Evidence{RequestID: "fields", Date: day}
	first.Versions[0].Revision.Evidence = coc.Evidence{RequestID: "content", Date: day.Add(time.Second)}
	meta := coc.Step{Account: "prod", DocumentID: "DM1", SeenAt: day, Evidence: coc.Evidence{RequestID: "risk"}, Meta: &coc.Meta{},
		Changes: []coc.NewChange{{Kind: coc.KindMetadata, At: day}}}
	again := step("DM1", "b\n")
	again.Meta, again.Versions[0].Revision.Number, again.Versions[0].Revision.PreviousCheckedAt = nil, 2, day.Add(-time.Hour)
	again.Changes[0].Kind, again.Changes[0].From, again.Changes[0].To.Number = coc.KindRewritten, coc.RevisionRef{Label: "v1", Number: 1}, 2
	commit(t, d, first)
	commit(t, d, meta)
	commit(t, d, again, restored("DM1", day))
	commit(t, d, restored("DM1", day), step("DM2", "c\n"), restored("DM2", day))
	logged := map[int64]int64{}
	for l, err := range d.Leaves(t.Context(), 1, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Type == "change" {
			logged[l.Ref] = l.Index
		}
	}
	for change, want := range map[int64]Basis{
		1: {Evidence: coc.Evidence{RequestID: "content", Date: day.Add(time.Second)}, Cycle: cycle, Watch: "runbooks"},
		2: {Evidence: coc.Evidence{RequestID: "risk"}}, 3: {OldCheckedAt: day.Add(-time.Hour)}, 4: {}, 5: {}, 6: {}, 7: {},
	} {
		want.Leaf, want.Signed = logged[change], true
		if got, err := d.Basis(t.Context(), key(change)); err != nil || got != want {
			t.Errorf("Basis(%d) = %+v, %v, want %+v", change, got, err, want)
		}
	}
	if _, err := d.Basis(t.Context(), key(8)); !errors.Is(err, coc.ErrNotFound) {
		t.Errorf("Basis of an unknown change fails with %v", err)
	}
	// Fault: a log whose newest records were added without the key was shown as signed, with a link to a proof.
	if _, err := d.write.ExecContext(t.Context(), `UPDATE logs SET note = substr(note, 1, instr(note, x'0A0A'))`); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Basis(t.Context(), key(3)); err != nil || got.Signed {
		t.Errorf("Basis of a change in a log without a signature = %+v, %v", got, err)
	}
	if _, err := d.write.ExecContext(t.Context(), `DELETE FROM leaves WHERE type = 'change' AND ref = 3`); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Basis(t.Context(), key(3)); err != nil || got.Leaf != -1 {
		t.Errorf("Basis of a change without a leaf = %+v, %v", got, err)
	}
}

// Neighbours returns the previous and the next change of a document, in the order of time and
// number.
func TestNeighbours(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"), restored("DM1", day.Add(time.Hour)), step("DM2", "b\n"), restored("DM1", day),
		restored("DM1", day.Add(-time.Hour)))
	order := []int64{5, 1, 4, 2}
	list, err := all(d.Changes(t.Context(), Filter{Document: key(1)}))
	if err != nil || len(list) != len(order) {
		t.Fatalf("%d changes, %v", len(list), err)
	}
	for _, c := range list {
		i := slices.Index(order, c.Key.ID)
		want := [2]int64{}
		if i > 0 {
			want[0] = order[i-1]
		}
		if i < len(order)-1 {
			want[1] = order[i+1]
		}
		before, after, err := d.Neighbours(t.Context(), key(1), c.Place())
		if err != nil || before.ID != want[0] || after.ID != want[1] {
			t.Errorf("Neighbours(%d) = %v, %v, %v, want %v", c.Key.ID, before, after, err, want)
		}
	}
}
