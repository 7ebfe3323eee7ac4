package main

import (
	"context"

	"github.com/spf13/cobra"

	"cocsync/internal/query"
)

type reportFlags struct {
	since, until, account string
	output                *choice
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "write the audit report of a period",
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
		Args: noArgs,
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
	q, err := a.archive(ctx)
	if err != nil {
		return err
	}
	r, err := q.Report(ctx, query.ReportQuery{Since: f.since, Until: f.until, Account: f.account})
	if err != nil {
		return err
	}
	if f.output.value == "json" {
		return r.Write(a.out)
	}
	return a.paged(func(p *page) error { return p.report(r) })
}
