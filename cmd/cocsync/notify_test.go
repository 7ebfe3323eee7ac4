package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cocsync/internal/cocsim"
	"cocsync/internal/db"
	"cocsync/internal/query"
)

// withSlack writes a config whose notifier "ops" is a fake Slack, and returns its path.
func withSlack(t *testing.T, archive string) (string, *cocsim.Slack) {
	t.Helper()
	slack := cocsim.NewSlack(cocsim.SlackOptions{Token: "xoxb-very-secret", Channels: []string{"C0123456789"}})
	url, stop, err := cocsim.Listen(slack)
	must(t, err)
	t.Cleanup(stop)
	t.Setenv("COC_AK", "ak")
	t.Setenv("COC_SK", "very-secret-key")
	t.Setenv("SLACK_TOKEN", "xoxb-very-secret")
	text := strings.NewReplacer(`channel = "C0123456789"`, "channel = \"C0123456789\"\nkinds = [\"rewritten\"]",
		"$COC", "https://coc.example", "$SLACK", url, "cocsync.db", archive).Replace(scriptConfig)
	path := filepath.Join(t.TempDir(), "config.toml")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path, slack
}

// A test that Slack accepts ends the hold of the channel.
func TestNotifyTestEndsHold(t *testing.T) {
	archive := fixture(t)
	config, slack := withSlack(t, archive)
	_, stderr, status := ask(t, archive, "-c", config, "notify", "test", "ops")
	if status != 0 || len(slack.Messages()) != 2 || stderr != "notifier ops: all 2 messages accepted\n" {
		t.Fatalf("notify test = %q, %d with %d messages", stderr, status, len(slack.Messages()))
	}
	d, err := db.OpenReader(t.Context(), archive)
	must(t, err)
	defer d.Close()
	if reason, _, err := d.Held(t.Context(), "ops"); reason != "" || err != nil {
		t.Errorf("Held = %q, %v, want it free", reason, err)
	}
}

// Before the first sync notify test works too, and creates no archive, which could belong to
// the wrong user.
func TestNotifyTestNeedsNoArchive(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "none.db")
	config, slack := withSlack(t, archive)
	_, stderr, status := ask(t, archive, "-c", config, "notify", "test", "ops")
	if status != 0 || len(slack.Messages()) != 2 {
		t.Errorf("notify test = %q, %d with %d messages", stderr, status, len(slack.Messages()))
	}
	if _, err := os.Stat(archive); !os.IsNotExist(err) {
		t.Errorf("notify test left an archive: %v", err)
	}
}

func TestNotifyTestErrors(t *testing.T) {
	archive := fixture(t)
	config, slack := withSlack(t, archive)
	_, stderr, status := ask(t, archive, "-c", config, "notify", "test", "opps")
	if want := "cocsync: no notifier \"opps\" in the configuration\ncocsync: hint: did you mean ops?\n"; stderr != want || status != 1 {
		t.Errorf("notify test opps = %q, %d, want %q", stderr, status, want)
	}
	slack.Refuse("C0123456789", "is_archived")
	_, stderr, status = ask(t, archive, "-c", config, "notify", "test", "ops")
	if status != 1 || !strings.Contains(stderr, "is_archived") || strings.Contains(stderr, "xoxb") {
		t.Errorf("notify test to an archived channel = %q, %d, want the reason and no secret", stderr, status)
	}
}

// Retrying one message does not affect other notifiers.
func TestNotifyRetryOneMessage(t *testing.T) {
	archive := fixture(t)
	d, err := db.OpenShared(t.Context(), archive)
	must(t, err)
	defer d.Close()
	must(t, d.Hold(t.Context(), "other", "token_revoked", dayOf(21)))
	if _, stderr, status := ask(t, archive, "notify", "retry", "2"); status != 0 || !strings.HasPrefix(stderr, "due now: 1 message;") {
		t.Fatalf("notify retry 2 = %q, %d", stderr, status)
	}
	if reason, _, _ := d.Held(t.Context(), "other"); reason == "" {
		t.Error("notify retry 2 freed the channel of another notifier")
	}
	if reason, _, _ := d.Held(t.Context(), "ops"); reason != "" {
		t.Errorf("ops is still held: %s", reason)
	}
	stdout, _, _ := ask(t, archive, "notify", "list", "-o", "json")
	var list []query.Message
	must(t, json.Unmarshal([]byte(stdout), &list))
	if len(list) != 2 || list[0].State != "waiting" || list[1].NextAt.String() != "2026-03-22T12:00:00.273Z" {
		t.Errorf("after retry 2 the messages are %s", stdout)
	}
	for _, args := range [][]string{{"notify", "retry", "3"}, {"notify", "retry", "2", "--notifier", "other"}} {
		if _, _, status := ask(t, archive, args...); status == 0 {
			t.Errorf("%q succeeded", args)
		}
	}
	if _, stderr, status := ask(t, archive, "notify", "retry", "--notifier", "other"); status != 0 ||
		stderr != "no message is pending or failed\n" {
		t.Errorf("notify retry --notifier other = %q, %d", stderr, status)
	}
	if reason, _, _ := d.Held(t.Context(), "other"); reason != "" {
		t.Errorf("other is still held: %s", reason)
	}
}
