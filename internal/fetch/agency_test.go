package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// metadata is a fake metadata service.
type metadata struct {
	tokenStatus int // 0: returns a token
	keyStatus   int
	body        string // instead of credentials
	end         time.Time
	asked       atomic.Int64 // for credentials
}

func (m *metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "PUT /meta-data/latest/api/token":
		if r.Header.Get("X-Metadata-Token-Ttl-Seconds") != "21600" {
			w.WriteHeader(http.StatusBadRequest)
		} else if m.tokenStatus != 0 {
			w.WriteHeader(m.tokenStatus)
		}
		_, _ = w.Write([]byte("the-token\n"))
	case "GET /openstack/latest/securitykey":
		m.asked.Add(1)
		want := "the-token"
		if m.tokenStatus != 0 {
			want = ""
		}
		if r.Header.Get("X-Metadata-Token") != want {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if m.keyStatus != 0 {
			w.WriteHeader(m.keyStatus)
			return
		}
		if m.body != "" {
			_, _ = w.Write([]byte(m.body))
			return
		}
		fmt.Fprintf(w, `{"credential":{"access":"ak%d","secret":"sk","securitytoken":"st","expires_at":%q}}`,
			m.asked.Load(), m.end.Format("2006-01-02T15:04:05.999999Z"))
	default:
		w.WriteHeader(http.StatusTeapot)
	}
}

type clock struct{ atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(c.Load(), 0).UTC() }
func (c *clock) advance(d time.Duration) { c.Add(int64(d / time.Second)) }

func newAgency(t *testing.T, m *metadata) (*Agency, *clock) {
	t.Helper()
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	c := &clock{}
	c.Store(1_800_000_000)
	m.end = c.now().Add(24 * time.Hour)
	return &Agency{BaseURL: s.URL, Now: c.now}, c
}

func wantAccess(t *testing.T, a *Agency, want string) {
	t.Helper()
	got, err := a.KeyPair(t.Context(), KeyPair{})
	if err != nil || got.AccessKey != want {
		t.Errorf("KeyPair = %q, %v, want %q", got.AccessKey, err, want)
	}
}

// Credentials are cached until forty minutes before their end.
func TestAgencyRefresh(t *testing.T) {
	m := &metadata{}
	a, c := newAgency(t, m)
	wantAccess(t, a, "ak1")
	c.advance(24*time.Hour - refreshBefore - time.Second)
	wantAccess(t, a, "ak1")
	c.advance(2 * time.Second)
	m.end = c.now().Add(24 * time.Hour)
	wantAccess(t, a, "ak2")
	wantAccess(t, a, "ak2")
	if got, err := a.KeyPair(t.Context(), KeyPair{}); err != nil || got.SecurityToken != "st" || !got.ExpiresAt.Equal(m.end) {
		t.Errorf("KeyPair ends %v, %v, want %v", got.ExpiresAt, err, m.end)
	}
}

// While cached credentials are valid, a service that fails is asked once a minute.
// Expired ones are never used.
func TestAgencyKeepsWhatHolds(t *testing.T) {
	m := &metadata{}
	a, c := newAgency(t, m)
	wantAccess(t, a, "ak1")
	m.keyStatus = 500
	c.advance(24*time.Hour - 10*time.Minute)
	for range 5 {
		wantAccess(t, a, "ak1")
	}
	if got := m.asked.Load(); got != 2 {
		t.Errorf("the service was asked %d times, want 2", got)
	}
	c.advance(2 * time.Minute)
	wantAccess(t, a, "ak1")
	if got := m.asked.Load(); got != 3 {
		t.Errorf("the service was asked %d times two minutes later, want 3", got)
	}
	c.advance(time.Hour)
	for range 5 {
		if _, err := a.KeyPair(t.Context(), KeyPair{}); !errors.Is(err, coc.ErrTemporary) {
			t.Errorf("error = %v, want a temporary one after the end", err)
		}
	}
	if got := m.asked.Load(); got != 4 {
		t.Errorf("the service was asked %d times, want 4", got)
	}
	m.keyStatus = 0
	c.advance(2 * time.Minute)
	m.end = c.now().Add(time.Hour)
	wantAccess(t, a, "ak5")
}

