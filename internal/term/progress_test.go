package term

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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

// A sync with a COC that could not be reached wrote nothing for 75 seconds. After two
// seconds it says once what it does, unless there is progress.
func TestProgressIsShown(t *testing.T) {
	list := func(p *Progress) { p.Update("jobs: list", 0, 0, "") }
	fetch := func(p *Progress) { p.Update("jobs: fetch", 0, 3, "jobs: 3 documents") }
	const waits = "jobs: list; no response for 2s\n"
	for _, tt := range []struct {
		name string
		do   func(p *Progress)
		want string
	}{
		{"nothing yet", func(*Progress) { time.Sleep(silence - time.Millisecond) }, ""},
		{"not reached", func(p *Progress) { list(p); time.Sleep(time.Minute) }, waits},
		{"not even asked", func(*Progress) { time.Sleep(silence + time.Millisecond) }, "jobs; no response for 2s\n"},
		{"late", func(p *Progress) { list(p); time.Sleep(time.Minute); fetch(p) }, waits + "jobs: 3 documents\n"},
		{"at once", func(p *Progress) { list(p); fetch(p); time.Sleep(time.Minute) }, "jobs: 3 documents\n"},
		{"once a phase", func(p *Progress) { fetch(p); fetch(p) }, "jobs: 3 documents\n"},
		{"ended before", func(p *Progress) { list(p); p.End(); time.Sleep(time.Minute) }, ""},
		{"the next task", func(p *Progress) { p.End(); p.Begin("other"); time.Sleep(time.Minute) }, "other; no response for 2s\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			out := &output{}
			p := Output{Err: out}.Progress()
			p.Begin("jobs")
			tt.do(p)
			synctest.Wait()
			if got := out.String(); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
			p.End()
		})
	}
}
