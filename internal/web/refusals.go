package web

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	// refusalsEvery is the minimum time between two log entries.
	refusalsEvery = time.Minute
	// maxForwarded limits X-Forwarded-For in the log, in bytes. Clients can set it freely.
	maxForwarded = 100
)

// refusals logs refused credentials, at most once per refusalsEvery: the first immediately,
// later ones as a count. The credentials themselves are not logged.
type refusals struct {
	log *slog.Logger

	mu                sync.Mutex
	loggedAt          time.Time
	pending           int
	remote, forwarded string // of the newest request
}

// add counts a request whose credentials were refused.
func (f *refusals) add(r *http.Request) {
	f.mu.Lock()
	f.pending++
	f.remote, f.forwarded = r.RemoteAddr, r.Header.Get("X-Forwarded-For")
	f.mu.Unlock()
	f.report()
}

// report logs the count, unless the last log entry is newer than refusalsEvery.
func (f *refusals) report() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending == 0 || !f.loggedAt.IsZero() && time.Since(f.loggedAt) < refusalsEvery {
		return
	}
	attrs := []any{"requests", f.pending, "remote", f.remote}
	if f.forwarded != "" {
		attrs = append(attrs, "forwarded_for", f.forwarded[:min(len(f.forwarded), maxForwarded)])
	}
	f.log.Warn("credentials refused", attrs...)
	f.pending, f.loggedAt = 0, time.Now()
}
