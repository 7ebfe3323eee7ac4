package main

import (
	"github.com/spf13/cobra"
)

func (a *app) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := a.archive(cmd.Context())
			if err != nil {
				return err
			}
			s, err := q.LoadStatus(cmd.Context())
			if err != nil {
				return err
			}
			return a.result(s, func(p *page) { p.status(s) })
		},
	}
	a.outputFlag(cmd)
	return cmd
}
