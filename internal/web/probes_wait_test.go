package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"cocsync/internal/query"
)

// Fault: probes were queued after searches, which may take 20 seconds, and used the same
// database connections. In this test searches use all slots and all connections.
func TestProbesDoNotWaitForSearches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := emptySite(t)
		var err error
		if s.Probes, err = query.Open(t.Context(), s.Archive.Path()); err != nil {
			t.Fatal(err)
		}
		h := handler(t, s)
		get := func(ctx context.Context, address string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+address, nil))
			return w
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 4 { // the number of read connections
			wg.Go(func() {
				_, _ = s.Archive.Verify(ctx, query.Verification{}, func(query.Progress) { <-ctx.Done() })
			})
		}
		synctest.Wait()
		for range maxConcurrency + 1 {
			wg.Go(func() { get(ctx, "/search?q=timeout") })
		}
		synctest.Wait()
		for address, want := range map[string]string{"/-/healthy": "ok", "/-/ready": "no cycle has run yet", "/metrics": "cocsync_build_info"} {
			if got := get(t.Context(), address); !strings.Contains(got.Body.String(), want) {
				t.Errorf("with searches in all slots, %s = %d, %q", address, got.Code, got.Body)
			}
		}
		cancel()
		wg.Wait()
		if err := s.Probes.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
}
