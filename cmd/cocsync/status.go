package main

import (
	"github.com/spf13/cobra"

	"cocsync/internal/query"
)

func (a *app) statusCommand() *cobra.Command {
	var output *choice
	cmd := &cobra.Command{
		Use:   "status",
		Short: "show whether cocsync works, and what is wrong",
		Long: `Status shows what is wrong first, each with its fix: cycles that are late or fail,
versions that could not be fetched, channels that are on hold. Then it shows what the
archive holds and which process writes it; for each watch its schedule, its last cycle
and its last good one; and for each notifier what is pending.

With --db, an archive that no process has open for writing is taken for a copy: the
first line says as of when it is, and never that all is well.

It reads the archive only, asks neither COC nor Slack, and exits with 0 also when
something is wrong: healthcheck applies the same rule and exits with 1.`,
		Example: `  cocsync status
  cocsync status -o json | jq .problems`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := a.archive(cmd.Context())
			if err != nil {
				return err
			}
			s, err := q.LoadStatus(cmd.Context())
			if err != nil {
				return err
			}
			if output.value == "json" {
				return query.Write(a.out, s)
			}
			return a.paged(func(p *page) error {
				p.status(s)
				return nil
			})
		},
	}
	output = outputFlag(cmd)
	return cmd
}
