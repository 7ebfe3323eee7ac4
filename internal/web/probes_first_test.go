package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Whether the process answers is said before anybody has to wait for a turn, and nothing
// else is.
func TestHealthyStandsFirst(t *testing.T) {
	passed := ""
	h := healthy(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { passed += r.URL.Path + " " }))
	for _, path := range []string{"/-/healthy", "/-/ready", "/-/healthy/", "/"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	}
	if want := "/-/ready /-/healthy/ / "; passed != want {
		t.Errorf("passed on %q, want %q", passed, want)
	}
}
