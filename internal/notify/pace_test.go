package notify

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
)

// Two notifiers of one channel share its rate limit.
func TestOneChannelOnePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, byToken("ops", testChannel), byToken("security", testChannel), byToken("other", "C0OTHER"))
		for i := range int64(6) {
			for _, n := range b.Notifiers {
				b.out.queue(n.Name, edit(i+1, i, 1))
			}
		}
		begun := time.Now()
		if err := b.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := time.Since(begun), 11*postEvery; got != want {
			t.Errorf("twelve messages to one channel, and six to another, lasted %v, want %v", got, want)
		}
		var last time.Time
		for _, m := range b.slack.Messages() {
			if m.Channel != testChannel {
				continue
			}
			if gap := m.At.Sub(last); gap < postEvery {
				t.Errorf("two messages within %v", gap)
			}
			last = m.At
		}
	})
}

// Five messages that cause a 5xx do not delay others for long, nor do five such events;
// after six hours they are sent as plain text, or failed.
func TestPoison(t *testing.T) {
	for _, n := range []Notifier{byToken("ops", testChannel), byHook("ops")} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t, n)
			ok := http.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			if !n.traits().structured {
				ok = b.wire.Handler
			}
			b.wire.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				poison := regexp.MustCompile(`job-[1-5]\b`).Match(body) && (n.traits().structured || strings.Contains(string(body), "blocks"))
				if poison {
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				ok.ServeHTTP(w, r)
			})
			for i := range int64(5) {
				b.out.queue("ops", edit(i+1, i+1, 1))
			}
			stop := b.start(t, nil)
			time.Sleep(time.Minute)
			for i := range int64(9) {
				b.out.queue("ops", edit(i+6, i+60, 1))
			}
			time.Sleep(2 * minProbe)
			if got := b.out.states()[5:]; slices.Contains(got, "waiting") || slices.Contains(got, "claimed") {
				t.Errorf("after five that fail: %q, want all sent", got)
			}
			time.Sleep(patience + maxBackoff)
			b.out.queue("ops", edit(20, 70, 1))
			time.Sleep(time.Hour)
			stop()
			want := map[bool]string{true: "failed", false: "sent"}[n.traits().structured]
			if got := b.out.states()[:5]; len(slices.Compact(got)) != 1 || got[0] != want {
				t.Errorf("after hours the five are %q, want %s", got, want)
			}
		})
	}
}

// Notices about a watch are sent in order: the last one is the newest.
func TestNoticesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		b.slack.Fail(cocsim.Fault{Path: "chat.postMessage", Kind: cocsim.FaultStatus, Status: 503, Count: 4})
		note := func(id int64, k coc.NoticeKind, watch, title string) {
			b.out.add(coc.Delivery{Notifier: "ops", DueAt: time.Now(), Notice: &coc.Notice{ID: id, Kind: k, Watch: watch,
				At: time.Now(), Title: title}})
		}
		note(1, coc.NoticeFailure, "w", "Watch w does not work")
		stop := b.start(t, nil)
		time.Sleep(45 * time.Second)
		note(2, coc.NoticeRecovered, "w", "Watch w works again")
		note(3, coc.NoticeRecovered, "x", "Watch x works again")
		time.Sleep(time.Hour)
		stop()
		got := b.texts()
		if len(got) != 3 || slices.IndexFunc(got, func(s string) bool {
			return strings.Contains(s,
				"w does not")
		}) > slices.IndexFunc(got, func(s string) bool { return strings.Contains(s, "w works") }) {
			t.Errorf("sent %q, want failure before recovery", got)
		}
	})
}

// A message whose content was erased while it waited for its turn was posted as it was before.
func TestErasedWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		b.out.queue("ops", edit(1, 1, 1))
		b.out.queue("ops", edit(2, 2, 1))
		done := make(chan error)
		go func() { done <- b.Drain(t.Context()) }()
		time.Sleep(postEvery / 2)
		b.out.mu.Lock()
		for _, m := range b.out.messages {
			if m.State == coc.Waiting {
				m.Body, m.Text = nil, "erased"
			}
		}
		b.out.mu.Unlock()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := b.texts(); len(got) != 2 || got[0] == "erased" || got[1] != "erased" {
			t.Errorf("messages %q, want the second one erased", got)
		}
	})
}

// The next process loads the pause of a rate limit and the messages that wait for a retry:
// cron runs a sync every few minutes.
func TestNextProcessRemembers(t *testing.T) {
	run := func(b *bench, t *testing.T) {
		s := &Sender{Outbox: b.out, Notifiers: b.Notifiers, HTTP: b.HTTP}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_ = s.Drain(ctx) // it cannot all be sent
	}
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		calls := 0
		b.wire.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		for i := range int64(10) {
			b.out.queue("ops", edit(i+1, i, 1))
			run(b, t)
			time.Sleep(5 * time.Minute)
		}
		if calls != 1 {
			t.Errorf("%d calls within the hour of the Retry-After, want 1", calls)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		b.wire.hook = func(*http.Request) error { return errors.New("no route to host") }
		for i := range int64(2 * 24 * 12) {
			b.out.queue("ops", edit(i+1, i, 1))
			run(b, t)
			time.Sleep(5 * time.Minute)
		}
		b.wire.hook = nil
		for range 20 {
			time.Sleep(5 * time.Minute)
			run(b, t)
		}
		got := b.texts()
		if len(got) > maxFailing+3 || !strings.HasSuffix(got[len(got)-1], "documents") {
			t.Errorf("after two days of outage: %q, want few and a digest", got)
		}
	})
}

