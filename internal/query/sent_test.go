package query

import (
	"strings"
	"testing"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// What was sent can be proved to someone without the archive.
func TestProveSent(t *testing.T) {
	d, err := db.OpenReader(t.Context(), everything(t))
	must(t, err)
	defer d.Close()
	h := archive(d)
	p, err := h.ProveSent(t.Context(), "prod/6", "")
	must(t, err)
	r, _, err := p.Check(keyOf(t, h))
	must(t, err)
	list, err := audit.ParseDelivered(r.Get("sent"))
	want := audit.Delivered{Change: 6, Notifier: "ops", Channel: "C1", TS: "1.0", SentAt: on(12)}
	if err != nil || r.Type != audit.TypeDelivery || r.Get("account") != "prod" || r.Get("unattested") != "" ||
		len(list) != 2 || list[0] != want {
		t.Errorf("the proof is of %q: %+v, %v, want %+v first", r.Encode(), list, err, want)
	}
	if p, err = h.Prove(t.Context(), "delivery:prod/1"); err != nil || string(p.Record) != string(r.Encode()) {
		t.Errorf("the proof of the record is of %q, %v", p.Record, err)
	}
	for ref, want := range map[string]string{
		"prod/6 team": "change prod/6 was not sent: the delivery to team is waiting",
		"prod/6 boss": "change prod/6 was not sent to boss",
		"prod/7 ":     "change prod/7 was sent to no one",
		"prod/99 ":    "no change prod/99",
	} {
		ref, notifier, _ := strings.Cut(ref, " ")
		if _, err := h.ProveSent(t.Context(), ref, notifier); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ProveSent(%q, %q) = %v, want %q", ref, notifier, err, want)
		}
	}
}

// What was sent within the last hour is not recorded yet: the error says until when it is.
func TestProveSentTooEarly(t *testing.T) {
	d, err := db.Open(t.Context(), everything(t))
	must(t, err)
	defer d.Close()
	due, err := d.Due(t.Context(), "team", on(40), nil, 1)
	must(t, err)
	m := coc.Message{Notifier: "team", Kind: coc.MessageDigest, Body: []byte("{}"), Text: "t"}
	_, err = d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{{Message: m, Claims: []int64{due[0].ID}}}}, on(40))
	must(t, err)
	m, _, _, err = d.Next(t.Context(), "team", on(40))
	must(t, err)
	m.State, m.SentAt, m.Channel = coc.Sent, on(40), "C2"
	must(t, d.RecordAttempt(t.Context(), m))
	h := archive(d)
	for now, want := range map[time.Time]string{
		on(40).Add(59 * time.Minute): "it is recorded when cocsync ends, at the latest at " + stamp(on(40).Add(time.Hour)),
		on(41):                       "the next `cocsync sync` or `cocsync run` records it",
	} {
		h.Now = func() time.Time { return now }
		if _, err := h.ProveSent(t.Context(), due[0].Change.Ref, "team"); err == nil || hint.Of(err) != want {
			t.Errorf("ProveSent at %v = %v, %q, want %q", now, err, hint.Of(err), want)
		}
	}
	if _, err := h.ProveSent(t.Context(), due[0].Change.Ref, "ops"); err != nil {
		t.Errorf("ProveSent of the other notifier = %v", err)
	}
}

// A pause in the database cannot suppress the problem of a pending delivery for long, and a
// later end of a hold than the longest is not shown.
func TestStoredPausesAreBounded(t *testing.T) {
	path := everything(t)
	d, err := db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Hold(t.Context(), "ops", "", time.Time{}))
	must(t, d.Hold(t.Context(), "team", "not_in_channel", on(9999)))
	defer d.Close()
	for name, tt := range map[string]struct {
		now, quiet time.Time
		late       bool
	}{
		"in quiet hours":           {on(9), on(9).Add(8 * time.Hour), false},
		"far in the future":        {on(9), on(9999), true},
		"in quiet hours for a day": {on(12), on(12).Add(23 * time.Hour), true},
	} {
		must(t, d.Pause(t.Context(), "ops", coc.PauseQuietHours, tt.quiet))
		a := archive(d)
		a.Now = func() time.Time { return tt.now }
		tamper(t, path, `UPDATE deliveries SET due_at = 0 WHERE state = 'waiting' AND notifier = 'ops'`)
		if tt.now.Equal(on(9)) {
			tamper(t, path, `UPDATE deliveries SET due_at = `+literal(on(9).Add(-time.Hour).UnixMilli())+` WHERE notifier = 'ops'`)
		}
		s, err := a.LoadStatus(t.Context())
		must(t, err)
		late, next := false, time.Time{}
		for _, p := range s.Problems {
			late = late || p.Kind == ProblemPending && strings.HasPrefix(p.What, "notifier ops")
		}
		for _, n := range s.Notifiers {
			if n.Notifier == "team" {
				next = n.NextTryAt.Time
			}
			if n.Notifier == "ops" && n.QuietUntil.After(tt.now.Add(quietMax)) {
				t.Errorf("%s: it is shown as quiet until %v", name, n.QuietUntil.Time)
			}
		}
		if late != tt.late || next.After(tt.now) {
			t.Errorf("%s: a problem is %v, want %v; the next try is at %v", name, late, tt.late, next)
		}
	}
}
