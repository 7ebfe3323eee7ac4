package notify

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
	"cocsync/internal/mask"
)

// threaded is ops with a thread a day for each document.
func threaded() Notifier {
	n := byToken("ops", testChannel)
	n.Thread = 24 * time.Hour
	return n
}

// layout is the content of the channel: its messages, each with those of its
// thread and their files, indented.
func (b *bench) layout() (list []string) {
	title := func(m cocsim.Message) string {
		text, _, _ := strings.Cut(m.Text, ",")
		return text
	}
	for _, m := range b.slack.Messages() {
		if m.ThreadTS != "" {
			continue
		}
		list = append(list, title(m))
		for _, r := range b.slack.Messages() {
			if r.ThreadTS == m.TS {
				list = append(list, "  "+title(r))
			}
		}
		for _, f := range b.slack.Files() {
			if f.ThreadTS == m.TS {
				list = append(list, "  file "+f.Name)
			}
		}
	}
	return list
}

// A document has one thread a day: its first change opens it, later ones reply.
// Urgent changes are posted to the channel.
// A restart changes nothing of that.
func TestThread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, threaded())
		drain := func(changes ...*coc.Change) {
			t.Helper()
			b.out.queue("ops", changes...)
			if err := b.Drain(t.Context()); err != nil { // with new workers
				t.Fatal(err)
			}
		}
		alarm, high := edit(4, 1, 3), edit(6, 1, 5)
		alarm.Kind, high.RiskLevel = coc.KindRewritten, "high"
		drain(edit(1, 1, 1), edit(2, 2, 1))
		time.Sleep(time.Hour)
		drain(edit(3, 1, 2))
		drain(alarm)
		drain(edit(5, 1, 4), high)
		time.Sleep(23 * time.Hour)
		drain(edit(7, 2, 2))
		want := []string{
			"job-1 v1 → v2",
			"  job-1 v2 → v3",
			"  job-1 v4 → v5",
			"job-2 v1 → v2",
			"⚠ REWRITTEN: job-1 v3 → v4",
			"HIGH RISK · job-1 v5 → v6",
			"job-2 v2 → v3", // a day later
		}
		if d := cmp.Diff(want, b.layout()); d != "" {
			t.Errorf("channel (-want +got):\n%s", d)
		}
	})
}

// The first of several changes that are due together opens the thread.
func TestThreadOfOneMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, threaded())
		b.out.queue("ops", edit(1, 1, 1), edit(2, 1, 2), edit(3, 1, 3))
		begun := time.Now()
		if err := b.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{"job-1 v1 → v2", "  job-1 v2 → v3", "  job-1 v3 → v4"}
		if d := cmp.Diff(want, b.layout()); d != "" {
			t.Errorf("channel (-want +got):\n%s", d)
		}
		if got := time.Since(begun); got != 2*postEvery {
			t.Errorf("it lasted %v, want %v", got, 2*postEvery)
		}
	})
}

// If the thread was deleted, or the notifier has another channel, a reply is posted to the
// channel and opens a new thread there.
func TestThreadDeleted(t *testing.T) {
	drain := func(t *testing.T, b *bench) {
		t.Helper()
		if err := b.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, threaded())
		b.out.queue("ops", edit(1, 1, 1))
		drain(t, b)
		b.out.messages[0].TS = "1700000000.000001" // Slack no longer has it
		b.out.queue("ops", edit(2, 1, 2), edit(3, 1, 3), edit(4, 1, 4))
		drain(t, b)
		b.out.queue("ops", edit(5, 1, 5))
		drain(t, b)
		got := b.layout()
		// Those that were frozen together are all in the channel; then there is a thread.
		want := []string{"job-1 v1 → v2", "job-1 v2 → v3", "  job-1 v5 → v6", "job-1 v3 → v4", "job-1 v4 → v5"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("channel (-want +got):\n%s", d)
		}
		gaps := b.slack.Messages()
		for i := 1; i < len(gaps); i++ {
			if gaps[i].At.Sub(gaps[i-1].At) < postEvery {
				t.Errorf("two messages within a second: %q, %q", gaps[i-1].Text, gaps[i].Text)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, threaded())
		b.out.queue("ops", edit(1, 1, 1))
		drain(t, b)
		b.Notifiers[0] = bySlack(b.Notifiers[0], func(s *Slack) { s.Channel = "C0OTHER00" })
		b.slack = cocsim.NewSlack(cocsim.SlackOptions{Token: testToken, Channels: []string{"C0OTHER00"}})
		b.wire.Handler = b.slack
		b.out.queue("ops", edit(2, 1, 2))
		drain(t, b)
		b.out.queue("ops", edit(3, 1, 3))
		drain(t, b)
		want := []string{"job-1 v2 → v3", "  job-1 v3 → v4"}
		if d := cmp.Diff(want, b.layout()); d != "" {
			t.Errorf("the other channel (-want +got):\n%s", d)
		}
	})
}

// longEdit is an edit whose diff fits no message. It holds a secret at its end.
func (o *memory) longEdit(id, document int64, n int) *coc.Change {
	c := edit(id, document, n)
	var now strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&now, "- step %d of some length, so that it adds up\n", i)
	}
	o.contents[key(id)] = contents{old: []byte("a: 1\n"), now: []byte(now.String() + "password: swordfish\n")}
	return c
}

