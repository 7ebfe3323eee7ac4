package config

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"cocsync/internal/hint"
)

// testKey is a signing secret of n bytes.
func testKey(n int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{'k'}, n))
}

// A key is decoded as its receiver does it, and no error shows an invalid one. A secret
// without its prefix was rejected, which the official libraries accept:
// https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
func TestWebhookKey(t *testing.T) {
	for _, n := range []int{24, 32, 64} {
		for _, text := range []string{testKey(n), strings.TrimPrefix(testKey(n), keyPrefix)} {
			got, err := Webhook{Secret: Secret{text}}.Key()
			if err != nil || !bytes.Equal(got, bytes.Repeat([]byte{'k'}, n)) {
				t.Errorf("Key of %q = %q, %v", text, got, err)
			}
		}
	}
	for _, text := range []string{
		"", "whsec_", testKey(23), testKey(65), strings.TrimPrefix(testKey(23), "whsec_"), "whsec_" + testKey(24),
		testKey(25)[:len(testKey(25))-1], "whsec_" + strings.Repeat("-_-_", 8), "WHSEC_" + testKey(24)[6:], " " + testKey(24),
	} {
		t.Setenv("COCSYNC_TEST_KEY", text)
		for _, s := range []Secret{{text}, {"env:COCSYNC_TEST_KEY"}} {
			key, err := Webhook{Secret: s}.Key()
			if err == nil || hint.Of(err) == "" || key != nil {
				t.Errorf("Key of %q = %q, %v, want an error with a hint", text, key, err)
			} else if text != "" && strings.TrimSpace(text) != keyPrefix && strings.Contains(err.Error(), strings.TrimSpace(text)) {
				t.Errorf("Key of %q: %v", text, err)
			}
		}
	}
}

func TestThreadFor(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		thread string
		want   time.Duration // below 0: an error
	}{
		{"", 0},
		{"1d", day},
		{"1m", time.Minute},
		{"30d", 30 * day},
		{"59s", -1},
		{"30d1s", -1},
		{"0", -1},
		{"-1d", -1},
		{"1", -1},
	}
	for _, tt := range tests {
		got, err := Slack{Thread: tt.thread}.ThreadFor()
		if tt.want < 0 {
			if err == nil || hint.Of(err) == "" || got != 0 {
				t.Errorf("ThreadFor of %q = %v, %v, want an error with a hint", tt.thread, got, err)
			}
		} else if got != tt.want || err != nil {
			t.Errorf("ThreadFor of %q = %v, %v, want %v", tt.thread, got, err, tt.want)
		}
	}
	if got, err := defaultSlack().ThreadFor(); got != day || err != nil {
		t.Errorf("ThreadFor by default = %v, %v", got, err)
	}
}

func TestQuiet(t *testing.T) {
	tests := []struct {
		hours, zone string
		from, to    time.Duration
	}{
		{"22:00-07:00", "UTC", 22 * time.Hour, 7 * time.Hour},
		{"00:30-06:59", "Asia/Shanghai", 30 * time.Minute, 6*time.Hour + 59*time.Minute},
		{"18:00-24:00", "UTC", 18 * time.Hour, 24 * time.Hour},
		{"18:00-00:00", "UTC", 18 * time.Hour, 0},
	}
	for _, tt := range tests {
		q, err := Slack{QuietHours: tt.hours, Timezone: tt.zone}.Quiet()
		if err != nil || q.From != tt.from || q.To != tt.to || q.In.String() != tt.zone {
			t.Errorf("Quiet of %q in %s = %v, %v", tt.hours, tt.zone, q, err)
		}
	}
	if q, err := defaultSlack().Quiet(); err != nil || q != (Quiet{}) {
		t.Errorf("Quiet by default = %v, %v, want none", q, err)
	}
	for _, tt := range []struct{ hours, zone string }{
		{"22:00", "UTC"}, {"22:00-", "UTC"}, {"-07:00", "UTC"}, {"22-07", "UTC"}, {"7:00-8:00", "UTC"}, {"22:00-07:00-08:00", "UTC"},
		{"22:60-07:00", "UTC"}, {"25:00-07:00", "UTC"}, {"24:00-07:00", "UTC"}, {"22:00-24:01", "UTC"}, {"22:00 07:00", "UTC"},
		{"07:00-07:00", "UTC"}, {"00:00-24:00", "UTC"}, {"24:00-24:00", "UTC"}, {" ", "UTC"},
		{"22:00-07:00", ""}, {"22:00-07:00", "Local"}, {"22:00-07:00", "Mars/Phobos"},
	} {
		q, err := Slack{QuietHours: tt.hours, Timezone: tt.zone}.Quiet()
		if err == nil || hint.Of(err) == "" || q != (Quiet{}) {
			t.Errorf("Quiet of %q in %q = %v, %v, want an error with a hint", tt.hours, tt.zone, q, err)
		}
	}
}

// A person's token was accepted, with which cocsync would post as that person.
func TestBotToken(t *testing.T) {
	for token, ok := range map[string]bool{
		"xoxb-1-2": true, "xoxe.xoxb-1-2": true, "anything": true,
		"xoxp-1-hunter2": false, "xoxe.xoxp-1-hunter2": false, "xapp-1-hunter2": false,
	} {
		t.Setenv("COCSYNC_TEST_TOKEN", token)
		for _, s := range []Secret{{token}, {"env:COCSYNC_TEST_TOKEN"}} {
			got, err := Slack{Token: s}.BotToken()
			if ok && (got != token || err != nil) {
				t.Errorf("BotToken of %q = %q, %v", token, got, err)
			}
			if !ok && (got != "" || err == nil || !strings.Contains(hint.Of(err), "xoxb-") || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("BotToken of %q = %q, %v, want an error with a hint and without the token", token, got, err)
			}
		}
	}
}
