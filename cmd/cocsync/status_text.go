package main

import (
	"fmt"
	"strings"
	"time"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// shownFailures is how many failed documents of a cycle are shown.
const shownFailures = 20

func (p *page) status(s *answer.Standing) {
	style := term.Alarm
	if s.Healthy() {
		style = term.Green
	} else if len(s.Problems) == 0 {
		style = term.Bold
	}
	fmt.Fprintln(p, p.Paint(style, text.Visible(s.Headline())))
	for _, x := range s.Problems {
		fmt.Fprintln(p, p.Paint(term.Alarm, "! "+text.Visible(x.What)))
		fmt.Fprintln(p, "    why: "+text.Visible(x.Why))
		fmt.Fprintln(p, "    fix: "+text.Visible(x.Fix))
	}
	fmt.Fprintf(p, "\n%s\n", p.Paint(term.Bold, "Archive "+text.Visible(s.Path)))
	p.line("process", text.Visible(s.Writer()))
	p.line("documents", s.DocumentsStanding())
	p.line("versions", s.VersionsStanding())
	p.missing(s)
	p.line("changes", fmt.Sprint(s.Totals.Changes))
	p.line("log", s.LogStanding())
	p.line("size", s.SizeStanding())
	for _, note := range s.Notes {
		p.line("note", text.Visible(note))
	}
	for _, w := range s.Watches {
		p.watch(s, w)
	}
	for _, b := range s.Backlogs {
		p.backlog(s, b)
	}
}

// missing lists the versions that could not be fetched.
func (p *page) missing(s *answer.Standing) {
	for _, m := range s.Missing {
		next := "in the next cycle"
		if m.RetryAt.After(s.Now) {
			next = s.Until(m.RetryAt)
		}
		p.line("missing", p.Paint(term.Red, text.Visible(fmt.Sprintf("%s of %s (%s/%s): %s; requested again %s",
			m.Label, m.Name, m.Account, m.DocumentID, answer.Reason(m, s.At), next))))
	}
	if more := s.MissingAll - len(s.Missing); more > 0 {
		p.line("", fmt.Sprintf("… and %d more", more))
	}
}

// line writes one indented "name  value" line.
func (p *page) line(name, value string) { fmt.Fprintf(p, "  %-12s %s\n", name, value) }

func (p *page) watch(s *answer.Standing, w answer.WatchStanding) {
	head := "Watch " + text.Visible(w.Name)
	if len(w.Cycles) == 0 {
		fmt.Fprintf(p, "\n%s\n", p.Paint(term.Bold, head))
		p.line("schedule", text.Visible(scheduled(w)))
		p.line("last cycle", "never")
		return
	}
	c := w.Cycles[0]
	fmt.Fprintf(p, "\n%s\n", p.Paint(term.Bold, head+" of account "+text.Visible(c.Account)))
	p.line("schedule", text.Visible(scheduled(w)))
	p.line("last cycle", fmt.Sprintf("%s (%s, by %s): %s", s.Ago(c.StartedAt), p.time(c.StartedAt), c.Trigger, p.cycle(s, c)))
	if c.Err != "" {
		p.line("", p.Paint(term.Red, text.Visible(c.Err)))
	}
	for i, u := range w.Unreached {
		if i == shownFailures {
			p.line("", fmt.Sprintf("… and %d more", len(w.Unreached)-i))
			break
		}
		since := "never reached"
		if !u.CheckedAt.IsZero() {
			since = "last reached " + s.Ago(u.CheckedAt)
		}
		p.line("failed", p.Paint(term.Red, text.Visible(fmt.Sprintf("%s (%s), %s: %s", u.Name, u.DocumentID, since, u.Err))))
	}
	if c.Outcome != coc.Good {
		p.line("last good", s.Ago(w.LastGoodAt))
	}
	p.line("last day", w.Day.String())
	if checked := lastChecked(s, w.Unchecked); checked != "" {
		p.line("audit", checked)
	}
}

// scheduled says when the cycles of a watch are due.
func scheduled(w answer.WatchStanding) string {
	if w.Retired() {
		return "none: the configuration does not name the watch"
	}
	return w.Schedule.Spec + " (" + w.Schedule.Timezone + ")"
}

// cycle says what a cycle did.
func (p *page) cycle(s *answer.Standing, c coc.Cycle) string {
	switch {
	case c.Outcome == coc.Running && s.Archive.Writer != nil:
		return "running" + lastResponse(s, c)
	case c.Outcome == coc.Running:
		return p.Paint(term.Red, "its process ended before the cycle")
	}
	how := outcome(c)
	if c.Outcome == coc.Bad {
		how = p.Paint(term.Red, how)
	}
	listed := text.Plural(c.Listed, "document") + " listed"
	if c.Total > c.Listed {
		listed = fmt.Sprintf("%d of %s listed", c.Listed, text.Plural(c.Total, "document"))
	}
	parts := []string{listed, fmt.Sprintf("%d with news", c.Documents),
		text.Plural(c.Versions, "version"), text.Plural(c.Changes, "change"), text.Plural(c.Requests, "request")}
	if c.Skipped > 0 {
		parts = append(parts, text.Plural(c.Skipped, "unreadable row"))
	}
	if !c.EndedAt.IsZero() {
		parts = append(parts, c.EndedAt.Sub(c.StartedAt).Round(time.Millisecond).String())
	}
	return how + "; " + strings.Join(parts, ", ")
}

// lastResponse says when COC last served a request of a running cycle.
func lastResponse(s *answer.Standing, c coc.Cycle) string {
	if c.RespondedAt.IsZero() {
		return ""
	}
	return "; COC last responded " + s.Ago(c.RespondedAt)
}

// lastChecked says how old the oldest comparison of a version with COC's copy is.
func lastChecked(s *answer.Standing, t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.UnixMilli() == 0: // archived, and never read again
		return "some version was never compared with COC's copy again"
	}
	return "the version that waits longest was compared with COC's copy " + s.Ago(t)
}

func (p *page) backlog(s *answer.Standing, b db.Backlog) {
	fmt.Fprintf(p, "\n%s\n", p.Paint(term.Bold, "Notifier "+text.Visible(b.Notifier)))
	if b.Waiting == 0 {
		p.line("pending", "nothing")
	} else {
		p.line("pending", fmt.Sprintf("%d, the oldest due %s", b.Waiting, s.Ago(b.Oldest)))
	}
	if b.Quiet.After(s.Now) {
		p.line("quiet", fmt.Sprintf("hours until %s; what may wait becomes a digest then", b.Quiet.Local().Format("15:04")))
	}
	if b.Held != "" {
		p.line("held", p.Paint(term.Red, fmt.Sprintf("%s; next try %s", text.Visible(b.Held), s.Until(b.HeldTill))))
	}
	if b.Failed > 0 {
		p.line("failed", p.Paint(term.Red, text.Plural(b.Failed, "message")))
	}
	if b.LastErr != "" {
		p.line("last error", text.Visible(b.LastErr))
	}
}