// A diff that does not fit is posted to the thread as a file, complete and masked.
func TestFileInThread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, threaded())
		b.out.queue("ops", b.out.longEdit(1, 1, 1), b.out.longEdit(2, 1, 2), edit(3, 2, 1))
		if err := b.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{"job-1 v1 → v2", "  job-1 v2 → v3", "  file job-1-v1-v2.diff", "  file job-1-v2-v3.diff", "job-2 v1 → v2"}
		if d := cmp.Diff(want, b.layout()); d != "" {
			t.Errorf("channel (-want +got):\n%s", d)
		}
		text := string(b.slack.Files()[0].Content)
		for _, want := range []string{"--- a/job-1\tv1\n+++ b/job-1\tv2\n@@ -1,1 +1,2001 @@\n-a: 1\n", "+- step 1999 of", "+password: ***\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("the file is missing %q", want)
			}
		}
		if strings.Contains(text, "swordfish") {
			t.Error("the file shows a secret")
		}
		if body := string(b.slack.Messages()[0].Blocks); !strings.Contains(body, "the whole diff is in the thread") {
			t.Errorf("the message does not say where the rest is:\n%s", body)
		}
	})
}

// A file that Slack will not take is replaced by words that say what to do, and
// holds up nothing.
func TestFileRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, threaded())
		b.wire.hook = func(r *http.Request) error {
			if strings.HasSuffix(r.URL.Path, "files.getUploadURLExternal") {
				b.slack.Fail(cocsim.Fault{Kind: cocsim.FaultStatus, Code: "missing_scope"})
			}
			return nil
		}
		b.out.queue("ops", b.out.longEdit(1, 1, 1), edit(2, 2, 1))
		stop := b.start(t, nil)
		time.Sleep(time.Minute)
		stop()
		want := []string{"job-1 v1 → v2",
			"  The whole diff of change 1 is too long for a message: cocsync diff job-1@v1..v2 shows it", "job-2 v1 → v2"}
		if d := cmp.Diff(want, b.layout()); d != "" {
			t.Errorf("channel (-want +got):\n%s", d)
		}
		if log := b.logs.String(); !strings.Contains(log, "missing_scope: give the app the scope files:write") {
			t.Errorf("the log does not say how to fix it:\n%s", log)
		}
		if m := b.out.message(2); m.State != coc.Sent || !m.Plain || !strings.HasPrefix(m.Err, "missing_scope") {
			t.Errorf("the file is %s, %q, want it sent as text with the reason", m.State, m.Err)
		}
	})
}

// A hundred documents at once are a handful of messages: a digest, its details in
// the thread and one file with all diffs.
func TestDigestDetails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, threaded())
		for i := range int64(100) {
			c := edit(i+1, i+1, 1)
			if i == 70 {
				c.Kind = coc.KindRewritten
			}
			b.out.contents[c.Key] = contents{old: []byte("timeout: 30\nsecret: swordfish\n"), now: []byte("timeout: 60\nsecret: swordfisk\n")}
			b.out.queue("ops", c)
		}
		if err := b.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := b.slack.Messages()
		if len(got) < 2 || len(got) > 1+maxDetails || got[0].ThreadTS != "" || len(b.slack.Files()) != 1 {
			t.Fatalf("%d messages and %d files, want a handful and 1", len(got), len(b.slack.Files()))
		}
		var all string
		for _, m := range got[1:] {
			if m.ThreadTS != got[0].TS {
				t.Errorf("details are outside the thread: %s", m.Text)
			}
			all += cocsim.Render(m)
		}
		if !strings.HasPrefix(all, "⚠ REWRITTEN: job-71 v1 → v2, by COC-li.wei") {
			t.Errorf("the worst is not first: %.100s", all)
		}
		text := string(b.slack.Files()[0].Content)
		for i := range 100 {
			if want := fmt.Sprintf("(change %d)", i+1); !strings.Contains(all, want) {
				t.Errorf("details are missing %s", want)
			}
			if want := fmt.Sprintf("# change %d: ", i+1); !strings.Contains(text, want) {
				t.Errorf("file is missing %s", want)
			}
		}
		if strings.Contains(text+all, "swordfis") {
			t.Error("a secret is shown")
		}
		if name := b.slack.Files()[0].Name; name != "changes-1-100.diff" {
			t.Errorf("file %q", name)
		}
	})
}

// A flood beyond all measure stays a handful too, and says what is missing.
func TestHugeDetails(t *testing.T) {
	n := threaded()
	w := &writer{n: &n, mask: &mask.Masker{}}
	var changes []*coc.Change
	for i := range int64(maxDue) {
		c := edit(i+1, i, 1)
		c.Summary = strings.Repeat("<&>", 200)
		changes = append(changes, c)
	}
	looked := 0
	list, err := w.details(changes, func(*coc.Change) (contents, error) {
		looked++
		return contents{}, nil
	})
	if err != nil || len(list) != maxDetails || looked > maxDetailed {
		t.Fatalf("%d messages of %d contents, %v", len(list), looked, err)
	}
	for _, m := range list {
		if err := sound(m); err != nil {
			t.Error(err)
		}
	}
	last := list[len(list)-1]
	if !strings.Contains(last.text, "more changes in the file below") || strings.Count(last.file.Content, "\n# change ") != maxDue-1 {
		t.Errorf("the last one does not say what is missing: %s", last.text)
	}
}
