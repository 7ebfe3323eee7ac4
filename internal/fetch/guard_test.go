package fetch

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
)

const badKeyBody = `{"error_code":"APIGW.0301","error_msg":"verify aksk signature fail"}`

// accepts responds 401 to every access key but the good one, and counts.
func accepts(good string, refusals *atomic.Int64) canned {
	return func(_ int, r *http.Request) (*http.Response, error) {
		time.Sleep(time.Millisecond)
		if good != "" && strings.Contains(r.Header.Get("Authorization"), "Access="+good+",") {
			return respond(200, goodDocument), nil
		}
		refusals.Add(1)
		return respond(401, badKeyBody), nil
	}
}

// COC locks a key pair after five failures in a row: many concurrent calls with a
// wrong one cause one failure, and another one after five minutes.
func TestWrongKeyFailsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refusals atomic.Int64
		c, tr := newClient(accepts("", &refusals))
		ask := func(n int) {
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					if _, err := c.Get(t.Context(), "DM1", "", ""); !errors.Is(err, coc.ErrUnauthorized) {
						t.Errorf("Get error = %v, want unauthorized", err)
					}
				})
			}
			wg.Wait()
		}
		ask(64)
		time.Sleep(lockout - time.Second)
		ask(64)
		if got := tr.n.Load(); got != 1 {
			t.Errorf("%d requests, want 1", got)
		}
		time.Sleep(2 * time.Second)
		ask(64)
		if got := tr.n.Load(); got != 2 {
			t.Errorf("%d requests after the lock-out, want 2", got)
		}
	})
}

// A refusal does not pause the account: another key pair may be tried at once.
func TestRefusalIsNoPause(t *testing.T) {
	c, _ := newClient(func(int, *http.Request) (*http.Response, error) {
		return respond(401, badKeyBody, "Retry-After", "300"), nil
	})
	for range 2 {
		_, err := c.Get(t.Context(), "DM1", "", "")
		var e *Error
		if !errors.As(err, &e) || !e.PausedUntil().IsZero() {
			t.Errorf("Get error = %v, pauses the account until %v, want the zero time", err, e.PausedUntil())
		}
	}
}

// After a refusal the credentials are read again once. Only another key pair is tried,
// once.
func TestRereadAfterRefusal(t *testing.T) {
	pair := func(access string) KeyPair { return KeyPair{AccessKey: access, SecretKey: "secret"} }
	for _, tt := range []struct {
		name  string
		keys  []string // that the source returns, one after the other; the last one repeatedly
		after int      // status of responses to the good key; 0: a document
		sent  int64
		class error
	}{
		{"the same again", []string{"old"}, 0, 1, coc.ErrUnauthorized},
		{"rotated", []string{"old", "good"}, 0, 2, nil},
		{"rotated to another wrong one", []string{"old", "older"}, 0, 2, coc.ErrUnauthorized},
		{"rotated again and again", []string{"a", "b", "c", "d", "e", "f"}, 0, 2, coc.ErrUnauthorized},
		{"nothing is retried after a refusal", []string{"old", "good"}, 500, 2, coc.ErrTemporary},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var refusals atomic.Int64
				inner := accepts("good", &refusals)
				c, tr := newClient(func(n int, r *http.Request) (*http.Response, error) {
					resp, err := inner(n, r)
					if tt.after != 0 && resp.StatusCode == 200 {
						return respond(tt.after, ""), nil
					}
					return resp, err
				})
				n := 0
				c.Credentials = Source(func(context.Context, KeyPair) (KeyPair, error) {
					k := pair(tt.keys[min(n, len(tt.keys)-1)])
					n++
					return k, nil
				})
				_, err := c.Get(t.Context(), "DM1", "", "")
				if !errors.Is(err, tt.class) {
					t.Errorf("Get error = %v, want %v", err, tt.class)
				}
				if got := tr.n.Load(); got != tt.sent {
					t.Errorf("%d requests, want %d", got, tt.sent)
				}
			})
		})
	}
}

// A key pair that was fixed is used at the next call, not five minutes later.
func TestFixedKeyIsTriedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refusals atomic.Int64
		c, _ := newClient(accepts("good", &refusals))
		var access atomic.Value
		access.Store("bad")
		c.Credentials = Source(func(context.Context, KeyPair) (KeyPair, error) {
			return KeyPair{AccessKey: access.Load().(string), SecretKey: "s"}, nil
		})
		_, _ = c.Get(t.Context(), "DM1", "", "")
		access.Store("good")
		if _, err := c.Get(t.Context(), "DM1", "", ""); err != nil {
			t.Errorf("Get with the fixed key pair: %v", err)
		}
		access.Store("bad")
		_, err := c.Get(t.Context(), "DM1", "", "")
		if got := refusals.Load(); got != 1 || !errors.Is(err, coc.ErrUnauthorized) {
			t.Errorf("%d refusals, %v, want the first one recorded", got, err)
		}
	})
}

// A key pair that COC accepts is used on all connections at once. Before it is
// accepted, or if the response says nothing about it, requests are sent one at a time.
func TestUnprovenKeyIsSentByOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		c, _ := newClient(func(n int, _ *http.Request) (*http.Response, error) {
			if m := now.Add(1); m > most.Load() {
				most.Store(m)
			}
			defer now.Add(-1)
			time.Sleep(time.Second)
			if n <= 3 {
				if most.Load() != 1 {
					t.Errorf("request %d is not the only one", n)
				}
				return respond(500, ""), nil
			}
			return respond(200, goodDocument), nil
		})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := c.Get(t.Context(), "DM1", "", ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if most.Load() < 4 {
			t.Errorf("at most %d requests at once, want more when the key pair is proven", most.Load())
		}
	})
}

// A source without keys is reported like a refused key pair, and nothing is sent.
func TestNoCredentials(t *testing.T) {
	c, tr := newClient(func(int, *http.Request) (*http.Response, error) { return respond(200, goodDocument), nil })
	for _, tt := range []struct {
		kp   KeyPair
		err  error
		want error
	}{
		{err: errors.New("nothing here"), want: coc.ErrUnauthorized},
		{err: coc.ErrTemporary, want: coc.ErrTemporary},
		{kp: KeyPair{AccessKey: "a"}, want: coc.ErrUnauthorized},
		{kp: KeyPair{AccessKey: "a\n", SecretKey: "b"}, want: coc.ErrUnauthorized},
	} {
		c := &Client{Endpoint: c.Endpoint, HTTP: c.HTTP, Credentials: Source(func(context.Context, KeyPair) (KeyPair,
			error) {
			return tt.kp, tt.err
		})}
		if _, err := c.Get(t.Context(), "DM1", "", ""); !errors.Is(err, tt.want) {
			t.Errorf("Get error = %v, want %v", err, tt.want)
		}
	}
	if tr.n.Load() != 0 {
		t.Errorf("%d requests, want none", tr.n.Load())
	}
}
