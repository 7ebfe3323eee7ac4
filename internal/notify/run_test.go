package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
)

// texts are the starts of the texts that a channel got.
func (b *bench) texts() (list []string) {
	for _, m := range b.slack.Messages() {
		text, _, _ := strings.Cut(m.Text, ":")
		list = append(list, text)
	}
	return list
}

// form returns the form of a request that a client is about to send.
func form(r *http.Request) url.Values {
	body, err := r.GetBody()
	if err != nil {
		return nil
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil
	}
	values, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil
	}
	return values
}

// start runs the sender until the test ends.
func (b *bench) start(t *testing.T, wake <-chan struct{}) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Run(ctx, wake)
	}()
	return func() { cancel(); <-done }
}

// What is due is posted, in order and at Slack's pace, and marked sent.
func TestDrainSends(t *testing.T) {
	for _, n := range []Notifier{byToken("ops", testChannel), byWebhook("ops")} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t, n)
			b.out.queue("ops", edit(1, 1, 1), edit(2, 2, 1), edit(3, 1, 2), edit(4, 3, 1), edit(5, 4, 1))
			begun := time.Now()
			if err := b.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := []string{"job-1 v1 → v2, by COC-li.wei", "job-2 v1 → v2, by COC-li.wei", "job-1 v2 → v3, by COC-li.wei",
				"job-3 v1 → v2, by COC-li.wei", "job-4 v1 → v2, by COC-li.wei"}
			if d := cmp.Diff(want, b.texts()); d != "" {
				t.Errorf("messages (-want +got):\n%s", d)
			}
			if got, want := time.Since(begun), 4*postEvery; got != want {
				t.Errorf("five messages lasted %v, want %v", got, want)
			}
			if d := cmp.Diff(slices.Repeat([]string{"sent"}, 5), b.out.states()); d != "" {
				t.Errorf("deliveries (-want +got):\n%s", d)
			}
			if m := b.out.message(1); n.traits().threads && (m.TS == "" || m.Channel != testChannel) {
				t.Errorf("message landed at %q %q, want its channel and timestamp", m.Channel, m.TS)
			}
			for _, m := range b.slack.Messages() {
				if m.Unfurl || m.Parse == "full" {
					t.Errorf("message %q may unfurl or link", m.Text)
				}
			}
		})
	}
}

// More changes than a channel wants singly become one digest; the kinds that it
// does not want are dropped; notices stay messages of their own.
func TestDigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := byToken("ops", testChannel)
		n.DigestOver, n.Kinds = 3, []coc.Kind{coc.KindVersion}
		b := setUp(t, n)
		other := edit(9, 9, 1)
		other.Kind = coc.KindWithdrawn
		b.out.queue("ops", edit(1, 1, 1), edit(2, 2, 1), other, edit(3, 1, 2), edit(4, 3, 1))
		b.out.add(coc.Delivery{Notifier: "ops", Notice: &coc.Notice{ID: 1, Kind: coc.NoticeFailure, Title: "Watch w does not work"}})
		if err := b.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, m := range b.slack.Messages() {
			got = append(got, m.Text)
		}
		want := []string{
			"⚠ Watch w does not work (notice 1)",
			"4 changes in 3 documents: job-1 v1 → v3 (2 versions); job-2 v1 → v2; job-3 v1 → v2 (changes 1–4)",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("messages (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]string{"sent", "sent", "dropped", "sent", "sent", "sent"}, b.out.states()); d != "" {
			t.Errorf("deliveries (-want +got):\n%s", d)
		}
	})
}

// After an outage of a day what is pending becomes one digest, however few changes it has.
func TestDigestAfterOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		b.out.queue("ops", edit(1, 1, 1), edit(2, 2, 1))
		time.Sleep(stale)
		if err := b.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.texts(); len(got) != 1 || got[0] != "2 changes in 2 documents" {
			t.Errorf("messages = %q, want one digest", got)
		}
	})
}

// A message that fails for a while is repeated, byte for byte, while others pass and later
// ones about its document wait for it.
func TestRetryKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		var posted []string
		b.wire.hook = func(r *http.Request) error {
			if call := form(r); strings.Contains(call.Get("text"), "(change 1)") {
				posted = append(posted, call.Encode())
				if len(posted) < 4 {
					return errors.New("connection reset by peer")
				}
			}
			return nil
		}
		b.out.queue("ops", edit(1, 1, 1), edit(2, 1, 2), edit(3, 2, 1))
		stop := b.start(t, nil)
		time.Sleep(5 * time.Minute)
		stop()
		want := []string{"job-2 v1 → v2, by COC-li.wei", "job-1 v1 → v2, by COC-li.wei", "job-1 v2 → v3, by COC-li.wei"}
		if d := cmp.Diff(want, b.texts()); d != "" {
			t.Errorf("messages (-want +got):\n%s", d)
		}
		if len(posted) != 4 || len(slices.Compact(posted)) != 1 {
			t.Errorf("%d attempts, %d different bodies, want 4 and 1", len(posted), len(slices.Compact(posted)))
		}
		if m := b.out.message(1); m.Attempts != 4 || m.State != coc.Sent {
			t.Errorf("message 1 is %s after %d attempts, want sent after 4", m.State, m.Attempts)
		}
	})
}

