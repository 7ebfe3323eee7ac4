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

// Probes waited for their turn behind searches, which may take 20 seconds, and then for a
// database connection that searches hold. Here all turns are taken and all connections too.
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
		for range 4 { // connections that the archive's readers have
			wg.Go(func() {
				_, _ = s.Archive.Verify(ctx, query.Verification{}, func(query.Progress) { <-ctx.Done() })
			})
		}
		synctest.Wait()
		for range maxAtATime + 1 {
			wg.Go(func() { get(ctx, "/search?q=timeout") })
		}
		synctest.Wait()
		for address, want := range map[string]string{"/-/healthy": "ok", "/-/ready": "no cycle has run yet", "/metrics": "cocsync_build_info"} {
			if got := get(t.Context(), address); !strings.Contains(got.Body.String(), want) {
				t.Errorf("while searches have everything, %s answers %d, %q", address, got.Code, got.Body)
			}
		}
		cancel()
		wg.Wait()
		if err := s.Probes.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
}
