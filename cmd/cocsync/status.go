package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) statusCommand() *cobra.Command {
	return a.outputFlag(&cobra.Command{
		Use:   "status",
		Short: "show the status and all problems",
		Long: `Status first shows all problems with their fixes: late or failed cycles, missing
versions, channels that are on hold. Then it shows the size of the archive and the
process that writes it; for each watch its schedule, its last cycle and its last good
cycle; and for each notifier the pending messages.

With --db, an archive that no process has open for writing is treated as a copy. The
first line then shows the time of the copy, and never that all is well.

It only reads the archive, without requests to COC or Slack. It exits with 0 even if there
are problems; healthcheck applies the same rules and exits with 1.`,
		Example: `  cocsync status
  cocsync status -o json | jq .problems`,
		Args: noArgs,
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, _ []string) error {
			s, err := q.LoadStatus(ctx)
			if err != nil {
				return err
			}
			if a.json() {
				return query.Write(a.out, s)
			}
			return a.paged(func(p *page) error { return p.status(s) })
		}),
	})
}

//go:embed status.tmpl
var statusTemplate string

// status writes a status for people.
func (p *page) status(s *query.Status) error {
	line := func(name, value string, painted ...string) string {
		return fmt.Sprintf("  %-12s %s%s\n", name, text.Visible(value), strings.Join(painted, ""))
	}
	paint := func(style term.Style) func(string) string {
		return func(s string) string { return p.Paint(style, text.Visible(s)) }
	}
	t, err := template.New("status").Funcs(template.FuncMap{
		"headline": p.headline,
		"line":     line,
		"bad":      func(name, value string) string { return line(name, "", paint(term.Red)(value)) },
		"alarm":    paint(term.Alarm),
		"bold":     paint(term.Bold),
		"plain":    text.Visible,
		"plural":   text.Plural,
		"ago":      s.Ago,
		"until":    s.Until,
		"time":     p.time,
		"clock":    func(t time.Time) string { return t.Local().Format("15:04") },
		"cycle":    func(c *query.Cycle) string { return p.cycle(s, c) },
		"more": func(all, shown int) string {
			if all <= shown {
				return ""
			}
			return line("", fmt.Sprintf("… and %d more", all-shown))
		},
		"retry": func(at query.Time) string {
			if at.After(s.Now) {
				return s.Until(at.Time)
			}
			return "in the next cycle"
		},
		"reached": func(at query.Time) string {
			if at.IsZero() {
				return "never reached"
			}
			return "last reached " + s.Ago(at.Time)
		},
	}).Parse(statusTemplate)
	if err != nil {
		return err
	}
	return t.Execute(p, s)
}

// headline says whether all is well.
func (p *page) headline(s *query.Status) string {
	style := term.Alarm
	if s.Healthy() {
		style = term.Green
	} else if len(s.Problems) == 0 {
		style = term.Bold
	}
	return p.Paint(style, text.Visible(s.Headline()))
}

// cycle formats the outcome and the counts of a cycle.
func (p *page) cycle(s *query.Status, c *query.Cycle) string {
	switch {
	case c.Outcome == coc.CycleRunning && s.Writer != nil && c.RespondedAt.IsZero():
		return "running"
	case c.Outcome == coc.CycleRunning && s.Writer != nil:
		return "running; COC last responded " + s.Ago(c.RespondedAt)
	case c.Outcome == coc.CycleRunning:
		return p.Paint(term.Red, "its process ended before the cycle did")
	}
	how := outcome(c.Outcome, string(c.Error))
	if c.Outcome == coc.CycleFailed {
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

func (a *app) healthcheckCommand() *cobra.Command {
	return a.outputFlag(&cobra.Command{
		Use:   "healthcheck",
		Short: "exit with 0 if there is no problem, for containers and scripts",
		Long: `Healthcheck exits with 0 if status finds no problem; otherwise it prints the problems and
exits with 1. A watch is late if a cycle was due by its schedule and none succeeded
within one more interval (at least two minutes, at most one hour).

It only reads the archive, needs no secrets, and does not affect the daemon. With --db,
an archive that no process has open for writing is a copy, and is never healthy.`,
		Example: `  cocsync healthcheck
  cocsync --db /var/lib/cocsync/cocsync.db healthcheck -o json`,
		Args: noArgs,
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, _ []string) error {
			s, err := q.LoadProblems(ctx)
			if err != nil {
				return err
			}
			return a.reportHealth(s)
		}),
	})
}

// reportHealth writes that there is no problem, or returns the problems as an error.
func (a *app) reportHealth(s *query.Status) error {
	if a.json() {
		if err := query.Write(a.out, s.Health()); err != nil {
			return err
		}
	}
	switch {
	case s.Healthy() && a.json():
		return nil
	case s.Healthy():
		_, err := fmt.Fprintf(a.out, "ok: no problem; process: %s\n", text.Visible(s.WriterText()))
		return err
	case s.Copy:
		return hint.Wrap(errors.New("the archive given by --db is treated as a copy, because no process has it open for writing; "+s.Recorded()),
			"give its config with -c FILE instead of --db, or check on the machine where the daemon runs")
	}
	var wrong []string
	for _, p := range s.Problems {
		wrong = append(wrong, p.What)
	}
	return hint.Wrap(errors.New("not healthy: "+strings.Join(wrong, "; ")), "`cocsync status` shows the causes and fixes")
}
