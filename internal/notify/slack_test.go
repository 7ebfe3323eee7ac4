package notify

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
)

// Neither the token nor the webhook's URL is in an error or a log, whatever fails.
func TestSecretsStayInside(t *testing.T) {
	broken := func(err func(r *http.Request) error) func(*bench) {
		return func(b *bench) { b.wire.hook = err }
	}
	answer := func(status int, body string) func(*bench) {
		return func(b *bench) {
			b.slack.Fail(cocsim.Fault{Kind: cocsim.FaultBody, Status: status, Body: body, Count: -1})
		}
	}
	for name, set := range map[string]func(*bench){
		"url in the error": broken(func(r *http.Request) error { return fmt.Errorf("dial %s: refused", r.URL) }),
		"path in the error": broken(func(r *http.Request) error {
			return &url.Error{Op: "Post", URL: r.URL.String(), Err: fmt.Errorf("proxy says no to %s", r.URL.Path)}
		}),
		"form in the error": broken(func(r *http.Request) error { return errors.New("bad form " + form(r).Encode()) }),
		"echo":              answer(500, testToken+" "+testHook),
		"echo as the word":  answer(200, `{"ok": false, "error": "`+testToken+`"}`),
		"no JSON":           answer(200, testToken),
		"nothing":           answer(200, `{}`),
		"not ok":            answer(200, `{"ok": false}`),
		"redirect":          answer(307, ""),
	} {
		for _, n := range []Notifier{byToken("ops", testChannel), byWebhook("ops")} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := setUp(t, n)
					set(b)
					b.out.queue("ops", edit(1, 1, 1))
					stop := b.start(t, nil)
					time.Sleep(time.Minute)
					stop()
					m := b.out.message(1)
					if m.State == coc.Sent || m.Err == "" {
						t.Errorf("message is %s, error %q, want an error", m.State, m.Err)
					}
					said := fmt.Sprint(b.logs.String(), m.Err, b.Drain(t.Context()), testOf(t, b))
					for _, secret := range []string{"SeCrEt", url.QueryEscape(testHook)} {
						if strings.Contains(said, secret) {
							t.Errorf("the secret is in it:\n%s", said)
						}
					}
				})
			})
		}
	}
}

// The error of an invalid webhook URL does not contain it.
func TestBadWebhook(t *testing.T) {
	for _, secret := range []string{"", "SeCrEt", "https://hooks.slack.com:SeCrEt/x", "://SeCrEt", "https://%SeCrEt/", "ftp://h/SeCrEt"} {
		b := setUp(t, Notifier{Name: "ops", Channel: SlackWebhook{URL: func() (string, error) { return secret, nil }}})
		b.HTTP = nil
		_, err := b.Test(t.Context(), "ops")
		if err == nil || strings.Contains(err.Error(), "SeCrEt") {
			t.Errorf("Test with webhook %q = %v, want an error without it", secret, err)
		}
	}
}

// A secret that cannot be read is read again later.
func TestSecretUnreadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		missing := errors.New("environment variable SLACK_BOT_TOKEN is not set")
		var set atomic.Bool
		n := bySlack(byToken("ops", testChannel), func(s *Slack) {
			s.Token = func() (string, error) {
				if set.Load() {
					return testToken, nil
				}
				return testToken, missing
			}
		})
		b := setUp(t, n)
		b.out.queue("ops", edit(1, 1, 1))
		stop := b.start(t, nil)
		time.Sleep(time.Second)
		if m := b.out.message(1); !strings.Contains(m.Err, missing.Error()) {
			t.Errorf("error is %q, want %q", m.Err, missing)
		}
		set.Store(true)
		time.Sleep(time.Minute)
		stop()
		if got := len(b.slack.Messages()); got != 1 {
			t.Errorf("%d messages once the token can be read, want 1", got)
		}
	})
}

