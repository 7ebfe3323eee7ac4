package cocsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// hookTolerance is the maximum age of a signature, past or future; the libraries of
// Standard Webhooks use five minutes.
const hookTolerance = 5 * time.Minute

// Hook is a receiver of webhooks that are signed as in
// https://www.standardwebhooks.com. It refuses others. It is safe for concurrent use.
type Hook struct {
	Key []byte // the secret after "whsec_", decoded

	mu     sync.Mutex
	events []HookEvent
	status int // refuse everything with it; 0: accept
}

// HookEvent is a request that a Hook accepted.
type HookEvent struct {
	ID   string // the same for a repeated one
	Body json.RawMessage
	At   time.Time
}

// Events returns the accepted requests, in order.
func (h *Hook) Events() []HookEvent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

// Refuse makes every request fail with a status; 0 undoes it.
func (h *Hook) Refuse(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

// ServeHTTP accepts one event.
func (h *Hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
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
	h.events = append(h.events, HookEvent{r.Header.Get("webhook-id"), body, time.Now()})
	w.WriteHeader(http.StatusNoContent)
}

// signed reports whether one of the signatures is made with the key, recently.
func (h *Hook) signed(header http.Header, body []byte) bool {
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
