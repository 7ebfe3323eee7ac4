package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/daemon"
	"cocsync/internal/db"
	"cocsync/internal/syncer"
	"cocsync/internal/web"
)

// jitter spreads the requests of many daemons with the same schedule.
const jitter = 2 * time.Second

func (a *app) runCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "run the daemon: cycles on schedule, and alerts",
		Long: `Run starts the daemon. It polls every watch immediately and then on its schedule, and sends
alerts when they are due. It logs to stderr and stays in the foreground.

  SIGHUP             reload the configuration; if the file is invalid, keep the old one
  SIGUSR1            run every watch now
  SIGTERM, Ctrl-C    finish the current document and stop`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runDaemon(cmd.Context()) },
	}
}

func (a *app) runDaemon(ctx context.Context) error {
	a.longRunning()
	log := a.logger(slog.LevelInfo)
	cfg, err := a.config()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	d, err := a.openForSync(ctx, cfg, "run", stop)
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
	daemon := a.daemon(d, cfg.Database, log, stop)
	daemon.Jitter = jitter
	daemon.Notify, daemon.Alive = systemdNotify(log)
	daemon.Pulse = func(ctx context.Context) { _ = d.Ping(ctx) } // cycles log what is wrong
	rebuilding := sync.WaitGroup{}
	rebuilding.Go(func() { rebuild(ctx, d, log) })
	err = daemon.Run(ctx, reload, wake)
	stop(nil)
	rebuilding.Wait()
	if cause := context.Cause(ctx); errors.Is(cause, db.ErrAltered) {
		err = errors.Join(err, cause)
	}
	log.Info("daemon stopped")
	return err
}

// rebuild computes the differences of older algorithms again, between the daemon's own work.
func rebuild(ctx context.Context, d *db.DB, log *slog.Logger) {
	switch n, err := d.RebuildDifferences(ctx); {
	case err != nil && ctx.Err() == nil:
		log.Error("differences of an older algorithm not rebuilt; the next start continues", "err", err)
	case n > 0:
		log.Info("differences of an older algorithm rebuilt", "differences", n)
	}
}

// daemon returns the daemon for an open archive. The daemon reloads the configuration on
// request, and records the result of each load in the metrics. It calls stop if a cycle finds
// that the archive was altered: another attempt does not fix that.
func (a *app) daemon(d *db.DB, path string, log *slog.Logger, stop context.CancelCauseFunc) *daemon.Daemon {
	var notes atomic.Pointer[noteFolder] // of the newest configuration
	verify := func(ctx context.Context) error { return verifyAll(ctx, d, *notes.Load()) }
	return &daemon.Daemon{Log: log, Now: a.now, Stepped: d.Checkpoint, Verify: verify, Load: func(ctx context.Context) (_ *daemon.Set, err error) {
		defer func() { a.live.Loaded(err) }()
		cfg, err := a.config()
		if err != nil {
			return nil, err
		}
		if cfg.Database != path {
			return nil, fmt.Errorf("database is now %s, but the daemon has %s open: restart the daemon to change it", cfg.Database, path)
		}
		for _, p := range cfg.CheckSecrets() {
			err = errors.Join(err, p)
		}
		if err != nil {
			return nil, err
		}
		p, err := a.build(cfg, d, log)
		if err == nil {
			err = configure(ctx, d, p, a.now())
		}
		if err != nil {
			return nil, err
		}
		folder := a.noteFolder(cfg)
		notes.Store(&folder)
		wake := make(chan struct{}, 1)
		p.syncer.DeliveriesDue = func() { signalTo(wake) }
		p.submitter.NoticeQueued = p.syncer.DeliveriesDue
		return &daemon.Set{
			Watches: p.watches,
			Cycle: func(ctx context.Context, w syncer.Watch, o syncer.Options) (coc.Cycle, error) {
				c, err := p.syncer.Run(ctx, w, o)
				if errors.Is(err, db.ErrAltered) {
					stop(err)
				}
				return c, err
			},
			Send:    func(ctx context.Context) { p.sender.Run(ctx, wake) },
			Witness: p.submitter.Run,
			Erase:   (&eraser{db: d, operators: cfg.Operators, queued: p.syncer.DeliveriesDue, now: a.now, log: log}).run,
			Notices: func(ctx context.Context) error {
				return errors.Join(p.syncer.Weekly(ctx, p.watches), p.syncer.QueueCheckpoint(ctx))
			},
		}, nil
	}}
}

// onSignal returns a channel that receives a value when one of the signals arrives.
func onSignal(signals []os.Signal) (<-chan struct{}, func()) {
	in, out := make(chan os.Signal, 1), make(chan struct{}, 1)
	if len(signals) > 0 {
		signal.Notify(in, signals...)
	}
	go func() {
		for range in {
			signalTo(out)
		}
	}()
	return out, func() { signal.Stop(in); close(in) }
}

// signalTo sends a value, unless one is pending already.
func signalTo(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// The daemon notifies the watchdog after each 1/watchdogFraction of systemd's timeout.
const watchdogFraction = 4

// systemdNotify returns a function that sends the daemon's state to systemd, if systemd
// started it, and the interval of watchdog notifications; 0 for none.
func systemdNotify(log *slog.Logger) (notify func(state string), alive time.Duration) {
	timeout, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog is not notified", "err", err)
	}
	return func(state string) {
		if state == systemd.SdNotifyReloading {
			// Type=notify-reload needs the time of the reload:
			// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html.
			state = systemd.SdNotifyMonotonicUsec() + state
		}
		if _, err := systemd.SdNotify(false, state); err != nil {
			log.Warn("systemd not notified", "err", err)
		}
	}, timeout / watchdogFraction
}
