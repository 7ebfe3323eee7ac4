package main

import (
	"fmt"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// shownFailures is how many failed documents of a cycle are shown.
const shownFailures = 20

func (p *page) status(s *status) {
	if len(s.problems) == 0 {
		fmt.Fprintln(p, p.paint(green, "All is well."))
	}
	for _, x := range s.problems {
		fmt.Fprintln(p, p.paint(alarm, "! "+visible(x.What)))
		fmt.Fprintln(p, "    why:  "+visible(x.Why))
		fmt.Fprintln(p, "    mend: "+visible(x.Mend))
	}
	fmt.Fprintf(p, "\n%s\n", p.paint(bold, "Archive "+visible(s.path)))
	p.line("documents", fmt.Sprintf("%d: %s", s.totals.Documents, s.standing()))
	p.line("versions", fmt.Sprintf("%d archived%s", s.totals.Versions, s.lacking()))
	p.line("changes", fmt.Sprint(s.totals.Changes))
	p.line("log", fmt.Sprintf("%s, %d of them signed", plural(int(s.logged), "record"), s.signed))
	p.line("size", fmt.Sprintf("%s, for %s of contents", size(s.totals.FileBytes), size(s.totals.ContentBytes)))
	for _, w := range s.watches {
		p.watch(s, w)
	}
	for _, b := range s.backlogs {
		p.backlog(s, b)
	}
}

// line writes one indented "name  value" line.
func (p *page) line(name, value string) { fmt.Fprintf(p, "  %-12s %s\n", name, value) }

func (s *status) standing() string {
	return fmt.Sprintf("%d present, %d listed and not yet archived, %d deleted",
		s.states[coc.Present], s.states[coc.Seen], s.states[coc.Deleted])
}

func (s *status) lacking() string {
	var text string
	if n := s.versions[coc.Pending]; n > 0 {
		text += fmt.Sprintf(", %d still to be fetched", n)
	}
	if n := s.versions[coc.Unavailable]; n > 0 {
		text += fmt.Sprintf(", %d that COC would not serve", n)
	}
	return text
}

func (p *page) watch(s *status, w watchStatus) {
	head := "Watch " + visible(w.name)
	if len(w.cycles) == 0 {
		fmt.Fprintf(p, "\n%s\n", p.paint(bold, head))
		p.line("last cycle", "never")
		return
	}
	c := w.cycles[0]
	fmt.Fprintf(p, "\n%s\n", p.paint(bold, head+" of account "+visible(c.Account)))
	p.line("last cycle", fmt.Sprintf("%s (%s, by %s): %s", s.ago(c.StartedAt), p.time(c.StartedAt), c.Trigger, p.cycle(s, c)))
	if c.Err != "" {
		p.line("", p.paint(red, visible(c.Err)))
	}
	for i, f := range c.Failures {
		if i == shownFailures {
			p.line("", fmt.Sprintf("… and %d more", len(c.Failures)-i))
			break
		}
		p.line("failed", p.paint(red, visible(fmt.Sprintf("%s (%s): %s", f.Name, f.DocumentID, f.Err))))
	}
	if c.Outcome != coc.Good {
		p.line("last good", s.ago(w.LastGoodAt))
	}
	if checked := s.checked(w.unchecked); checked != "" {
		p.line("audit", checked)
	}
}

// cycle says what a cycle did.
func (p *page) cycle(s *status, c coc.Cycle) string {
	if c.Outcome == coc.Running {
		return "still running, or ended without a word"
	}
	how := outcome(c)
	if c.Outcome == coc.Bad {
		how = p.paint(red, how)
	}
	parts := []string{plural(c.Listed, "document") + " listed", fmt.Sprintf("%d with news", c.Documents),
		plural(c.Versions, "version"), plural(c.Changes, "change"), plural(c.Requests, "request"),
		c.EndedAt.Sub(c.StartedAt).Round(time.Millisecond).String()}
	return how + "; " + strings.Join(parts, ", ")
}

// checked says how old the oldest comparison of a version with COC's copy is.
func (s *status) checked(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.UnixMilli() == 0: // archived, and never read again
		return "some version was never compared with COC's copy again"
	}
	return "the version that waits longest was compared with COC's copy " + s.ago(t)
}

func (p *page) backlog(s *status, b db.Backlog) {
	fmt.Fprintf(p, "\n%s\n", p.paint(bold, "Notifier "+visible(b.Notifier)))
	if b.Waiting == 0 {
		p.line("waiting", "nothing")
	} else {
		p.line("waiting", fmt.Sprintf("%d, the oldest due %s", b.Waiting, s.due(b.Oldest)))
	}
	if b.Quiet.After(s.now) {
		p.line("quiet", fmt.Sprintf("hours until %s; what may wait becomes a digest then", b.Quiet.Local().Format("15:04")))
	}
	if b.Held != "" {
		p.line("held", p.paint(red, fmt.Sprintf("%s; next try %s", visible(b.Held), s.until(b.HeldTill))))
	}
	if b.Failed > 0 {
		p.line("failed", p.paint(red, plural(b.Failed, "message")))
	}
	if b.LastErr != "" {
		p.line("last error", visible(b.LastErr))
	}
}

// due says when something falls or fell due.
func (s *status) due(t time.Time) string {
	if t.After(s.now) {
		return s.until(t)
	}
	return s.ago(t)
}
