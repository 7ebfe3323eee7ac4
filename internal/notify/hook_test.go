package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/mask"
)

const (
	hookURL = "https://hooks.example.com/cocsync?key=SeCrEtSeCrEtSeCrEt"
	hookKey = "SeCrEtSeCrEtSeCrEtSeCrEt"
)

func byHook(name string) Notifier {
	return Notifier{Name: name, Channel: Webhook{URL: func() (string, error) { return hookURL, nil },
		Key: func() ([]byte, error) { return []byte(hookKey), nil }}}
}

// posted is a request that a webhook got.
type posted struct {
	id, at, signature string
	body              []byte
}

// receiver accepts events, after responding with answers.
type receiver struct {
	calls   []posted
	answers []int
	after   string // Retry-After
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	rc.calls = append(rc.calls, posted{r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature"), body})
	if len(rc.answers) > 0 {
		if rc.after != "" {
			w.Header().Set("Retry-After", rc.after)
		}
		w.WriteHeader(rc.answers[0])
		rc.answers = rc.answers[1:]
	}
}

// verify is the check of a receiver, as the specification has it.
func (c *posted) verify() error {
	mac := hmac.New(sha256.New, []byte(hookKey))
	fmt.Fprintf(mac, "%s.%s.", c.id, c.at)
	mac.Write(c.body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); c.signature != want || c.id == "" {
		return fmt.Errorf("signature of %q is %q, want %q", c.id, c.signature, want)
	}
	return nil
}

// Each change is one event, however many there are, signed and in order; a repeat has the id
// and the body of the first, and a signature with its own time.
func TestHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := byHook("audit")
		n.DigestOver = 1
		b := setUp(t, n)
		rc := &receiver{answers: []int{500, 500}}
		b.wire.Handler = rc
		b.out.queue("audit", edit(1, 1, 1), edit(2, 1, 2), edit(3, 2, 1))
		b.out.add(coc.Delivery{Notifier: "audit", Notice: &coc.Notice{ID: 9, Kind: coc.NoticeFailure, Watch: "w",
			Title: "Watch w does not work", Lines: []string{"no list"}}})
		stop := b.start(t, nil)
		time.Sleep(5 * time.Minute)
		stop()
		var got []string
		first := map[string]posted{}
		for _, c := range rc.calls {
			if err := c.verify(); err != nil {
				t.Error(err)
			}
			var e struct {
				Type string
				Data struct{ ID int }
			}
			if err := json.Unmarshal(c.body, &e); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %d", e.Type, e.Data.ID))
			f, seen := first[c.id]
			if seen && (!bytes.Equal(f.body, c.body) || f.at == c.at || f.signature == c.signature) {
				t.Errorf("repeat of %s: %s at %s, first %s at %s", c.id, c.body, c.at, f.body, f.at)
			}
			first[c.id] = c
		}
		want := "notice.failure 9,change.version 1,change.version 3,notice.failure 9,change.version 1,change.version 2"
		if s := strings.Join(got, ","); s != want && s != strings.Replace(want,
			"notice.failure 9,change.version 1,change.version 2", "change.version 1,change.version 2,notice.failure 9", 1) {
			t.Errorf("events %s, want %s", s, want)
		}
		if len(first) != 4 {
			t.Errorf("%d ids, want one for each event", len(first))
		}
	})
}

// The status decides what a receiver's refusal means; its error has no secrets.
func TestHookRefusals(t *testing.T) {
	for status, want := range map[int]class{
		400: message, 413: message, 422: message,
		401: channel, 403: channel, 404: channel, 405: channel, 410: channel, 302: channel,
		408: serverError, 425: serverError, 500: serverError, 502: serverError, 503: serverError, 504: serverError,
		429: limited,
	} {
		b := setUp(t, byHook("audit"))
		b.wire.Handler = &receiver{answers: []int{status}}
		_, err := b.post(t.Context(), &b.Notifiers[0], coc.Message{Body: []byte("{}")})
		var r *refusal
		if !errors.As(err, &r) || r.class != want || !strings.Contains(err.Error(), fmt.Sprint(status)) ||
			strings.Contains(err.Error(), "SeCrEt") {
			t.Errorf("status %d: %v (class %v), want class %v", status, err, r, want)
		}
	}
	b := setUp(t, byHook("audit"))
	b.wire.Handler = &receiver{answers: []int{503}, after: "7"}
	_, err := b.post(t.Context(), &b.Notifiers[0], coc.Message{Body: []byte("{}")})
	if r := (&refusal{}); !errors.As(err, &r) || r.class != limited || r.wait != 7*time.Second {
		t.Errorf("503 with Retry-After = %v, want a wait of 7s", err)
	}
}