// Slack's 429 silences the whole channel for as long as it says, in whatever
// shape it says it, and is remembered.
func TestRateLimit(t *testing.T) {
	for _, test := range []struct {
		after    string
		min, max time.Duration
	}{
		{"30", 30 * time.Second, 30 * time.Second},
		{"1.5", 2 * time.Second, 2 * time.Second},
		{"0", time.Second, time.Second},
		{"Sat, 01 Jan 2000 00:01:00 GMT", time.Minute, time.Minute},
		{"", minBackoff, 2 * minBackoff},
		{"soon", minBackoff, 2 * minBackoff},
		{"99999999999", maxWait, maxWait},
	} {
		for _, n := range []Notifier{byToken("ops", testChannel), byWebhook("ops")} {
			synctest.Test(t, func(t *testing.T) {
				b := setUp(t, n)
				b.slack.Fail(cocsim.Fault{Kind: cocsim.FaultStatus, Status: http.StatusTooManyRequests, RetryAfter: test.after})
				b.out.queue("ops", edit(1, 1, 1), edit(2, 2, 1))
				begun := time.Now()
				stop := b.start(t, nil)
				synctest.Wait()
				next := b.out.message(1).NextAt.Sub(begun)
				if next < test.min || next > test.max {
					t.Errorf("Retry-After %q: next attempt after %v, want %v to %v", test.after, next, test.min, test.max)
				}
				time.Sleep(next - time.Millisecond)
				if got := len(b.slack.Messages()); got != 0 {
					t.Errorf("Retry-After %q: %d messages before its time, want 0", test.after, got)
				}
				time.Sleep(idle + 3*time.Second)
				stop()
				if got := len(b.slack.Messages()); got != 2 {
					t.Errorf("Retry-After %q: %d messages in the end, want 2", test.after, got)
				}
			})
		}
	}
}

// A channel that refuses everything is on hold for an hour at a time. Nothing is lost, and
// what became due meanwhile is sent when a person has fixed it.
func TestChannelRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		b.slack.Refuse(testChannel, "not_in_channel")
		b.out.queue("ops", edit(1, 1, 1))
		stop := b.start(t, nil)
		time.Sleep(3*time.Hour - time.Minute)
		if got := b.slack.Calls("chat.postMessage"); got != 3 {
			t.Errorf("%d attempts in three hours, want 3", got)
		}
		reason, _, _ := b.out.Held(t.Context(), "ops")
		if !strings.Contains(reason, "not_in_channel: invite the bot") {
			t.Errorf("held because %q, want the error code and the fix", reason)
		}
		b.out.queue("ops", edit(2, 1, 2))
		b.slack.Refuse(testChannel, "")
		time.Sleep(2 * time.Minute)
		stop()
		if got := len(b.slack.Messages()); got != 2 {
			t.Errorf("%d messages after the fixing, want 2", got)
		}
		if reason, _, _ := b.out.Held(t.Context(), "ops"); reason != "" {
			t.Errorf("still held: %q", reason)
		}
	})
}

