package notify

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/hint"
)

// A test message ends a hold; if it fails, the error says why and how to fix it.
func TestTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, byToken("ops", testChannel), byWebhook("hook"))
		if err := b.out.Hold(t.Context(), "ops", "is_archived", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		b.slack.Refuse(testChannel, "not_in_channel")
		_, err := b.Test(t.Context(), "ops")
		if want, advice := "post a test message to ops: not_in_channel",
			"invite the bot into the channel with /invite"; err == nil || err.Error() != want || hint.Of(err) != advice {
			t.Errorf("Test = %v (hint %q), want %s (hint %q)", err, hint.Of(err), want, advice)
		}
		b.slack.Refuse(testChannel, "")
		for _, name := range []string{"ops", "hook"} {
			if _, err := b.Test(t.Context(), name); err != nil {
				t.Errorf("Test(%s) = %v", name, err)
			}
		}
		if reason, _, _ := b.out.Held(t.Context(), "ops"); reason != "" {
			t.Errorf("still held: %s", reason)
		}
		// A notice, seven kinds and a digest to each, and one file.
		if got, files := len(b.slack.Messages()), len(b.slack.Files()); got != 2*9 || files != 1 {
			t.Errorf("%d messages and %d files, want 18 and 1", got, files)
		}
		for _, m := range b.slack.Messages() {
			if !strings.Contains(m.Text, "sample") && !strings.Contains(m.Text, "test") {
				t.Errorf("message %q does not say that it is not about a real change", m.Text)
			}
		}
		if _, err := b.Test(t.Context(), "missing"); err == nil {
			t.Error("Test of a missing notifier = nil")
		}
	})
}

// A check posts nothing, and returns the bot and its workspace.
func TestCheck(t *testing.T) {
	b := setUp(t, byToken("ops", testChannel), byWebhook("hook"))
	who, err := b.Check(t.Context(), "ops")
	if want := "bot cocsync in workspace Example"; who != want || err != nil {
		t.Errorf("Check(ops) = %q, %v, want %q", who, err, want)
	}
	if who, err := b.Check(t.Context(), "hook"); err != nil || !strings.Contains(who, "cannot be checked") {
		t.Errorf("Check(hook) = %q, %v, want that it cannot be", who, err)
	}
	b.slack.Refuse("", "account_inactive")
	if who, err := b.Check(t.Context(), "ops"); err == nil || err.Error() != "check ops: account_inactive" ||
		!strings.HasPrefix(hint.Of(err), "the bot token") {
		t.Errorf("Check(ops) = %q, %v (hint %q), want account_inactive and a hint about the token", who, err, hint.Of(err))
	}
	if got := len(b.slack.Messages()); got != 0 {
		t.Errorf("%d messages, want none", got)
	}
}

// What is posted is what was frozen, with a token and with a webhook.
func TestBodyIsFrozen(t *testing.T) {
	for _, n := range []Notifier{byToken("ops", testChannel), byWebhook("ops")} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t, n)
			b.out.queue("ops", edit(1, 1, 1))
			if err := b.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := errors.Join(json.Unmarshal(b.slack.Messages()[0].Blocks, &got), json.Unmarshal(b.out.message(1).Body, &want)); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("blocks (-frozen +posted):\n%s", d)
			}
		})
	}
}
