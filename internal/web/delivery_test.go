package web

import (
	"strings"
	"testing"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// post freezes the delivery to a notifier into a message and records its attempt.
func post(t *testing.T, d *db.DB, m coc.Message) {
	t.Helper()
	due, err := d.Due(t.Context(), m.Notifier, noonOf(20), nil, 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("%d deliveries to %s are due, %v", len(due), m.Notifier, err)
	}
	frozen := m
	frozen.Body = []byte("{}")
	ids, err := d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{{Message: frozen, Claims: []int64{due[0].ID}}}}, noonOf(20))
	if err != nil {
		t.Fatal(err)
	}
	m.ID = ids[0]
	if err := d.RecordAttempt(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// The page of a change shows the state of its delivery to each notifier.
func TestDeliveries(t *testing.T) {
	for _, tt := range []struct {
		message coc.Message
		hold    string
		want    string
	}{
		{coc.Message{Kind: coc.MessageRoot, State: coc.Sent, Attempts: 1, SentAt: noonOf(21), Channel: "C1", TS: "17.5",
			Text: "<b>\u202e", NextAt: noonOf(20)}, "",
			"team sent in the channel 2026-03-21 12:00 channel C1, message 17.5 <b><U+202E>"},
		{coc.Message{Kind: coc.MessageReply, State: coc.Sent, Attempts: 3, Plain: true, SentAt: noonOf(21), Channel: "C1",
			TS: "17.5", Text: "text", NextAt: noonOf(20)}, "",
			"team sent in a thread, as plain text after 3 attempts 2026-03-21 12:00 channel C1, message 17.5 text"},
		{coc.Message{Kind: coc.MessageDigest, State: coc.Failed, Attempts: 1, Err: "invalid_blocks", Text: "text", NextAt: noonOf(20)}, "",
			"team failed in a digest after 1 attempt 2026-03-06 12:02 invalid_blocks text"},
		{coc.Message{Kind: coc.MessageRoot, State: coc.Waiting, Attempts: 2, Err: "503", Text: "text", NextAt: noonOf(22)}, "channel_is_archived",
			"team waiting to be sent in the channel after 2 attempts due at 2026-03-22 12:00 503 the channel is on hold: channel_is_archived text"},
		{coc.Message{}, "", "team waiting due at 2026-03-06 12:02"},
	} {
		s, d := changeFixture(t)
		tt.message.Notifier = "team"
		if tt.message.Kind != "" {
			post(t, d, tt.message)
		}
		if tt.hold != "" {
			if err := d.Hold(t.Context(), "team", tt.hold, noonOf(23)); err != nil {
				t.Fatal(err)
			}
		}
		words, _ := pageText(t, fetch(t, s, "/changes/4").body)
		_, team, _ := strings.Cut(words, "Notifications ops waiting due at 2026-03-06 12:02 ")
		if got, _, _ := strings.Cut(team, " Proof"); got != tt.want {
			t.Errorf("the page of a message in state %q contains %q, want %q: %s", tt.message.State, got, tt.want, words)
		}
	}
}

// The page of a dropped delivery says that the configuration excluded it.
func TestDroppedDelivery(t *testing.T) {
	s, d := changeFixture(t)
	due, err := d.Due(t.Context(), "team", noonOf(20), nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Freeze(t.Context(), coc.Batch{Drop: []int64{due[0].ID}}, noonOf(20)); err != nil {
		t.Fatal(err)
	}
	words, _ := pageText(t, fetch(t, s, "/changes/4").body)
	if !strings.Contains(words, "team dropped: the configuration excluded it Proof") {
		t.Errorf("the page says %s", words)
	}
}