// Each way in which a channel can refuse holds it and keeps the message.
func TestChannelRefusals(t *testing.T) {
	fault := func(f cocsim.Fault) func(*bench) { return func(b *bench) { f.Count = -1; b.slack.Fail(f) } }
	token, hook := byToken("ops", testChannel), byWebhook("ops")
	for name, test := range map[string]struct {
		n    Notifier
		set  func(*bench)
		want string
	}{
		"revoked":         {token, func(b *bench) { b.slack.Refuse("", "token_revoked") }, "token_revoked"},
		"archived":        {token, func(b *bench) { b.slack.Refuse(testChannel, "is_archived") }, "is_archived"},
		"no channel":      {byToken("ops", "C0NOWHERE"), func(*bench) {}, "channel_not_found"},
		"restricted":      {token, fault(cocsim.Fault{Kind: cocsim.FaultStatus, Code: "restricted_action"}), "restricted_action"},
		"forbidden":       {token, fault(cocsim.Fault{Kind: cocsim.FaultBody, Status: 403}), "status 403"},
		"redirect":        {token, fault(cocsim.Fault{Kind: cocsim.FaultBody, Status: 302}), "status 302"},
		"webhook gone":    {hook, func(b *bench) { b.slack.Refuse(testChannel, "no_service") }, "no_service"},
		"webhook 410":     {hook, func(b *bench) { b.slack.Refuse(testChannel, "is_archived") }, "channel_is_archived"},
		"webhook 403":     {hook, func(b *bench) { b.slack.Refuse(testChannel, "restricted_action") }, "action_prohibited"},
		"another's page":  {hook, fault(cocsim.Fault{Kind: cocsim.FaultHTML, Status: 200}), "status 200"},
		"unknown refusal": {token, fault(cocsim.Fault{Kind: cocsim.FaultStatus, Code: "brand_new_word"}), "brand_new_word"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := setUp(t, test.n)
				test.set(b)
				b.out.queue("ops", edit(1, 1, 1))
				err := b.Drain(t.Context())
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("Drain = %v, want %s", err, test.want)
				}
				reason, until, _ := b.out.Held(t.Context(), "ops")
				if !strings.Contains(reason, test.want) || time.Until(until) != holdFor {
					t.Errorf("held for %q until %v, want %s for an hour", reason, until, test.want)
				}
				if m := b.out.message(1); m.State != coc.Waiting {
					t.Errorf("message is %s, want waiting", m.State)
				}
				if err := b.Drain(t.Context()); err == nil || !strings.Contains(err.Error(), "on hold until") {
					t.Errorf("Drain while held = %v, want that it is held", err)
				}
			})
		})
	}
}

// A message that Slack refuses is sent as plain text with its change's id; if that is refused
// too it is failed, and the next is sent.
func TestMessageRefusal(t *testing.T) {
	for _, test := range []struct {
		word  string
		n     Notifier
		count int
		want  coc.MessageState
	}{
		{"invalid_blocks", byToken("ops", testChannel), 1, coc.Sent},
		{"msg_too_long", byToken("ops", testChannel), 2, coc.Failed},
		{"invalid_payload", byWebhook("ops"), 1, coc.Sent},
		{"invalid_blocks", byWebhook("ops"), 2, coc.Failed},
		{"brand_new_word", byToken("ops", testChannel), 1, coc.Sent},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t, test.n)
			b.slack.Fail(cocsim.Fault{Kind: cocsim.FaultStatus, Code: test.word, Count: test.count,
				Status: map[bool]int{true: 400}[!test.n.traits().threads]})
			b.out.queue("ops", edit(1, 1, 1), edit(2, 1, 2))
			err := b.Drain(t.Context())
			if failed := test.want == coc.Failed; (err != nil) != failed {
				t.Errorf("%s: Drain = %v, want an error: %v", test.word, err, failed)
			}
			if m := b.out.message(1); m.State != test.want || !m.Plain {
				t.Errorf("%s: message 1 is %s, plain %v, want %s, plain", test.word, m.State, m.Plain, test.want)
			}
			if m := b.out.message(2); m.State != coc.Sent {
				t.Errorf("%s: message 2 is %s, want sent", test.word, m.State)
			}
			got := b.slack.Messages()[0]
			if test.want == coc.Sent && (got.Blocks != nil || !strings.Contains(got.Text, "(change 1)")) {
				t.Errorf("%s: fallback is %q with blocks %s, want plain text with the change's id", test.word, got.Text, got.Blocks)
			}
		})
	}
}

// A message that gets a 5xx for six hours while others pass is sent as plain text. An outage,
// in which nothing passes, changes no message.
func TestPatience(t *testing.T) {
	for _, others := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t)
			b.slack.Fail(cocsim.Fault{Kind: cocsim.FaultStatus, Status: 503, Count: -1, Match: func(r *http.Request) bool {
				return !others || strings.Contains(form(r).Get("blocks"), "change 1 ")
			}})
			b.out.queue("ops", edit(1, 1, 1))
			stop := b.start(t, nil)
			time.Sleep(patience - time.Minute)
			b.out.queue("ops", edit(2, 2, 1))
			time.Sleep(time.Minute)
			if m := b.out.message(1); m.Plain {
				t.Error("plain before its time")
			}
			time.Sleep(time.Hour)
			b.out.queue("ops", edit(3, 3, 1))
			time.Sleep(time.Hour)
			stop()
			m := b.out.message(1)
			if m.Plain != others || (m.State == coc.Sent) != others {
				t.Errorf("others pass %v: message 1 is %s, plain %v", others, m.State, m.Plain)
			}
			if m.Attempts < 15 || m.Attempts > 40 {
				t.Errorf("%d attempts in eight hours, want some 20: backoff grows to half an hour", m.Attempts)
			}
		})
	}
}

