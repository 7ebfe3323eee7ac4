package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/hint"
	"cocsync/internal/history"
)

type reportFlags struct {
	since, until, account string
	output                *choice
}

// reportDays is how many days a report is about when nothing else is asked.
const reportDays = 30

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "write an auditor's page about a period",
		Long: `Report writes what an auditor asks about a period, of the last 30 days if no other is
named: how well each watch watched, with its failures and its gaps; which documents
were watched, and from when until when; every change with its author; what was
rewritten, deleted or withdrawn; which versions could not be had; and what cannot be
known. -o text is Markdown.

A gap is a stretch without a good cycle that read the whole list, longer than three
times what is usual for the watch and than ten minutes. The archive does not know
schedules: usual is the median of the times between the starts of two cycles.

--since and --until take a date (the whole day, in the local zone), an RFC 3339
instant or an age. A change counts when it was made or when it was first seen within
the period, so that two reports of periods next to each other leave none out.`,
		Example: `  cocsync report > report.md
  cocsync report --since 2026-06-01 --until 2026-06-30 --account prod
  cocsync report --since 7d -o json | jq '.watches[].gaps'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := notEmpty(cmd, "since", "until", "account"); err != nil {
				return err
			}
			return a.report(cmd.Context(), f)
		},
	}
	s := cmd.Flags()
	s.StringVar(&f.since, "since", "", "from `WHEN` on: 2026-06-01, 2026-06-01T08:00:00Z, 7d, 12h (default: 30 days before the end)")
	s.StringVar(&f.until, "until", "", "up to `WHEN`, that day or instant included (default: now)")
	s.StringVar(&f.account, "account", "", "only what belongs to the account `NAME`")
	f.output = outputFlag(cmd)
	return cmd
}

func (a *app) report(ctx context.Context, f reportFlags) error {
	h, err := a.reader(ctx)
	if err != nil {
		return err
	}
	since, until, err := f.period(h)
	if err != nil {
		return usage(err)
	}
	if err := knownAccount(ctx, h.DB, f.account); err != nil {
		return err
	}
	r, err := h.Report(ctx, since, until, f.account)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	archive, err := filepath.Abs(h.DB.Path())
	if err != nil {
		return err
	}
	if f.output.value == "json" {
		return a.writeJSON(newReportJSON(r, archive, f.account))
	}
	return a.paged(func(p *page) error {
		p.report(r, archive, f.account)
		return nil
	})
}

// period reads where the period begins and the first instant after it.
func (f reportFlags) period(h *history.History) (since, until time.Time, err error) {
	now := h.Now()
	until = now.Add(time.Millisecond)
	if f.until != "" {
		if until, err = h.Until(f.until); err != nil {
			err = fmt.Errorf("--until: %w", err)
		}
	}
	since = until
	if since.After(now) { // the period is not over yet
		since = now
	}
	since = since.AddDate(0, 0, -reportDays)
	if f.since != "" {
		var wrong error
		if since, wrong = h.Since(f.since); wrong != nil {
			err = errors.Join(err, fmt.Errorf("--since: %w", wrong))
		}
	}
	switch {
	case err != nil:
	case since.After(now):
		err = hint.Wrap(fmt.Errorf("--since %s lies in the future", f.since), "the archive knows what was, until now")
	case !since.Before(until):
		err = hint.Wrap(fmt.Errorf("the period would begin at %s, after its end at %s", stamped(since), stamped(lastOf(until))),
			"are --since and --until the wrong way round? An age such as 7d counts back from now")
	}
	return since, until, err
}

// lastOf is the last instant of a period that ends before until.
func lastOf(until time.Time) time.Time { return until.Add(-time.Millisecond) }

func stamped(t time.Time) string { return t.Format(time.RFC3339) }
