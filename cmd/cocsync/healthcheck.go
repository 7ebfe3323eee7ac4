package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
		Long: `Healthcheck exits with 0 if a daemon has the archive and each of its watches works,
else with 1 and why. A watch works once a cycle of it was good, until three in a row
failed or none was good for an hour. It asks the archive alone, and needs no secret.

` + "`cocsync status`" + ` says more, and a daemon with a page answers /-/ready.`,
		Example: `  cocsync healthcheck
  cocsync --db /var/lib/cocsync/cocsync.db healthcheck -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.health(cmd.Context())
			if err != nil {
				return err
			}
			return a.tellHealth(h, output.value == formatJSON)
		},
	}
	output = outputFlag(cmd)
	return cmd
}

// health gathers how the daemon and its watches stand.
func (a *app) health(ctx context.Context) (h answer.Health, err error) {
	path, err := a.database()
	if err != nil {
		return h, err
	}
	d, err := db.OpenReader(ctx, path)
	if err != nil {
		return h, err
	}
	a.atEnd(d.Close)
	holder, held, err := db.Holder(path)
	if err != nil {
		return h, err
	}
	var names []string
	if a.dbFlag == "" {
		cfg, err := a.config()
		if err != nil {
			return h, err
		}
		for _, w := range cfg.Watches {
			names = append(names, w.Name)
		}
	}
	h, err = answer.NewHealth(ctx, d, names, time.Now())
	if held {
		h.Daemon = &holder
	}
	h.Healthy = held && h.Healthy
	return h, err
}

// tellHealth says how it stands; an error where it does not stand well.
func (a *app) tellHealth(h answer.Health, asJSON bool) error {
	var wrong []string
	if h.Daemon == nil {
		wrong = append(wrong, "no daemon has the archive")
	}
	if len(h.Watches) == 0 {
		wrong = append(wrong, "no watch ran so far")
	}
	for _, w := range h.Watches {
		if w.Stale != nil {
			wrong = append(wrong, "watch "+w.Watch+": "+*w.Stale)
		}
	}
	var err error
	switch {
	case asJSON:
		err = answer.Write(a.out, h)
	case len(wrong) == 0:
		work := "its watch works"
		if n := len(h.Watches); n > 1 {
			work = fmt.Sprintf("its %d watches work", n)
		}
		_, err = fmt.Fprintf(a.out, "ok: %s, and %s\n", *h.Daemon, work)
	}
	if len(wrong) == 0 {
		return err
	}
	return errors.Join(err, hint.Wrap(errors.New("not well: "+strings.Join(wrong, "; ")), "`cocsync status` says what is wrong and how to mend it"))
}
