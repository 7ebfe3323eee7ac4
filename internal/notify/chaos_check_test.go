package notify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
	"cocsync/internal/db"
)

// check compares what was posted with what happened, and with the archive.
func (a *anarchy) check(t *testing.T, d *db.DB) {
	t.Helper()
	if !settled(t, d) {
		backlogs, err := d.Backlogs(t.Context(), time.Now())
		t.Errorf("something is still pending: %+v, %v", backlogs, err)
	}
	landed := map[subject][]cocsim.Message{}
	newest := map[string]int64{} // change of a document in a channel
	for _, m := range a.slack.Messages() {
		s := subject{notifier: map[string]string{"C0OTHER": "ops", testChannel: "hook"}[m.Channel], change: idIn(m.Text)}
		if s.change < 1 || s.change > int64(len(a.tales)) || !strings.Contains(m.Text, a.tales[s.change-1].name+" ") {
			t.Errorf("%s got %q, which did not happen", s.notifier, m.Text)
			continue
		}
		landed[s] = append(landed[s], m)
		key := s.notifier + " " + a.tales[s.change-1].name
		if newest[key] > s.change {
			t.Errorf("%s: change %d was posted after change %d", key, s.change, newest[key])
		}
		newest[key] = s.change
	}
	for _, f := range a.slack.Files() {
		s := subject{"ops", true, idIn(f.Title)}
		landed[s] = append(landed[s], cocsim.Message{ThreadTS: f.ThreadTS, Text: string(f.Content), At: f.At})
	}
	took := map[subject][]*call{}
	for _, c := range a.calls {
		if c.change != 0 && c.taken {
			took[c.subject] = append(took[c.subject], c)
		}
	}
	for i, tale := range a.tales {
		for _, s := range []subject{{"ops", false, int64(i + 1)}, {"hook", false, int64(i + 1)}, {"ops", true, int64(i + 1)}} {
			if wanted := slices.Contains(tale.notify, s.notifier) && (!s.file || tale.long); len(took[s]) > 0 != wanted ||
				len(took[s]) != len(landed[s]) {
				t.Errorf("%v was posted %d times by %d calls, want it posted: %v", s, len(landed[s]), len(took[s]), wanted)
				continue
			}
			checkRepeats(t, took[s], landed[s])
		}
	}
	a.checkThreads(t, d, landed)
	a.checkPace(t)
}

// checkRepeats checks that Slack accepted a message again only after its response was lost
// or the process was killed before it could record it, and with the same text.
func checkRepeats(t *testing.T, calls []*call, landed []cocsim.Message) {
	t.Helper()
	for i, c := range calls {
		last := i == len(calls)-1
		switch {
		case c.again:
			t.Errorf("%v was repeated after it was recorded", c.subject)
		case last && !c.answered:
			t.Errorf("%v was not retried, though its response was lost", c.subject)
		case !last && c.answered && c.life == calls[i+1].life:
			t.Errorf("%v was repeated, though the response was received", c.subject)
		}
		if got, want := c.body, calls[0].body; !c.file && got != want {
			t.Errorf("%v was repeated with another text:\n%s\nbefore:\n%s", c.subject, got, want)
		}
		if c.file && landed[i].Text != landed[0].Text {
			t.Errorf("%v was repeated with another content", c.subject)
		}
	}
}

// checkThreads compares the threads in Slack with the archive's, and those with the rule: a
// change is posted below the first message about its document that is not too old, unless
// it is urgent, and its file below it.
func (a *anarchy) checkThreads(t *testing.T, d *db.DB, landed map[subject][]cocsim.Message) {
	t.Helper()
	list, err := d.Messages(t.Context(), true, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	thread := a.Notifiers[0].Thread
	sent := map[int64]coc.Message{}
	roots := map[coc.Key][]coc.Message{} // by document, oldest first
	for _, m := range slices.Backward(list) {
		sent[m.ID] = m
		s := subject{m.Notifier, m.Kind == coc.MessageFile, idIn(m.Text)}
		if s.notifier != "ops" || len(landed[s]) == 0 {
			continue
		}
		for _, got := range landed[s] {
			if got.ThreadTS != m.ThreadTS {
				t.Errorf("%v is in thread %q, want %q", s, got.ThreadTS, m.ThreadTS)
			}
		}
		if s.file {
			up := sent[m.Parent]
			for _, above := range landed[subject{"ops", false, s.change}] {
				if idIn(up.Text) != s.change || landed[s][0].At.Before(above.At) {
					t.Errorf("%v was posted before its message, or below %q", s, up.Text)
				}
			}
			continue
		}
		if got := landed[s][len(landed[s])-1].TS; got != m.TS {
			t.Errorf("%v is recorded as %s, but was last posted as %s", s, m.TS, got)
		}
		var want int64
		in := func(r coc.Message) bool { return r.CreatedAt.After(m.CreatedAt.Add(-thread)) }
		if i := slices.IndexFunc(roots[m.Document], in); i >= 0 && !a.tales[s.change-1].urgent {
			want = roots[m.Document][i].ID
		}
		if m.Parent != want {
			t.Errorf("%v is below message %d, want %d", s, m.Parent, want)
		}
		if m.Parent == 0 {
			roots[m.Document] = append(roots[m.Document], m)
		}
	}
}

// checkPace checks that a process keeps Slack's rate limit in each channel, and pauses it
// after a 429, also one that an earlier process recorded. The calls of an upload count as
// one.
func (a *anarchy) checkPace(t *testing.T) {
	t.Helper()
	type channel struct {
		notifier string
		life     int // 0 for what is stored
	}
	last, quiet := map[channel]time.Time{}, map[channel]time.Time{}
	for _, c := range a.calls {
		in, stored := channel{c.notifier, c.life}, channel{notifier: c.notifier}
		if c.method == recorded {
			quiet[stored] = quiet[in]
			continue
		}
		until := []time.Time{quiet[in], quiet[stored]}
		if early := slices.MaxFunc(until, time.Time.Compare).Sub(c.at); early > time.Millisecond {
			t.Errorf("%s: %s of process %d is %v before the end of the pause of a 429", c.notifier, c.method, c.life, early)
		}
		if c.quiet > 0 {
			quiet[in] = c.at.Add(c.quiet)
		}
		if c.tooFast {
			t.Errorf("%s: Slack says that %s of %v is too fast", c.notifier, c.method, c.subject)
		}
		if c.method == "upload" || c.file {
			continue
		}
		if since := c.at.Sub(last[in]); since < postEvery-time.Microsecond {
			t.Errorf("%s: %s of process %d is %v after the previous call", c.notifier, c.method, c.life, since)
		}
		last[in] = c.at
	}
}
