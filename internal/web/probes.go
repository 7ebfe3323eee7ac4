package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
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

// probes answer whether the watches work: each had a good cycle lately.
func (s *Site) probes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTime)
		defer cancel()
		watches, err := s.standings(ctx, s.History.DB)
		if err != nil {
			s.Log.Error("watches not read", "err", err)
			tell(w, http.StatusServiceUnavailable, "not ready: the archive cannot be read; cocsync's log says why")
			return
		}
		var stale []string
		for _, x := range watches {
			if why := x.Stale(s.History.Now()); why != "" {
				stale = append(stale, atomText(x.name, "")+": "+why)
			}
		}
		switch {
		case len(watches) == 0:
			tell(w, http.StatusServiceUnavailable, "not ready: no watch ran so far")
		case len(stale) == 0:
			tell(w, http.StatusOK, allWork(len(watches)))
		case s.Guard.knows(r, s.Log):
			tell(w, http.StatusServiceUnavailable, append([]string{notReady(len(stale), len(watches))}, stale...)...)
		default:
			tell(w, http.StatusServiceUnavailable, notReady(len(stale), len(watches)))
		}
	})
}

// allWork says how many watches work.
func allWork(all int) string {
	if all == 1 {
		return "ok: 1 watch works"
	}
	return fmt.Sprintf("ok: %d watches work", all)
}

// notReady says how many watches do not work.
func notReady(stale, all int) string {
	if stale == 1 {
		return fmt.Sprintf("not ready: 1 watch of %d does not work", all)
	}
	return fmt.Sprintf("not ready: %d watches of %d do not work", stale, all)
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