// A refused event is failed and stays visible, and the next is sent; if the receiver refuses
// all events, they wait.
func TestHookFailsOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, byHook("audit"))
		rc := &receiver{answers: []int{422, 200, 410}}
		b.wire.Handler = rc
		b.out.queue("audit", edit(1, 1, 1), edit(2, 2, 1), edit(3, 3, 1))
		stop := b.start(t, nil)
		time.Sleep(time.Minute)
		stop()
		if got := fmt.Sprint(b.out.states()); got != "[failed sent claimed]" || len(rc.calls) != 3 {
			t.Errorf("deliveries are %s after %d calls, want failed, sent, claimed after 3", got, len(rc.calls))
		}
		if m := b.out.message(1); m.Err != "status 422 Unprocessable Entity: check url and secret in the config, and the receiver's log" {
			t.Errorf("the reason is %q", m.Err)
		}
		if reason, _, _ := b.out.Held(t.Context(), "audit"); !strings.Contains(reason, "410 Gone") {
			t.Errorf("held because of %q", reason)
		}
	})
}

// Neither the URL nor the key of a webhook is in an error or a log.
func TestHookSecretsStayInside(t *testing.T) {
	for name, hook := range map[string]func(*http.Request) error{
		"url":     func(r *http.Request) error { return fmt.Errorf("dial %s: refused", r.URL) },
		"headers": func(r *http.Request) error { return fmt.Errorf("bad request %v", r.URL.Query()) },
	} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t, byHook("audit"))
			b.wire.hook = hook
			b.out.queue("audit", edit(1, 1, 1))
			stop := b.start(t, nil)
			time.Sleep(time.Minute)
			stop()
			_, err := b.Test(t.Context(), "audit")
			if output := fmt.Sprint(b.logs, b.out.message(1).Err, err); strings.Contains(output, "SeCrEt") || b.out.message(1).Err == "" {
				t.Errorf("%s: %s", name, output)
			}
		})
	}
	for _, bad := range []string{"", "SeCrEt", "://SeCrEt", "https://%SeCrEt/"} {
		n := Notifier{Name: "audit", Channel: Webhook{URL: func() (string, error) { return bad, nil },
			Key: func() ([]byte, error) { return nil, nil }}}
		b := setUp(t, n)
		if _, err := b.Test(t.Context(), "audit"); err == nil || strings.Contains(err.Error(), "SeCrEt") {
			t.Errorf("Test of %q = %v, want an error without it", bad, err)
		}
	}
}

// The events that docs/events.md describes.
func TestEventGolden(t *testing.T) {
	for _, detail := range []Detail{DetailFull, DetailOutline, DetailName} {
		n := byHook("audit")
		n.Detail = detail
		w := &writer{n: &n, mask: &mask.Masker{}}
		c, pair := example(coc.KindVersion)
		if detail != DetailFull {
			pair = contents{}
		}
		body, text, err := w.event(c, pair)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "event-"+string(detail)+".txt", indented(t, body, text))
	}
	w := &writer{n: &Notifier{}, mask: &mask.Masker{}}
	c, _ := example(coc.KindDeleted)
	body, text, err := w.event(c, contents{})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "event-deleted.txt", indented(t, body, text))
	body, text, err = w.noticeEvent(&coc.Notice{ID: 12, Kind: coc.NoticeFailure, Watch: "runbooks", Title: "Watch runbooks does not work",
		At: time.Date(2026, 7, 1, 13, 0, 0, 0, time.UTC), Lines: []string{"list documents: 403 APIGW.0302"}})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "event-notice.txt", indented(t, body, text))
}

func indented(t *testing.T, body []byte, text string) []byte {
	t.Helper()
	out := bytes.NewBufferString(text + "\n")
	if err := json.Indent(out, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(out.Bytes(), '\n')
}

// The signature is the one of the specification's libraries: their tests have this one.
// https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
func TestSign(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, []byte(`{"test": 2432232314}`)); got != want {
		t.Errorf("sign = %s, want %s", got, want)
	}
}
