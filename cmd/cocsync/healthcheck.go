package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/answer"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

func (a *app) healthcheckCommand() *cobra.Command {
	var output *choice
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "say whether the daemon works, for containers and scripts",
		Long: `Healthcheck exits with 0 if a daemon has the archive and each watch of the
configuration works, else with 1 and why. A watch works once a cycle of it was good,
until three in a row failed or none was good for an hour. With --db no configuration
is read, and the watches are those that the archive knows.

It asks the archive alone, needs no secret, and does not disturb the daemon.`,
		Example: `  cocsync healthcheck
  cocsync --db /var/lib/cocsync/cocsync.db healthcheck -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.health(cmd.Context())
			if err != nil {
				return err
			}
			if output.value == formatJSON {
				err = answer.Write(a.out, h)
			}
			return errors.Join(err, a.tellHealth(h, output.value == formatJSON))
		},
	}
	output = outputFlag(cmd)
	return cmd
}

// health asks the archive how the daemon and its watches stand.
func (a *app) health(ctx context.Context) (none answer.Health, err error) {
	path, names := a.dbFlag, []string(nil)
	if path == "" {
		cfg, err := a.config()
		if err != nil {
			return none, err
		}
		path = cfg.Database
		for _, w := range cfg.Watches {
			names = append(names, w.Name)
		}
	}
	d, err := db.OpenReader(ctx, path)
	if err != nil {
		return none, err
	}
	a.atEnd(d.Close)
	holder, held, err := db.Holder(path)
	if err != nil {
		return none, err
	}
	daemon := ""
	if held {
		daemon = holder.String()
	}
	return answer.NewHealth(ctx, d, daemon, names, a.now())
}

// tellHealth says that all works, unless that was told already; else it fails with what
// does not.
func (a *app) tellHealth(h answer.Health, told bool) error {
	if h.Healthy && told {
		return nil
	}
	if h.Healthy {
		work := "its watch works"
		if n := len(h.Watches); n > 1 {
			work = fmt.Sprintf("its %d watches work", n)
		}
		_, err := fmt.Fprintf(a.out, "ok: %s, and %s\n", visible(*h.Daemon), work)
		return err
	}
	var wrong []string
	mend := "`cocsync status` says what is wrong and how to mend it"
	if h.Daemon == nil {
		wrong = append(wrong, "no daemon has the archive")
		mend = "`cocsync run` is the daemon; its log says why it ended"
	}
	if len(h.Watches) == 0 {
		wrong = append(wrong, "no watch ran so far")
	}
	for _, w := range h.Watches {
		if w.Stale != nil {
			wrong = append(wrong, "watch "+w.Watch+": "+*w.Stale)
		}
	}
	return hint.Wrap(errors.New("not well: "+strings.Join(wrong, "; ")), mend)
}
