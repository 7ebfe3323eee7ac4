package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"cocsync/internal/coc"
	"cocsync/internal/history"
	"cocsync/internal/syncer"
	"cocsync/internal/text"
)

// progress shows how far a sync got, on stderr: a bar on a terminal, a line for
// each phase elsewhere.
type progress struct {
	out   io.Writer
	bar   *progressbar.ProgressBar // nil when this is no terminal
	begun time.Time

	mu    sync.Mutex // a timer writes, too
	watch string
	phase string
	shown bool // something of this cycle was written
	timer *time.Timer
}

// silence is how long a cycle may do without anything written.
const silence = 2 * time.Second

func (a *app) newProgress() *progress {
	p := &progress{out: a.err, begun: time.Now()}
	if f, ok := a.err.(*os.File); ok && wide(f) && os.Getenv("TERM") != "dumb" {
		p.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(a.err), progressbar.OptionShowCount(),
			progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond))
	}
	return p
}

// barWidth is the least that a terminal must have for the bar, its words and its
// numbers to stand on one line.
const barWidth = 80

func wide(f *os.File) bool {
	w, _, err := term.GetSize(int(f.Fd()))
	return err == nil && w >= barWidth
}

// phases are what a cycle does, in words.
var phases = map[string]string{
	"list":    "asking for the list",
	"changes": "fetching what changed",
	"absent":  "asking for what is no longer listed",
	"newest":  "fetching newest versions",
	"history": "fetching older versions",
	"audit":   "reading versions again",
}

// begin waits for the first sign of a cycle. Where none comes, as when COC is not
// reached, it says what is under way.
func (p *progress) begin(watch string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch, p.phase, p.shown = watch, "", false
	p.timer = time.AfterFunc(silence, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.shown || p.watch != watch {
			return
		}
		p.shown = true
		what := cmp.Or(phases[p.phase], "asking COC")
		if p.bar != nil {
			p.bar.Describe(watch + ": " + what)
			_ = p.bar.RenderBlank()
			return
		}
		fmt.Fprintf(p.out, "%s: %s; no response for %v\n", watch, what, silence)
	})
}

// update is called as a cycle gets on.
func (p *progress) update(now syncer.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	begins := now.Phase != p.phase || now.Watch != p.watch
	p.watch, p.phase = now.Watch, now.Phase
	if p.bar == nil {
		if begins && now.Total > 0 {
			p.shown = true
			fmt.Fprintf(p.out, "%s: %s: %s\n", now.Watch, phases[now.Phase], text.Plural(now.Total, "document"))
		}
		return
	}
	p.shown = p.shown || now.Done > 0
	p.draw(begins, now.Watch+": "+phases[now.Phase], now.Done, now.Total)
}

// verification is called as a verification gets on. Only a terminal shows that.
func (p *progress) verification(now history.Progress) {
	if p.bar != nil {
		p.draw(now.What != p.phase, "checking "+now.What, now.Done, now.Total)
		p.phase = now.What
	}
}

func (p *progress) draw(begins bool, what string, done, total int) {
	if begins {
		p.bar.Reset()
		p.bar.ChangeMax(max(total, done, 1))
		p.bar.Describe(what)
	}
	// A bar that cannot be drawn is no reason to stop.
	_ = p.bar.Set(done)
}

// clear takes the bar away.
func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// end ends the wait for a sign of the cycle.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = true
	if p.timer != nil {
		p.timer.Stop()
	}
}

// done sums a cycle up.
func (p *progress) done(c coc.Cycle) {
	p.end()
	p.clear()
	fmt.Fprintf(p.out, "%s: %s; %s, %s archived, %s, %d failed, %s, %s\n",
		c.Watch, outcome(c), text.Plural(c.Listed, "document"), text.Plural(c.Versions, "version"), text.Plural(c.Changes, "change"),
		len(c.Failures), text.Plural(c.Requests, "request"), c.EndedAt.Sub(c.StartedAt).Round(time.Millisecond))
	p.phase = ""
}

// outcome says how a cycle ended, in words.
func outcome(c coc.Cycle) string {
	switch c.Outcome {
	case coc.Bad:
		if c.Err != "" {
			return "failed"
		}
		return "with failures"
	case coc.Stopped:
		return "stopped"
	}
	return string(c.Outcome)
}
