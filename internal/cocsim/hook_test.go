package cocsim

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Only what was recently signed with the key is accepted.
func TestHookSignature(t *testing.T) {
	h := &Hook{Key: []byte("a key of twenty-four byte")}
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
