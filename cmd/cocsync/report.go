package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/hint"
	"cocsync/internal/history"
)

type reportFlags struct {
	since, until, account string
	output                *choice
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "write what an auditor asks about a period",
		Long: `Report writes, as Markdown or JSON, what an auditor asks about a period: which documents
were watched and how well, with every gap in the watching; what changed and who did it,
as far as that is known; what was rewritten in place, deleted and withdrawn; which
versions could not be had; and what it cannot say.

The period is the last 30 days, or that from --since to --until: a date (the whole day,
in the local zone), an RFC 3339 instant or an age. A version counts by when COC says that
it was made, everything else by when cocsync saw it.`,
		Example: `  cocsync report > report.md
  cocsync report --since 2026-01-01 --until 2026-03-31 --account prod
  cocsync report -o json | jq '.watches[] | {watch, gaps}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := notEmpty(cmd, "since", "until", "account"); err != nil {
				return err
			}
			return a.report(cmd.Context(), f)
		},
	}
	s := cmd.Flags()
	s.StringVar(&f.since, "since", "30d", "from `WHEN` on: 2026-06-01, 2026-06-01T08:00:00Z, 7d")
	s.StringVar(&f.until, "until", "", "up to `WHEN`, that day or instant included (default now)")
	s.StringVar(&f.account, "account", "", "only the account `NAME`")
	f.output = outputFlag(cmd)
	return cmd
}

func (a *app) report(ctx context.Context, f reportFlags) error {
	h, err := a.reader(ctx)
	if err != nil {
		return err
	}
	since, err := h.Since(f.since)
	if err != nil {
		return usage(fmt.Errorf("--since: %w", err))
	}
	until := h.Now()
	if f.until != "" {
		if until, err = h.Until(f.until); err != nil {
			return usage(fmt.Errorf("--until: %w", err))
		}
	}
	if !since.Before(until) {
		return usage(hint.Wrap(errors.New("the period ends before it begins"), "--since is the earlier one"))
	}
	if err := knownAccount(ctx, h.DB, f.account); err != nil {
		return err
	}
	r, err := h.Report(ctx, since, until, f.account)
	if err != nil {
		return err
	}
	if f.output.value == formatJSON {
		return a.writeJSON(newReportJSON(r))
	}
	return a.paged(func(p *page) error {
		p.report(r, h.DB.Path())
		return nil
	})
}

// gapRule says what counts as a gap of a watch.
func (p *page) gapRule(w history.WatchReport) string {
	text := "A gap is a stretch of more than " + span(w.Most) + " in which it did not read its whole list"
	if w.Usual >= time.Minute {
		text += "; usually it began every " + span(w.Usual)
	}
	if !w.Began.IsZero() {
		text += "; its first cycle began at " + p.time(w.Began)
	}
	return text + "."
}
