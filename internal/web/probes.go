package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"cocsync/internal/text"
)

// The addresses of probes of process managers and load balancers. They need no token;
// without one, responses name no problems.
const (
	healthyPath = "/-/healthy"
	readyPath   = "/-/ready"
)

// readyTime limits the status query. Probes usually have short timeouts.
const readyTime = 5 * time.Second

// healthy serves the liveness probe. It comes before all other handlers, because those are
// limited in concurrency.
func healthy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != healthyPath {
			next.ServeHTTP(w, r)
			return
		}
		writeLines(w, http.StatusOK, "ok")
	})
}

// probes registers the readiness probe. It is ready if status reports no problem.
func (s *Site) probes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTime)
		defer cancel()
		st, err := s.Archive.LoadProblems(ctx)
		if err != nil {
			s.Log.Error("status not read", "err", err)
			writeLines(w, http.StatusServiceUnavailable, "not ready: the archive cannot be read; see cocsync's log for the error")
			return
		}
		if st.Healthy() {
			writeLines(w, http.StatusOK, "ok")
			return
		}
		lines := []string{"not ready: " + text.Plural(len(st.Problems), "problem")}
		if st.Copy {
			lines[0] = "not ready: the archive is a copy"
		}
		if s.Guard.maySeeNames(r, s.Log) {
			for _, p := range st.Problems {
				lines = append(lines, text.Visible(p.What))
			}
		}
		writeLines(w, http.StatusServiceUnavailable, lines...)
	})
}

// maySeeNames reports whether the response may contain names: the request has the token,
// or none is required.
func (g Guard) maySeeNames(r *http.Request, log *slog.Logger) bool {
	return g.Token == nil || r.Header.Get("Authorization") != "" && g.admits(r, log)
}

// writeLines writes a response of plain text.
func writeLines(w http.ResponseWriter, status int, lines ...string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, strings.Join(lines, "\n")+"\n") // an error means that the client disconnected
}
