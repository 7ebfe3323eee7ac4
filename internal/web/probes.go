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

// The addresses that whoever starts, stops and watches over processes asks. They
// answer without a token, and say nothing that needs one.
const (
	healthyPath = "/-/healthy"
	readyPath   = "/-/ready"
)

// readyTime is how long finding out whether the watches work may take: who asks does
// not wait for long.
const readyTime = 5 * time.Second

// healthy says that the process answers. It stands before all others, who may have to
// wait for their turn.
func healthy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != healthyPath {
			next.ServeHTTP(w, r)
			return
		}
		tell(w, http.StatusOK, "ok")
	})
}

// probes answer whether anything is wrong, by the rule of status.
func (s *Site) probes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTime)
		defer cancel()
		st, err := s.Archive.LoadProblems(ctx)
		if err != nil {
			s.Log.Error("status not read", "err", err)
			tell(w, http.StatusServiceUnavailable, "not ready: the archive cannot be read; cocsync's log says why")
			return
		}
		if st.Healthy() {
			tell(w, http.StatusOK, "ok")
			return
		}
		lines := []string{"not ready: " + text.Plural(len(st.Problems), "problem")}
		if st.Copy {
			lines[0] = "not ready: this is a copy"
		}
		if s.Guard.knows(r, s.Log) {
			for _, p := range st.Problems {
				lines = append(lines, text.Visible(p.What))
			}
		}
		tell(w, http.StatusServiceUnavailable, lines...)
	})
}

// knows reports whether a request may hear names: it has the token, or there is none.
func (g Guard) knows(r *http.Request, log *slog.Logger) bool {
	return g.Token == nil || r.Header.Get("Authorization") != "" && g.admits(r, log)
}

// tell answers with lines of plain text.
func tell(w http.ResponseWriter, status int, lines ...string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, strings.Join(lines, "\n")+"\n") // who went away needs no answer
}
