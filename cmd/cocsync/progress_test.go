package main

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/syncer"
)

// output is what a timer and the program both write to.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// A sync of a COC that is not reached wrote nothing for 75 seconds. After two it says
// what is under way, once; where there is progress it does not.
func TestProgressIsShown(t *testing.T) {
	list := syncer.Progress{Watch: "jobs", Phase: "list"}
	newest := syncer.Progress{Watch: "jobs", Phase: "newest", Total: 3}
	const waits = "jobs: asking for the list; no response for 2s\n"
	for _, tt := range []struct {
		name string
		do   func(p *progress)
		want string
	}{
		{"nothing yet", func(*progress) { time.Sleep(silence - time.Millisecond) }, ""},
		{"not reached", func(p *progress) { p.update(list); time.Sleep(time.Minute) }, waits},
		{"not even asked", func(*progress) { time.Sleep(silence + time.Millisecond) }, "jobs: asking COC; no response for 2s\n"},
		{"late", func(p *progress) { p.update(list); time.Sleep(time.Minute); p.update(newest) }, waits + "jobs: fetching newest versions: 3 documents\n"},
		{"at once", func(p *progress) { p.update(list); p.update(newest); time.Sleep(time.Minute) }, "jobs: fetching newest versions: 3 documents\n"},
		{"ended before", func(p *progress) { p.update(list); p.end(); time.Sleep(time.Minute) }, ""},
		{"the next watch", func(p *progress) { p.done(coc.Cycle{Watch: "jobs"}); p.begin("other"); time.Sleep(time.Minute) },
			"jobs: ; 0 documents, 0 versions archived, 0 changes, 0 failed, 0 requests, 0s\nother: asking COC; no response for 2s\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			out := &output{}
			p := &progress{out: out}
			p.begin("jobs")
			tt.do(p)
			synctest.Wait()
			if got := out.String(); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
			p.end()
		})
	}
}
