package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// healthy handles only /-/healthy and passes all other requests on.
func TestHealthyComesFirst(t *testing.T) {
	passed := ""
	h := healthy(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { passed += r.URL.Path + " " }))
	for _, path := range []string{"/-/healthy", "/-/ready", "/-/healthy/", "/"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	}
	if want := "/-/ready /-/healthy/ / "; passed != want {
		t.Errorf("passed on %q, want %q", passed, want)
	}
}
