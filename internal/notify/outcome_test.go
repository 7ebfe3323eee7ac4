package notify

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
)

// Observe is called with the outcome of each post.
func TestObserve(t *testing.T) {
	says := func(word string) string { return `{"ok": false, "error": "` + word + `"}` }
	for _, tt := range []struct {
		name, want string
		status     int
		body       string
		err        error
	}{
		{"taken", "ok", 0, "", nil},
		{"asked to wait", "throttled", 429, "", nil},
		{"down", "server_error", 503, "", nil},
		{"a word for down", "server_error", 200, says("internal_error"), nil},
		{"no answer", "network", 0, "", errors.New("connection reset")},
		{"archived", "channel_refused", 200, says("is_archived"), nil},
		{"bad blocks", "message_refused", 200, says("invalid_blocks"), nil},
		{"a new word", "message_refused", 200, says("a_new_word"), nil},
	} {
		b := setUp(t, byToken("ops", testChannel))
		if tt.err != nil {
			b.wire.hook = func(*http.Request) error { return tt.err }
		} else if tt.status != 0 {
			b.slack.Fail(cocsim.Fault{Kind: cocsim.FaultBody, Status: tt.status, Body: tt.body, RetryAfter: "1", Count: -1})
		}
		var got []string
		b.Observe = func(notifier, outcome string) { got = append(got, notifier+" "+outcome) }
		_, err := b.post(t.Context(), &b.Notifiers[0], coc.Message{Kind: coc.MessageRoot, Text: "x"})
		if !slices.Equal(got, []string{"ops " + tt.want}) {
			t.Errorf("%s: got %q for %v, want %s", tt.name, got, err, tt.want)
		}
		if _, o, _ := strings.Cut(got[0], " "); !slices.Contains(Outcomes(), o) {
			t.Errorf("%s: %q is not in Outcomes", tt.name, o)
		}
	}
}

// A post that the end of the process interrupts is no failure of Slack.
func TestObserveInterrupted(t *testing.T) {
	b := setUp(t, byToken("ops", testChannel))
	ctx, cancel := context.WithCancel(t.Context())
	b.wire.hook = func(*http.Request) error {
		cancel()
		return ctx.Err()
	}
	var got []string
	b.Observe = func(_, outcome string) { got = append(got, outcome) }
	if _, err := b.post(ctx, &b.Notifiers[0], coc.Message{Kind: coc.MessageRoot, Text: "x"}); err == nil ||
		!slices.Equal(got, []string{"stopped"}) {
		t.Errorf("post = %v, got %q, want stopped", err, got)
	}
}
