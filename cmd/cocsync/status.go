package main

import (
	"github.com/spf13/cobra"

	"cocsync/internal/answer"
)

func (a *app) statusCommand() *cobra.Command {
	var output *choice
	cmd := &cobra.Command{
		Use:   "status",
		Short: "show how the watching and the telling stand",
		Long: `Status shows what is wrong first, each with how to mend it: cycles that fail or
no longer come, documents that could not be had, channels that take no messages.
Then it shows, for each watch, its last cycle and its last good one; what the
archive holds; and for each notifier what still waits.

It asks the archive alone, not COC, Slack or the daemon, and exits with 0 also
when it has something to complain of.`,
		Example: `  cocsync status
  cocsync status -o json | jq .problems`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.reader(cmd.Context())
			if err != nil {
				return err
			}
			s, err := answer.Stand(cmd.Context(), h.DB, h.Now())
			if err != nil {
				return err
			}
			if output.value == "json" {
				return answer.Write(a.out, answer.NewStatus(s))
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
