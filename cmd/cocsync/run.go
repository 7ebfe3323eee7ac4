package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/daemon"
	"cocsync/internal/db"
	"cocsync/internal/syncer"
	"cocsync/internal/web"
)

// jitter spreads the requests of many daemons with the same schedule.
const jitter = 2 * time.Second

func (a *app) runCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "run the daemon: cycles on schedule, and alerts",
		Long: `Run runs the daemon. It runs every watch immediately and then on its schedule, and sends
alerts when they are due. It logs to stderr and stays in the foreground.

  SIGHUP             reload the configuration; if the file is invalid, keep the old one
  SIGUSR1            run every watch now
  SIGTERM, Ctrl-C    finish the current document and stop`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runDaemon(cmd.Context(), force) },
	}
	cmd.Flags().BoolVar(&force, "force", false, forceUsage)
	return cmd
}

// forceUsage explains --force.
const forceUsage = "write to the archive even if it does not verify"

func (a *app) runDaemon(ctx context.Context, force bool) error {
	a.longRunning()
	log := a.logger(slog.LevelInfo)
	cfg, err := a.config()
	if err != nil {
		return err
	}
	d, err := a.owned(ctx, cfg, "run", force)
	if err != nil {
		return err
	}
	reload, stopReload := onSignal(reloadSignal())
	defer stopReload()
	wake, stopWake := onSignal(wakeSignal())
	defer stopWake()
	if w := cfg.Web; w != nil && w.Listen != "" {
		a.live = web.NewLive()
		page, err := a.openPage(ctx, cfg.Database, *w, cfg.PageHost(), log)
		if err != nil {
			return listenElsewhere(err, "listen in [web]")
		}
		defer page.close()
		log.Info("page started", "url", page.address)
	}
	log.Info("daemon started", "version", version(), "database", cfg.Database, "pid", os.Getpid())
	daemon := a.daemon(d, cfg.Database, log, jitter)
	daemon.Notify, daemon.Alive = systemdNotify(log)
	daemon.Pulse = func(ctx context.Context) { _ = d.Ping(ctx) } // cycles log what is wrong
	if !force {
		daemon.Verify = func(ctx context.Context) error { return verifyAll(ctx, d) }
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stopWhenAltered(daemon, stop)
	err = daemon.Run(ctx, reload, wake)
	if cause := context.Cause(ctx); errors.Is(cause, db.ErrAltered) {
		err = errors.Join(err, cause)
	}
	log.Info("daemon stopped")
	return err
}

// daemon returns the daemon for an open archive. The daemon reloads the configuration on
// request.
func (a *app) daemon(d *db.DB, path string, log *slog.Logger, jitter time.Duration) *daemon.Daemon {
	return &daemon.Daemon{Log: log, Now: a.now, Jitter: jitter, Stepped: d.Checkpoint, Load: a.noteLoads(func(ctx context.Context) (*daemon.Set, error) {
		cfg, err := a.config()
		if err != nil {
			return nil, err
		}
		if cfg.Database != path {
			return nil, fmt.Errorf("database is now %s, but the daemon has %s open: restart the daemon to change it", cfg.Database, path)
		}
		if problems := cfg.CheckSecrets(); len(problems) > 0 {
			var errs []error
			for _, p := range problems {
				errs = append(errs, p)
			}
			return nil, errors.Join(errs...)
		}
		p, err := a.build(cfg, d, log)
		if err != nil {
			return nil, err
		}
		if err := p.storeWatches(ctx, d); err != nil {
			return nil, err
		}
		poke := make(chan struct{}, 1)
		p.syncer.DeliveriesDue = func() {
			select {
			case poke <- struct{}{}:
			default: // a value is pending already
			}
		}
		var watches []syncer.Scheduled
		for _, j := range p.jobs {
			watches = append(watches, syncer.Scheduled{Watch: j.Watch.Name, Schedule: j.Schedule})
		}
		return &daemon.Set{
			Jobs:   p.jobs,
			Cycle:  p.syncer.Run,
			Send:   func(ctx context.Context) { p.sender.Run(ctx, poke) },
			Weekly: func(ctx context.Context) error { return p.syncer.Weekly(ctx, watches) },
		}, nil
	})}
}

// onSignal returns a channel that receives a value when one of the signals arrives.
func onSignal(signals []os.Signal) (<-chan struct{}, func()) {
	in, out := make(chan os.Signal, 1), make(chan struct{}, 1)
	if len(signals) > 0 {
		signal.Notify(in, signals...)
	}
	go func() {
		for range in {
			select {
			case out <- struct{}{}:
			default:
			}
		}
	}()
	return out, func() { signal.Stop(in); close(in) }
}
