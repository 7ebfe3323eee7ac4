package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

func (a *app) healthcheckCommand() *cobra.Command {
	var output *choice
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "exit with 0 if nothing is wrong, for containers and scripts",
		Long: `Healthcheck exits with 0 if status finds no problem, else with 1 and what is wrong. A
watch is late when a cycle was due by its schedule and none succeeded within one more
interval, at least two minutes and at most an hour.

It reads the archive only, needs no secret, and does not disturb the daemon. A copy of
an archive (--db, and no process writes it) is never healthy.`,
		Example: `  cocsync healthcheck
  cocsync --db /var/lib/cocsync/cocsync.db healthcheck -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := a.archive(cmd.Context())
			if err != nil {
				return err
			}
			s, err := q.LoadProblems(cmd.Context())
			if err != nil {
				return err
			}
			return a.reportHealth(s, output.value == formatJSON)
		},
	}
	output = outputFlag(cmd)
	return cmd
}

// reportHealth says that all works; else it fails with what does not.
func (a *app) reportHealth(s *query.Status, asJSON bool) error {
	if asJSON {
		if err := query.Write(a.out, s.Health()); err != nil {
			return err
		}
	}
	switch {
	case s.Healthy() && asJSON:
		return nil
	case s.Healthy():
		_, err := fmt.Fprintf(a.out, "ok: no problem; process: %s\n", text.Visible(s.WriterText()))
		return err
	case s.Copy:
		return hint.Wrap(errors.New("the archive of --db counts as a copy, because no process has it open for writing; "+s.Recorded()),
			"name its config with -c FILE in place of --db, or check where the daemon runs")
	}
	var wrong []string
	for _, p := range s.Problems {
		wrong = append(wrong, p.What)
	}
	return hint.Wrap(errors.New("not healthy: "+strings.Join(wrong, "; ")), "`cocsync status` says why and how to fix it")
}