// A service that never returned credentials is asked once a minute.
func TestAgencyAsksOnceAMinute(t *testing.T) {
	m := &metadata{keyStatus: 500}
	a, c := newAgency(t, m)
	for range 3 {
		if _, err := a.KeyPair(t.Context(), KeyPair{}); !errors.Is(err, coc.ErrTemporary) {
			t.Errorf("KeyPair error = %v, want a temporary one", err)
		}
	}
	c.advance(2 * refreshPause)
	m.keyStatus = 0
	m.end = c.now().Add(24 * time.Hour)
	if _, err := a.KeyPair(t.Context(), KeyPair{}); err != nil || m.asked.Load() != 2 {
		t.Errorf("KeyPair error = %v after %d requests, want none after 2", err, m.asked.Load())
	}
}

// Concurrent callers send one request.
func TestAgencyAsksOnce(t *testing.T) {
	m := &metadata{}
	a, _ := newAgency(t, m)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { wantAccess(t, a, "ak1") })
	}
	wg.Wait()
	if got := m.asked.Load(); got != 1 {
		t.Errorf("the service was asked %d times, want 1", got)
	}
}

// Refused credentials are not returned again if the service has others.
func TestAgencyForgets(t *testing.T) {
	m := &metadata{}
	a, _ := newAgency(t, m)
	wantAccess(t, a, "ak1")
	if got, err := a.KeyPair(t.Context(), KeyPair{AccessKey: "another"}); err != nil || got.AccessKey != "ak1" {
		t.Errorf("KeyPair after another one was refused = %q, %v, want ak1", got.AccessKey, err)
	}
	t.Setenv(envAccess, "")
	t.Setenv(envSecret, "")
	refused := KeyPair{AccessKey: "ak1", SecretKey: "sk", SecurityToken: "st"}
	if got, err := chain(env, a.KeyPair)(t.Context(), refused); err != nil || got.AccessKey != "ak2" {
		t.Errorf("KeyPair after it was refused = %q, %v, want ak2", got.AccessKey, err)
	}
}

func TestAgencyAnswers(t *testing.T) {
	for _, tt := range []struct {
		m         *metadata
		good      bool
		temporary bool
		absent    bool
	}{
		{m: &metadata{tokenStatus: 404}, good: true},
		{m: &metadata{tokenStatus: 405}, good: true},
		{m: &metadata{tokenStatus: 503}, good: true},
		{m: &metadata{tokenStatus: 500}, temporary: true},
		{m: &metadata{keyStatus: 404}, absent: true},
		{m: &metadata{keyStatus: 302}, temporary: true},
		{m: &metadata{body: `{"credential":{"access":"hunter2","secret":"hunter2","expires_at":"hunter2"}}`}, temporary: true},
		{m: &metadata{body: `{"credential":{"access":"hunter2","secret":"hunter2"}}`}, temporary: true},
		{m: &metadata{body: `{"credential":` + strings.Repeat(" ", maxMetadata)}, temporary: true},
	} {
		a, _ := newAgency(t, tt.m)
		_, err := a.KeyPair(t.Context(), KeyPair{})
		if (err == nil) != tt.good || errors.Is(err, coc.ErrTemporary) != tt.temporary || errors.As(err, new(absent)) != tt.absent {
			t.Errorf("token %d, key %d, body %.60q: error = %v", tt.m.tokenStatus, tt.m.keyStatus, tt.m.body, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %q shows a secret", err)
		}
	}
	s := httptest.NewServer(nil)
	s.Close()
	if _, err := (&Agency{BaseURL: s.URL, Now: time.Now}).KeyPair(t.Context(), KeyPair{}); !errors.As(err, new(absent)) {
		t.Errorf("no metadata service: error = %v, want one after which a chain continues", err)
	}
}
