package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cocsync/internal/cocsim"
	"cocsync/internal/query"
)

// Situations in which status missed a problem, or reported one that did not exist.
func TestHealthEdges(t *testing.T) {
	for _, s := range edgeSituations() {
		t.Run(strings.ReplaceAll(s.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			w := newHealthWorld(t)
			s.do(w)
			v := w.verdict()
			slices.Sort(s.want)
			if !slices.Equal(v.kinds, s.want) || v.copy != s.copy || !strings.Contains(v.text, s.says) {
				t.Errorf("problems %q (copy: %t), want %q (copy: %t) and %q in\n%s", v.kinds, v.copy, s.want, s.copy, s.says, v.text)
			}
		})
	}
}

func edgeSituations() []situation {
	return []situation{
		// The document stayed "still to be fetched", although no watch would fetch it.
		{name: "document that the configuration named by mistake", do: func(w *healthWorld) {
			w.watch = `documents = ["DM1", "DM9"]`
			w.sync()
			w.watch = `documents = ["DM1"]`
			good(w, 0)
		}, says: "1 listed and not yet archived"},
		// The start time of the schedule was in the future, so no cycle was due.
		{name: "schedule set by a clock that was ahead", do: func(w *healthWorld) {
			good(w, -240*time.Hour)
			good(w, 72*time.Hour)
		}, want: kinds(query.ProblemLate), says: "last good cycle ended 3 days ago"},
		// The last good cycle was in the future too, and the cycles after it failed.
		{name: "last good cycle by a clock that was ahead", do: func(w *healthWorld) {
			good(w, -240*time.Hour)
			w.step(-72 * time.Hour)
			w.answer("/v1/documents", http.StatusForbidden, `{"error_code":"APIGW.0302","error_msg":"forbidden"}`)
			w.sync()
			w.step(0)
		}, want: kinds(query.ProblemFailed, query.ProblemLate), says: "a cycle was due 2 days ago"},
		{name: "pause set by a clock that was ahead", do: func(w *healthWorld) {
			good(w, 72*time.Hour)
			w.step(240 * time.Hour)
			w.answer("/v1/documents", http.StatusTooManyRequests, `{"error_code":"APIGW.0308","error_msg":"throttled"}`, "Retry-After", "3000")
			w.sync()
			w.hook.Store(nil)
			good(w, 0)
		}},
		// COC returned a different total on each page and omitted rows: the cycle was good.
		{name: "incomplete list whose total moves", do: func(w *healthWorld) {
			var n atomic.Int64
			w.totals(func() int { return int(5 + n.Add(1)) })
			w.sync()
		}, want: kinds(query.ProblemList), says: "list is incomplete: 1 of "},
		// The current failure was reported as the incomplete list of an earlier cycle.
		{name: "incomplete list and then no permission", do: func(w *healthWorld) {
			w.totals(func() int { return 5 })
			w.sync()
			w.answer("/v1/documents?", http.StatusForbidden, `{"error_code":"APIGW.0302","error_msg":"forbidden"}`)
			w.sync()
		}, want: kinds(query.ProblemFailed), says: "new documents cannot be seen"},
		// Requests were reported as paused after a good cycle with another key pair.
		{name: "refused key pair that was replaced", do: func(w *healthWorld) {
			good(w, time.Hour/2)
			w.key = "other"
			w.answer("/v1/documents", http.StatusUnauthorized, `{"error_code":"APIGW.0301","error_msg":"verify aksk signature fail"}`)
			w.sync()
			w.key = "ak"
			w.hook.Store(nil)
			good(w, 0)
		}},
		// Unsigned records of a running sync by name were reported as a problem.
		{name: "sync by name that runs", do: func(w *healthWorld) {
			w.coc.Add(cocsim.Document{ID: "DM2", Name: "two", Versions: []cocsim.Version{{Label: "v1", Content: "a: 1\n"}}})
			good(w, 0)
			w.coc.Edit("DM1", "a: 2\n", "bob")
			w.coc.Edit("DM2", "a: 2\n", "bob")
			begun, _ := w.hang("DM2")
			cmd := w.command("-c", w.config, "sync", "DM1", "DM2")
			must(w.T, cmd.Start())
			p := &process{Cmd: cmd}
			w.Cleanup(func() { p.end(syscall.SIGKILL) })
			<-begun
		}},
	}
}

// totals sets the total in each page of a list.
func (w *healthWorld) totals(total func() int) {
	hook := func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v1/documents" {
			return false
		}
		a := httptest.NewRecorder()
		w.coc.ServeHTTP(a, r)
		rw.WriteHeader(a.Code)
		fmt.Fprint(rw, regexp.MustCompile(`"total":[0-9]+`).ReplaceAllString(a.Body.String(), fmt.Sprintf(`"total":%d`, total())))
		return true
	}
	w.hook.Store(&hook)
}
