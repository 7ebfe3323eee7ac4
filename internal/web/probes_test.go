package web_test

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/web"
)

// The site is ready while status reports no problems; otherwise the response lists them.
func TestReady(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "archive.db"))
	must(t, err)
	t.Cleanup(func() { d.Close() })
	now := noon
	s := &web.Site{Archive: archiveOf(d, func() time.Time { return now }), Log: slog.New(slog.DiscardHandler)}
	h := handler(t, s)
	want := func(status int, body string) {
		t.Helper()
		w := request(t, h, "/-/ready")
		if w.Code != status || w.Body.String() != body || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("/-/ready returns %d, %q, %q, want %d, %q", w.Code, w.Header().Get("Content-Type"), w.Body, status, body)
		}
	}
	want(http.StatusServiceUnavailable, "not ready: 1 problem\nno cycle has run yet\n")
	must(t, d.Configure(t.Context(), schedules("nightly", "runbooks"), now))
	addCycle(t, d, "runbooks", now, coc.CycleGood)
	want(http.StatusServiceUnavailable, "not ready: 1 problem\nwatch nightly: no good cycle yet\n")
	addCycle(t, d, "nightly", now, coc.CycleGood)
	want(http.StatusOK, "ok\n")
	addCycle(t, d, "runbooks", now, coc.CycleFailed)
	want(http.StatusServiceUnavailable, "not ready: 1 problem\nwatch runbooks: the last cycle failed\n")
	addCycle(t, d, "runbooks", now, coc.CycleStopped)
	want(http.StatusServiceUnavailable, "not ready: 2 problems\nwatch runbooks: the last cycle failed\n"+
		"watch runbooks: the last cycle did not finish\n")
	addCycle(t, d, "runbooks", now, coc.CycleGood)
	now = now.Add(time.Hour)
	want(http.StatusOK, "ok\n") // a cycle was due 30 minutes ago, which is within the tolerance
	now = now.Add(time.Minute)
	want(http.StatusServiceUnavailable, "not ready: 2 problems\n"+
		"watch nightly is late: a cycle was due 31 minutes ago and none has succeeded since\n"+
		"watch runbooks is late: a cycle was due 31 minutes ago and none has succeeded since\n")
	must(t, d.Configure(t.Context(), schedules("nightly"), now)) // runbooks is no longer configured
	addCycle(t, d, "nightly", now, coc.CycleGood)
	want(http.StatusOK, "ok\n")
}

// Without a token, probes return the number of problems but no names.
func TestProbesNeedNoToken(t *testing.T) {
	s := watchedSite(t)
	var log strings.Builder
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	s.Guard.Token = func() (string, error) { return "0123456789abcdef", nil }
	h := handler(t, s)
	const named = "account prod: COC refuses the key pair; requests are paused for another 60 seconds\n" +
		"watch nightly: the last cycle failed, and there has been no good cycle yet\nwatch runbooks: the last cycle failed\n" +
		"the archive is not complete yet\n" +
		"notifier ops: its channel is on hold; 1 delivery pending, next try in 60 minutes\n"
	const anonymous = "not ready: 5 problems\n"
	for _, test := range []struct{ address, token, body string }{
		{"/-/healthy", "", "ok\n"},
		{"/-/ready", "", anonymous},
		{"/-/ready", "Bearer wrong", anonymous},
		{"/-/ready", "Bearer 0123456789abcdef", anonymous + named},
	} {
		w := request(t, h, test.address, "Authorization", test.token)
		if w.Body.String() != test.body {
			t.Errorf("%s with %q returns %q, want %q", test.address, test.token, w.Body, test.body)
		}
	}
	if log.Len() > 0 {
		t.Errorf("the log is %s", &log)
	}
	for token, status := range map[string]int{"": http.StatusUnauthorized, "Bearer wrong": http.StatusUnauthorized,
		"Bearer 0123456789abcdef": http.StatusOK} {
		if w := request(t, h, "/metrics", "Authorization", token); w.Code != status {
			t.Errorf("/metrics with %q returns %d, want %d", token, w.Code, status)
		}
	}
}

// If the archive cannot be read, the process is healthy but not ready.
func TestProbesOfUnreadableArchive(t *testing.T) {
	s := watchedSite(t)
	s.Log = slog.New(slog.DiscardHandler)
	h := handler(t, s)
	must(t, s.Archive.Close())
	if w := request(t, h, "/-/ready"); w.Code != http.StatusServiceUnavailable ||
		w.Body.String() != "not ready: the archive cannot be read; see cocsync's log for the error\n" {
		t.Errorf("/-/ready of a closed archive returns %d, %q", w.Code, w.Body)
	}
	if w := request(t, h, "/-/healthy"); w.Code != http.StatusOK {
		t.Errorf("/-/healthy of a closed archive returns %d", w.Code)
	}
}
