package web_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/web"
)

// A page is ready while each watch had a good cycle lately, and says which had none.
func TestReady(t *testing.T) {
	s := watchedSite(t) // runbooks was good ten minutes ago, nightly never
	now := noon
	s.History.Now = func() time.Time { return now }
	h := handler(t, s)
	want := func(status int, body string) {
		t.Helper()
		w := answered(t, h, "/-/ready")
		if w.Code != status || w.Body.String() != body || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("/-/ready answers %d, %q, %q, want %d, %q", w.Code, w.Header().Get("Content-Type"), w.Body, status, body)
		}
	}
	want(http.StatusServiceUnavailable, "not ready: 1 watch of 2 does not work\nnightly: no cycle was good so far\n")
	d := s.History.DB
	must(t, d.Follow(t.Context(), "prod", "nightly", "", nil, true, true, now)) // its list is empty, and complete
	addCycle(t, d, "nightly", now, coc.Good)
	want(http.StatusOK, "ok: 2 watches work\n")
	addCycle(t, d, "runbooks", now, coc.Bad)
	addCycle(t, d, "runbooks", now, coc.Bad)
	now = now.Add(time.Second)
	want(http.StatusServiceUnavailable, "not ready: 1 watch of 2 does not work\n"+
		"runbooks: the last 3 cycles failed; the last good one ended at 2026-06-01T11:50:01Z\n")
	addCycle(t, d, "runbooks", now, coc.Good)
	want(http.StatusOK, "ok: 2 watches work\n")
	now = now.Add(24 * time.Hour)
	want(http.StatusServiceUnavailable, "not ready: 2 watches of 2 do not work\n"+
		"nightly: no cycle was good for too long; the last good one ended at 2026-06-01T12:00:01Z\n"+
		"runbooks: no cycle was good for too long; the last good one ended at 2026-06-01T12:00:02Z\n")
	must(t, d.Retire(t.Context(), []string{"nightly"}, now)) // runbooks is no longer configured
	addCycle(t, d, "nightly", now, coc.Good)
	want(http.StatusOK, "ok: 1 watch works\n")
}

// Beside a daemon the watches are those of its configuration, also those that did not
// run yet.
func TestReadyBesideADaemon(t *testing.T) {
	s := watchedSite(t)
	s.Live = web.NewLive()
	h := handler(t, s)
	for _, test := range []struct {
		watches []string
		status  int
	}{
		{[]string{"runbooks"}, http.StatusOK},
		{[]string{"runbooks", "nightly"}, http.StatusServiceUnavailable},
		{[]string{"runbooks", "added just now"}, http.StatusServiceUnavailable},
		{nil, http.StatusServiceUnavailable},
	} {
		s.Live.Loaded(test.watches, nil)
		if w := answered(t, h, "/-/ready"); w.Code != test.status {
			t.Errorf("with the watches %q /-/ready answers %d, %q, want %d", test.watches, w.Code, w.Body, test.status)
		}
	}
}

// Whoever starts and stops processes has no token: they hear how many, and no names.
func TestProbesNeedNoToken(t *testing.T) {
	s := watchedSite(t)
	var log strings.Builder
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	s.Guard.Token = func() (string, error) { return "0123456789abcdef", nil }
	h := handler(t, s)
	const anonymous = "not ready: 1 watch of 2 does not work\n"
	for _, test := range []struct{ address, token, body string }{
		{"/-/healthy", "", "ok\n"},
		{"/-/ready", "", anonymous},
		{"/-/ready", "Bearer wrong", anonymous},
		{"/-/ready", "Bearer 0123456789abcdef", anonymous + "nightly: no cycle was good so far\n"},
	} {
		w := answered(t, h, test.address, "Authorization", test.token)
		if w.Body.String() != test.body {
			t.Errorf("%s with %q answers %q, want %q", test.address, test.token, w.Body, test.body)
		}
	}
	if log.Len() > 0 {
		t.Errorf("the log is %s", &log)
	}
	for token, status := range map[string]int{"": http.StatusUnauthorized, "Bearer wrong": http.StatusUnauthorized, "Bearer 0123456789abcdef": http.StatusOK} {
		if w := answered(t, h, "/metrics", "Authorization", token); w.Code != status {
			t.Errorf("/metrics with %q answers %d, want %d", token, w.Code, status)
		}
	}
}

// An archive that can't be read is no reason to end the process, but to send nobody to it.
func TestProbesOfAFault(t *testing.T) {
	s := watchedSite(t)
	s.Log = slog.New(slog.DiscardHandler)
	h := handler(t, s)
	must(t, s.History.DB.Close())
	if w := answered(t, h, "/-/ready"); w.Code != http.StatusServiceUnavailable || w.Body.String() != "not ready: the archive cannot be read; cocsync's log says why\n" {
		t.Errorf("/-/ready of a closed archive answers %d, %q", w.Code, w.Body)
	}
	if w := answered(t, h, "/-/healthy"); w.Code != http.StatusOK {
		t.Errorf("/-/healthy of a closed archive answers %d", w.Code)
	}
}