// A redirect is not followed: it would carry the secret elsewhere.
func TestRedirectIsRefused(t *testing.T) {
	var elsewhere int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer s.Close()
	n := bySlack(byToken("ops", testChannel), func(c *Slack) { c.APIURL = s.URL + "/api" })
	hook := Notifier{Name: "hook", Channel: SlackWebhook{URL: func() (string, error) { return s.URL + "/services/x", nil }}}
	b := setUp(t, n, hook)
	b.HTTP = nil
	for _, name := range []string{"ops", "hook"} {
		if _, err := b.Test(t.Context(), name); err == nil || !strings.Contains(err.Error(), "status 307") {
			t.Errorf("Test(%s) = %v, want that it is redirected", name, err)
		}
	}
	if elsewhere != 0 {
		t.Errorf("%d requests were sent elsewhere, want none", elsewhere)
	}
}

// A message is posted over loopback, with a token and with a webhook; one whose response is
// lost is posted again with the same change id.
func TestOverLoopback(t *testing.T) {
	for _, way := range []string{"token", "webhook"} {
		slack := cocsim.NewSlack(cocsim.SlackOptions{Token: testToken, Channels: []string{testChannel}})
		base, stop, err := cocsim.Listen(slack)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		n := bySlack(byToken("ops", testChannel), func(s *Slack) { s.APIURL = base + "/api/" })
		if way == "webhook" {
			n = Notifier{Name: "ops", Channel: SlackWebhook{URL: func() (string, error) { return base + cocsim.DefaultWebhook, nil }}}
		}
		b := setUp(t, n)
		b.HTTP = nil
		slack.Fail(cocsim.Fault{Kind: cocsim.FaultLost})
		b.out.queue("ops", edit(1, 1, 1))
		if err := b.Drain(t.Context()); err == nil {
			t.Errorf("%s: Drain = nil, want that the response was lost", way)
		}
		now := time.Now().Add(time.Minute)
		b.Now = func() time.Time { return now }
		if err := b.Drain(t.Context()); err != nil {
			t.Errorf("%s: Drain = %v", way, err)
		}
		got := slack.Messages()
		if len(got) != 2 || got[0].Text != got[1].Text || !strings.Contains(got[0].Text, "(change 1)") {
			t.Errorf("%s: messages %v, want the same one twice, with its change's id", way, got)
		}
	}
}

// Retry-After is read in all its forms.
func TestRetryAfter(t *testing.T) {
	const date = "Mon, 23 Nov 2026 12:00:00 GMT"
	for _, test := range []struct {
		in   string
		want time.Duration
	}{
		{"1", time.Second}, {"0", time.Second}, {"-5", time.Second}, {"0.2", time.Second}, {"2.5", 2500 * time.Millisecond},
		{" 7 ", 7 * time.Second}, {"1e300", maxWait}, {"Inf", maxWait}, {"NaN", 0}, {"", 0}, {"soon", 0},
		{"Mon, 23 Nov 2026 12:00:30 GMT", 30 * time.Second}, {"Mon, 23 Nov 2026 11:00:00 GMT", time.Second},
		{"Mon, 23 Nov 2099 11:00:00 GMT", maxWait},
	} {
		if got := retryAfter(test.in, date); got != test.want {
			t.Errorf("retryAfter(%q) = %v, want %v", test.in, got, test.want)
		}
	}
}

// Backoff grows from seconds to half an hour and stays there.
func TestBackoff(t *testing.T) {
	for attempts, least := range map[int]time.Duration{
		0: minBackoff, 1: minBackoff, 2: 2 * minBackoff, 5: 16 * minBackoff, 9: maxBackoff / 2, 40: maxBackoff / 2, 1 << 40: maxBackoff / 2,
	} {
		for range 100 {
			if got := backoff(attempts); got < least || got > min(2*least, maxBackoff) {
				t.Fatalf("backoff(%d) = %v, want %v to %v", attempts, got, least, 2*least)
			}
		}
	}
}

// testOf is the error of a test of ops.
func testOf(t *testing.T, b *bench) error {
	_, err := b.Test(t.Context(), "ops")
	return err
}