// A rate limit of a channel pauses all its notifiers.
func TestOneChannelOnePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, byToken("ops", testChannel), byToken("sec", testChannel))
		for i := range int64(5) {
			b.out.queue("ops", edit(i+1, i, 1))
			b.out.queue("sec", edit(i+1, i, 1))
		}
		b.slack.Fail(cocsim.Fault{Kind: cocsim.FaultStatus, Status: 429, RetryAfter: "60"})
		begun := time.Now()
		var at []time.Duration
		b.wire.hook = func(*http.Request) error {
			at = append(at, time.Since(begun))
			return nil
		}
		stop := b.start(t, nil)
		time.Sleep(5 * time.Minute)
		stop()
		if len(at) != 11 || at[1] < time.Minute {
			t.Errorf("calls at %v, want none within the minute after the first", at)
		}
	})
}

// Thousands of changes with long contents are frozen in parts, so that the first are sent
// at once; a digest loads a bounded number of contents.
func TestFreezingIsBounded(t *testing.T) {
	job := []byte(strings.Repeat("- {name: a, timeout: 30}\n", 1000))
	next := bytes.Replace(job, []byte("30"), []byte("60"), 1)
	hook, plain := byHook("hook"), byToken("plain", testChannel)
	plain.DigestOver = maxDue
	digest := threaded()
	digest = bySlack(digest, func(s *Slack) { s.Channel = "C0OTHER" })
	digest.Name = "digest"
	b := setUp(t, hook, plain, digest)
	for i := range int64(1000) {
		c := edit(i+1, i, 1)
		b.out.contents[c.Key] = contents{old: job, now: next}
		for _, n := range b.Notifiers {
			b.out.queue(n.Name, c)
		}
	}
	for i := range b.Notifiers {
		l := b.worker(&b.Notifiers[i])
		if did, _, err := l.freeze(t.Context(), maxDue); err != nil || !did {
			t.Fatalf("freeze = %v, %v", did, err)
		}
	}
	frozen, seen := map[string]int{}, 0
	for _, m := range b.out.messages {
		frozen[m.Notifier]++
		if m.Kind == coc.MessageFile {
			seen = strings.Count(string(m.Body), "+- {name")
		}
	}
	if frozen["hook"] != maxSingles || frozen["plain"] != maxSingles || frozen["digest"] > maxDetails+2 {
		t.Errorf("frozen at once: %v, want %d singles and a handful for the digest", frozen, maxSingles)
	}
	if most := maxCompared/(2*len(job)) + 1; seen == 0 || seen > most {
		t.Errorf("the digest loaded %d contents, want at most %d", seen, most)
	}
}

// Fault: a pause in the database far in the future silenced a notifier. What is longer than a
// pause can be is ignored, and quiet hours are those of the configuration.
func TestPauseFarInTheFuture(t *testing.T) {
	for reason, long := range map[coc.PauseReason]time.Duration{coc.PauseRateLimit: maxWait + time.Second, coc.PauseQuietHours: time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t)
			if err := b.out.Pause(t.Context(), "ops", reason, time.Now().Add(long)); err != nil {
				t.Fatal(err)
			}
			b.out.queue("ops", edit(1, 1, 1))
			if more, wake, err := b.worker(&b.Notifiers[0]).step(t.Context()); !more || err != nil {
				t.Errorf("%s: step = %v, %v, %v, want the change frozen", reason, more, wake, err)
			}
		})
	}
}

// forger is an Outbox whose first message was altered.
type forger struct {
	Outbox
	done bool
}

func (f *forger) Next(ctx context.Context, notifier string, now time.Time) (coc.Message, bool, time.Time, error) {
	if f.done {
		return f.Outbox.Next(ctx, notifier, now)
	}
	f.done = true
	return coc.Message{ID: 7}, false, time.Time{}, coc.ErrForged
}

// A message that was altered delays no other, and a sync says that it was not sent.
func TestForgedMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		b.out.queue("ops", edit(1, 1, 1))
		b.Outbox = &forger{Outbox: b.out}
		if err := b.Drain(t.Context()); !errors.Is(err, coc.ErrForged) || !strings.Contains(err.Error(), "message 7") {
			t.Errorf("Drain = %v, want %v", err, coc.ErrForged)
		}
		if got := b.texts(); len(got) != 1 {
			t.Errorf("messages %q, want the other one", got)
		}
	})
}

// A clock that was set back kept a channel on hold for the length of the step. A hold
// further ahead than one lasts is none.
func TestHoldAfterAClockStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		hold := func(until time.Time) {
			t.Helper()
			if err := b.out.Hold(t.Context(), "ops", "not_in_channel", until); err != nil {
				t.Fatal(err)
			}
		}
		hold(time.Now().Add(48*time.Hour + holdFor))
		b.out.queue("ops", edit(1, 1, 1))
		if more, wake, err := b.worker(&b.Notifiers[0]).step(t.Context()); !more || err != nil {
			t.Errorf("step = %v, %v, %v, want the change frozen", more, wake, err)
		}
		hold(time.Now().Add(holdFor))
		if more, _, err := b.worker(&b.Notifiers[0]).step(t.Context()); more || err != nil {
			t.Errorf("on hold, step = %v, %v, want nothing done", more, err)
		}
	})
}
