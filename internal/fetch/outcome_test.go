package fetch

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Observe is called for every request that was sent, with its outcome and duration,
// and for nothing else.
func TestObserve(t *testing.T) {
	reset := errors.New("connection reset")
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   []string
	}{
		{"answer", 200, goodDocument, []string{"ok"}},
		{"no such document", 400, `{"error_code":"COC.00042101","error_msg":"x"}`, []string{"not_found"}},
		{"refused", 400, `{"error_code":"COC.00010002","error_msg":"x"}`, []string{"refused"}},
		{"unknown code", 400, `{"error_code":"COC.00000500","error_msg":"x"}`,
			[]string{"server_error", "server_error", "server_error", "server_error", "server_error"}},
		{"forbidden", 403, `{"error_code":"APIGW.0302","error_msg":"x"}`, []string{"forbidden"}},
		{"wrong key", 401, `{"error_code":"APIGW.0301","error_msg":"x"}`, []string{"unauthorized"}},
		{"not COC", 404, `nothing`, []string{"malformed"}},
		{"too many", 429, tooManyBody, []string{"throttled", "throttled", "throttled", "throttled", "throttled"}},
		{"too many, only in the message", 400, tooManyBody, []string{"throttled", "throttled", "throttled", "throttled", "throttled"}},
		{"down", 503, ``, []string{"server_error", "server_error", "server_error", "server_error", "server_error"}},
		{"no response", 0, ``, []string{"network", "network", "network", "network", "network"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, tr := newClient(func(_ int, _ *http.Request) (*http.Response, error) {
					time.Sleep(70 * time.Millisecond)
					if tt.status == 0 {
						return nil, reset
					}
					return respond(tt.status, tt.body), nil
				})
				var mu sync.Mutex
				var got []string
				client.Observe = func(outcome string, took time.Duration) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, outcome)
					if took != 70*time.Millisecond {
						t.Errorf("a request took %v, want 70ms", took)
					}
				}
				_, _ = client.Get(t.Context(), "DM1", "", "") // other tests check its errors
				if !slices.Equal(got, tt.want) || tr.n.Load() != int64(len(tt.want)) || client.Requests() != tr.n.Load() {
					t.Errorf("observed %q of %d requests (%d counted), want %q", got, tr.n.Load(), client.Requests(), tt.want)
				}
				for _, o := range got {
					if !slices.Contains(Outcomes(), o) {
						t.Errorf("%q is none of Outcomes", o)
					}
				}
			})
		})
	}
}

// A request that its caller stops is no failure of COC.
func TestObserveOfOneGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	client, _ := newClient(func(_ int, r *http.Request) (*http.Response, error) {
		cancel()
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	var got []string
	client.Observe = func(outcome string, _ time.Duration) { got = append(got, outcome) }
	if _, err := client.Get(ctx, "DM1", "", ""); err == nil || !slices.Equal(got, []string{"stopped"}) {
		t.Errorf("Get = %v, observed %q, want stopped", err, got)
	}
}
