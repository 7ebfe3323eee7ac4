package main

import (
	"context"

	"github.com/spf13/cobra"

	"cocsync/internal/query"
)

func (a *app) reportCommand() *cobra.Command {
	var r query.ReportQuery
	cmd := &cobra.Command{
		Use:   "report",
		Short: "write the audit report of a period",
		Long: `Report writes an audit report of a period (default: the last 30 days): the coverage of
each watch, with failures and gaps; the documents that were watched, and when; every
change with its author; rewrites, deletions and withdrawn versions; missing versions; and
the limits of the report. -o text is Markdown.

A gap is a period without a good cycle that read the whole list. It is longer than ten
minutes and than three times the typical interval of the watch. The typical interval is
the median of the times between the starts of two cycles.

--since and --until take a date (the whole day, in the local time zone), an RFC 3339 time
or an age. A change is included if it was made or first seen within the period, so that
reports of adjacent periods omit none.`,
		Example: `  cocsync report > report.md
  cocsync report --since 2026-06-01 --until 2026-06-30 --account prod
  cocsync report --since 7d -o json | jq '.watches[].gaps'`,
		Args: noArgs,
		RunE: a.querying(func(ctx context.Context, q *query.Archive, _ []string) error {
			r, err := q.Report(ctx, r)
			if err != nil {
				return err
			}
			if a.json() {
				return query.Write(a.out, r)
			}
			return a.paged(func(p *page) error { return p.report(r) })
		}),
	}
	s := cmd.Flags()
	s.StringVar(&r.Since, "since", "", "start of the period, such as 2026-06-01 or 7d (`WHEN`; default: 30 days before the end)")
	s.StringVar(&r.Until, "until", "", "end of the period, including `WHEN` (default: now)")
	s.StringVar(&r.Account, "account", "", "only account `NAME`")
	return a.outputFlag(cmd)
}
