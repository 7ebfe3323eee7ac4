package web

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	// refusalsEvery is how often refused credentials are logged at most.
	refusalsEvery = time.Minute
	// maxForwarded bounds what a client says of itself in the log, in bytes.
	maxForwarded = 100
)

// refusals logs credentials that were refused: the first at once, those of the next minute
// as a number with the first request after it. What was presented is not logged.
type refusals struct {
	log *slog.Logger

	mu                sync.Mutex
	loggedAt          time.Time
	pending           int
	remote, forwarded string // of the newest
}

// add counts a request whose credentials were refused.
func (f *refusals) add(r *http.Request) {
	f.mu.Lock()
	f.pending++
	f.remote, f.forwarded = r.RemoteAddr, r.Header.Get("X-Forwarded-For")
	f.mu.Unlock()
	f.report()
}

// report logs what is pending, unless something was logged within the last minute.
func (f *refusals) report() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending == 0 || !f.loggedAt.IsZero() && time.Since(f.loggedAt) < refusalsEvery {
		return
	}
	attrs := []any{"requests", f.pending, "remote", f.remote}
	if f.forwarded != "" { // by a proxy, or made up
		attrs = append(attrs, "forwarded_for", f.forwarded[:min(len(f.forwarded), maxForwarded)])
	}
	f.log.Warn("credentials refused", attrs...)
	f.pending, f.loggedAt = 0, time.Now()
}
