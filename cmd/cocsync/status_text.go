package main

import (
	"fmt"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// shownFailures is the maximum number of failed documents shown for a cycle.
const shownFailures = 20

func (p *page) status(s *query.Status) {
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
	fmt.Fprintf(p, "\n%s\n", p.Paint(term.Bold, "Archive "+text.Visible(s.Archive)))
	p.line("process", text.Visible(s.WriterText()))
	p.line("documents", s.DocumentsText())
	p.line("versions", s.VersionsText())
	p.missing(s)
	p.line("changes", fmt.Sprint(s.Changes))
	p.line("log", s.LogText())
	p.line("size", s.SizeText())
	for _, note := range s.Notes {
		p.line("note", text.Visible(note))
	}
	for _, w := range s.Watches {
		p.watch(s, w)
	}
	for _, n := range s.Notifiers {
		p.notifier(s, n)
	}
}

// missing writes the versions that could not be fetched.
func (p *page) missing(s *query.Status) {
	for _, m := range s.Missing {
		next := "in the next cycle"
		if m.RetryAt.After(s.Now) {
			next = s.Until(m.RetryAt.Time)
		}
		p.line("missing", p.Paint(term.Red, text.Visible(fmt.Sprintf("%s of %s (%s/%s): %s; requested again %s",
			m.Version, m.Name, m.Account, m.DocumentID, m.Reason, next))))
	}
	if more := s.MissingCount - len(s.Missing); more > 0 {
		p.line("", fmt.Sprintf("… and %d more", more))
	}
}

// line writes one indented "name  value" line.
func (p *page) line(name, value string) { fmt.Fprintf(p, "  %-12s %s\n", name, value) }

func (p *page) watch(s *query.Status, w query.Watch) {
	head := "Watch " + text.Visible(w.Watch)
	if len(w.Cycles) == 0 {
		fmt.Fprintf(p, "\n%s\n", p.Paint(term.Bold, head))
		p.line("schedule", text.Visible(scheduled(w)))
		p.line("last cycle", "never")
		return
	}
	c := w.Cycles[0]
	fmt.Fprintf(p, "\n%s\n", p.Paint(term.Bold, head+" of account "+text.Visible(c.Account)))
	p.line("schedule", text.Visible(scheduled(w)))
	p.line("last cycle", fmt.Sprintf("%s (%s, by %s): %s", s.Ago(c.StartedAt.Time), p.time(c.StartedAt.Time), c.Trigger, p.cycle(s, c)))
	if c.Error != "" {
		p.line("", p.Paint(term.Red, text.Visible(string(c.Error))))
	}
	for i, u := range w.Unreached {
		if i == shownFailures {
			p.line("", fmt.Sprintf("… and %d more", len(w.Unreached)-i))
			break
		}
		since := "never reached"
		if !u.LastCheckedAt.IsZero() {
			since = "last reached " + s.Ago(u.LastCheckedAt.Time)
		}
		p.line("failed", p.Paint(term.Red, text.Visible(fmt.Sprintf("%s (%s), %s: %s", u.Name, u.DocumentID, since, u.Error))))
	}
	if c.Outcome != coc.Good {
		p.line("last good", s.Ago(w.LastGoodAt.Time))
	}
	p.line("last day", w.Day.String())
	if checked := lastChecked(s, w); checked != "" {
		p.line("audit", checked)
	}
}

// scheduled formats the schedule of a watch.
func scheduled(w query.Watch) string {
	if w.Retired() {
		return "none: the watch is not in the configuration"
	}
	return string(w.Schedule + " (" + w.Timezone + ")")
}

// cycle formats the outcome and the counts of a cycle.
func (p *page) cycle(s *query.Status, c query.Cycle) string {
	switch {
	case c.Outcome == coc.Running && s.Writer != nil:
		return "running" + lastResponse(s, c)
	case c.Outcome == coc.Running:
		return p.Paint(term.Red, "its process ended before the cycle did")
	}
	how := outcome(c.Outcome, string(c.Error))
	if c.Outcome == coc.Bad {
		how = p.Paint(term.Red, how)
	}
	listed := text.Plural(c.Listed, "document") + " listed"
	if c.Total > c.Listed {
		listed = fmt.Sprintf("%d of %s listed", c.Listed, text.Plural(c.Total, "document"))
	}
	parts := []string{listed, fmt.Sprintf("%d changed", c.Documents),
		text.Plural(c.Versions, "version"), text.Plural(c.Changes, "change"), text.Plural(c.Requests, "request")}
	if c.Skipped > 0 {
		parts = append(parts, text.Plural(c.Skipped, "unreadable row"))
	}
	if !c.EndedAt.IsZero() {
		parts = append(parts, c.EndedAt.Sub(c.StartedAt.Time).Round(time.Millisecond).String())
	}
	return how + "; " + strings.Join(parts, ", ")
}

// lastResponse says when COC last responded to a running cycle.
func lastResponse(s *query.Status, c query.Cycle) string {
	if c.RespondedAt.IsZero() {
		return ""
	}
	return "; COC last responded " + s.Ago(c.RespondedAt)
}

// lastChecked says when the version whose last check is the oldest was checked.
func lastChecked(s *query.Status, w query.Watch) string {
	switch {
	case w.NeverChecked:
		return "some versions were not yet compared with COC's copy again"
	case w.OldestCheckAt.IsZero():
		return ""
	}
	return "the oldest comparison of a version with COC's copy was " + s.Ago(w.OldestCheckAt.Time)
}

func (p *page) notifier(s *query.Status, n query.Notifier) {
	fmt.Fprintf(p, "\n%s\n", p.Paint(term.Bold, "Notifier "+text.Visible(n.Notifier)))
	if n.Waiting == 0 {
		p.line("pending", "nothing")
	} else {
		p.line("pending", fmt.Sprintf("%d, the oldest due %s", n.Waiting, s.Ago(n.OldestAt.Time)))
	}
	if !n.QuietUntil.IsZero() {
		p.line("quiet hours", fmt.Sprintf("until %s; messages pending then are sent as a digest", n.QuietUntil.Local().Format("15:04")))
	}
	if n.Held != "" {
		p.line("on hold", p.Paint(term.Red, fmt.Sprintf("%s; next try %s", text.Visible(string(n.Held)), s.Until(n.NextTryAt.Time))))
	}
	if n.Failed > 0 {
		p.line("failed", p.Paint(term.Red, text.Plural(n.Failed, "message")))
	}
	if n.LastError != "" {
		p.line("last error", text.Visible(string(n.LastError)))
	}
}