// While nothing passes, what becomes due stays unfrozen and becomes a digest.
func TestOutageBecomesDigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		var up atomic.Bool
		b.wire.hook = func(*http.Request) error {
			if up.Load() {
				return nil
			}
			return errors.New("network is unreachable")
		}
		stop := b.start(t, nil)
		for i := range int64(100) {
			b.out.queue("ops", edit(i+1, i+1, 1))
			time.Sleep(5 * time.Minute)
		}
		up.Store(true)
		time.Sleep(2 * time.Hour)
		stop()
		got := b.texts()
		if len(got) != maxFailing+1 || got[len(got)-1] != fmt.Sprintf("%d changes in %d documents", 100-maxFailing, 100-maxFailing) {
			t.Errorf("messages = %q, want the %d first and one digest", got, maxFailing)
		}
	})
}

// One dead channel delays no other, and wake wakes all workers.
func TestChannelsAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, byToken("dead", testChannel), byToken("ops", "C0OTHER"))
		b.slack.Fail(cocsim.Fault{Latency: 25 * time.Second, Count: -1, Match: func(r *http.Request) bool {
			return form(r).Get("channel") == testChannel
		}})
		wake := make(chan struct{})
		stop := b.start(t, wake)
		synctest.Wait()
		b.out.queue("dead", edit(1, 1, 1))
		b.out.queue("ops", edit(2, 1, 1))
		wake <- struct{}{}
		time.Sleep(2 * time.Second)
		if got := b.slack.Messages(); len(got) != 1 || got[0].Channel != "C0OTHER" {
			t.Errorf("%d messages, want the one of the living channel", len(got))
		}
		stop()
	})
}

// Without wake the outbox is looked into every half minute, and when the next
// delivery is due.
func TestRunWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		stop := b.start(t, nil)
		synctest.Wait()
		b.out.queue("ops", edit(1, 1, 1))
		b.out.add(coc.Delivery{Notifier: "ops", DueAt: time.Now().Add(40 * time.Second), Change: edit(2, 2, 1)})
		time.Sleep(idle)
		synctest.Wait()
		if got := len(b.slack.Messages()); got != 1 {
			t.Errorf("%d messages after %v, want 1", got, idle)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := len(b.slack.Messages()); got != 2 {
			t.Errorf("%d messages when the second is due, want 2", got)
		}
		stop()
	})
}

// A call that is running when the process is asked to stop may continue for a while: an
// interrupted call may have succeeded, and would be repeated. One that hangs is interrupted,
// and its message waits.
func TestStopInMidCall(t *testing.T) {
	for latency, want := range map[time.Duration]coc.MessageState{grace - time.Second: coc.Sent, grace + 2*time.Second: coc.Waiting} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t)
			b.slack.Fail(cocsim.Fault{Latency: latency})
			b.out.queue("ops", edit(1, 1, 1), edit(2, 2, 1))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := b.Drain(ctx); err == nil {
				t.Error("Drain = nil, want that it was stopped")
			}
			if m := b.out.message(1); m.State != want || b.slack.Calls("chat.postMessage") > 1 {
				t.Errorf("a call of %v: message is %s after %d calls, want %s after one", latency, m.State, b.slack.Calls("chat.postMessage"), want)
			}
			if err := b.Drain(t.Context()); err != nil {
				t.Error(err)
			}
			if got := len(b.slack.Messages()); got != 2 {
				t.Errorf("a call of %v: %d messages, want 2", latency, got)
			}
		})
	}
}

// A post whose result could not be recorded is recorded before anything else is posted: a full disk must not repeat it again and again.
func TestFullDiskRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t)
		b.out.full = 10
		b.out.queue("ops", edit(1, 1, 1))
		stop := b.start(t, nil)
		time.Sleep(2 * time.Minute)
		stop()
		if got := len(b.slack.Messages()); got != 1 {
			t.Errorf("%d messages, want 1", got)
		}
		if m := b.out.message(1); m.State != coc.Sent {
			t.Errorf("message is %s, want sent", m.State)
		}
	})
}

// If a content is unavailable only the diff is missing: the change is sent.
func TestContentsMissing(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("content 9: %w", coc.ErrErased), "was erased"},
		{errors.New("disk on fire"), "the log of cocsync says why"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t)
			b.out.broken = test.err
			c := edit(1, 1, 1)
			c.Items = []coc.Item{{Op: "changed", Path: "inputs.x", Old: "before", New: "after"}}
			b.out.queue("ops", c)
			if err := b.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := cocsim.Render(b.slack.Messages()[0])
			if !strings.Contains(got, test.want) || strings.Contains(got, "before") {
				t.Errorf("message:\n%s\nwant %q and no values", got, test.want)
			}
		})
	}
}
