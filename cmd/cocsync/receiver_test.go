package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// hookTolerance is the maximum age of a signature, past or future; the libraries of
// Standard Webhooks use five minutes.
const hookTolerance = 5 * time.Minute

// receiver is a receiver of webhooks that are signed as in
// https://www.standardwebhooks.com. It refuses others. It is safe for concurrent use.
type receiver struct {
	Key []byte // the secret after "whsec_", decoded

	mu     sync.Mutex
	events []receivedEvent
	status int // refuse everything with it; 0: accept
}

// receivedEvent is a request that a receiver accepted.
type receivedEvent struct {
	ID   string // the same for a repeated one
	Body json.RawMessage
	At   time.Time
}

// Events returns the accepted requests, in order.
func (h *receiver) Events() []receivedEvent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

// Refuse makes every request fail with a status; 0 undoes it.
func (h *receiver) Refuse(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

// ServeHTTP accepts one event.
func (h *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<20))
	switch {
	case err != nil:
		http.Error(w, "too long", http.StatusRequestEntityTooLarge)
		return
	case r.Method != http.MethodPost:
		http.Error(w, "post an event", http.StatusMethodNotAllowed)
		return
	case !h.signed(r.Header, body):
		http.Error(w, "the signature does not match", http.StatusUnauthorized)
		return
	case !json.Valid(body) || r.Header.Get("Content-Type") != "application/json":
		http.Error(w, "not JSON", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.status != 0 {
		w.WriteHeader(h.status)
		return
	}
	h.events = append(h.events, receivedEvent{r.Header.Get("webhook-id"), body, time.Now()})
	w.WriteHeader(http.StatusNoContent)
}

// signed reports whether one of the signatures is made with the key, recently.
func (h *receiver) signed(header http.Header, body []byte) bool {
	id, stamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || id == "" || time.Since(time.Unix(seconds, 0)).Abs() > hookTolerance {
		return false
	}
	want := hookSignature(h.Key, id, stamp, string(body))
	return slices.ContainsFunc(strings.Fields(header.Get("webhook-signature")), func(got string) bool {
		return hmac.Equal([]byte(got), []byte(want))
	})
}

// hookSignature signs an event.
func hookSignature(key []byte, id, stamp, body string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "." + body))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Only what was recently signed with the key is accepted.
func TestHookSignature(t *testing.T) {
	h := &receiver{Key: []byte("a key of twenty-four byte")}
	send := func(id, stamp, signature, body string) int {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("webhook-id", id)
		r.Header.Set("webhook-timestamp", stamp)
		r.Header.Set("webhook-signature", signature)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	now := fmt.Sprint(time.Now().Unix())
	old := fmt.Sprint(time.Now().Add(-time.Hour).Unix())
	good := func(id, stamp, body string) string { return hookSignature(h.Key, id, stamp, body) }
	for name, test := range map[string]struct {
		id, stamp, signature, body string
		want                       int
	}{
		"good":         {"msg_1", now, good("msg_1", now, "{}"), "{}", 204},
		"one of two":   {"msg_1", now, "v1,AAAA " + good("msg_1", now, "{}"), "{}", 204},
		"other body":   {"msg_1", now, good("msg_1", now, "{}"), "[]", 401},
		"other id":     {"msg_2", now, good("msg_1", now, "{}"), "{}", 401},
		"other time":   {"msg_1", old, good("msg_1", now, "{}"), "{}", 401},
		"old":          {"msg_1", old, good("msg_1", old, "{}"), "{}", 401},
		"none":         {"msg_1", now, "", "{}", 401},
		"no id":        {"", now, good("", now, "{}"), "{}", 401},
		"no JSON":      {"msg_1", now, good("msg_1", now, "x"), "x", 400},
		"other scheme": {"msg_1", now, strings.Replace(good("msg_1", now, "{}"), "v1", "v2", 1), "{}", 401},
	} {
		if got := send(test.id, test.stamp, test.signature, test.body); got != test.want {
			t.Errorf("%s: status %d, want %d", name, got, test.want)
		}
	}
	if got := len(h.Events()); got != 2 {
		t.Errorf("%d events, want 2", got)
	}
	h.Refuse(http.StatusGone)
	if got := send("msg_1", now, good("msg_1", now, "{}"), "{}"); got != http.StatusGone {
		t.Errorf("refused with %d", got)
	}
}

// The signature is the one of the specification's libraries: their tests have this
// one. https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
func TestHookSignatureOfOthers(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if got := hookSignature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`); got != want {
		t.Errorf("hookSignature = %s, want %s", got, want)
	}
}
