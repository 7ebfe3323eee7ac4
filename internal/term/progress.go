package term

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows the progress of a task on stderr: a bar on a terminal, a line for
// each phase elsewhere.
type Progress struct {
	out io.Writer
	bar *progressbar.ProgressBar // nil if out is not a terminal

	mu    sync.Mutex // the timer writes, too
	phase string
	shown bool // something was written about this task
	timer *time.Timer
}

// silence is how long a task may run before something is written.
const silence = 2 * time.Second

// barWidth is the minimum number of columns for the bar, its words and its numbers on
// one line.
const barWidth = 80

// Progress returns a Progress on Err.
func (o Output) Progress() *Progress {
	p := &Progress{out: o.Err}
	if columnsOf(o.Err) >= barWidth && os.Getenv("TERM") != "dumb" {
		p.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(o.Err), progressbar.OptionShowCount(),
			progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true), progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100*time.Millisecond))
	}
	return p
}

// Begin starts a task. If nothing is written for a while, for example because COC
// cannot be reached, Progress writes the phase.
func (p *Progress) Begin(phase string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.shown = phase, false
	var timer *time.Timer
	timer = time.AfterFunc(silence, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.shown || p.timer != timer {
			return
		}
		p.shown = true
		if p.bar != nil {
			p.bar.Describe(p.phase)
			_ = p.bar.RenderBlank()
			return
		}
		fmt.Fprintf(p.out, "%s; no response for %v\n", p.phase, silence)
	})
	p.timer = timer
}

// Update shows the progress of a phase. Without a terminal it writes the line, if
// there is one, when the phase starts.
func (p *Progress) Update(phase string, done, total int, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	begins := phase != p.phase
	p.phase = phase
	if p.bar == nil {
		if begins && line != "" {
			p.shown = true
			fmt.Fprintln(p.out, line)
		}
		return
	}
	p.shown = p.shown || done > 0
	if begins {
		p.bar.Reset()
		p.bar.ChangeMax(max(total, done, 1))
		p.bar.Describe(phase)
	}
	_ = p.bar.Set(done) // drawing errors are ignored
}

// End ends the task and removes the bar.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = true
	if p.timer != nil {
		p.timer.Stop()
	}
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
