package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

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
		RunE: a.querying(func(ctx context.Context, q *query.Archive, _ []string) error {
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
