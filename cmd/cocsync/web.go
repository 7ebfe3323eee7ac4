package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/spf13/cobra"

	"cocsync/internal/config"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/web"
)

func (a *app) webCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "web",
		Short: "show the archive in a browser, without a daemon",
		Long: `Web serves the pages of one archive to browsers on this machine until Ctrl-C: for
an archive without a daemon, or a copy. It reads only, asks nobody, and needs no
config with --db. A daemon serves the same pages where its config has a [web] table.`,
		Example: `  cocsync web
  cocsync --db copy.db web --listen 127.0.0.1:9000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.web(cmd.Context(), listen) },
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8321", "the `ADDRESS` to listen on, on loopback; port 0 is any that is free")
	return cmd
}

func (a *app) web(ctx context.Context, listen string) error {
	if err := config.OnLoopback(listen); err != nil {
		return usage(fmt.Errorf("--listen: %w", err))
	}
	a.longRunning()
	path, err := a.database()
	if err != nil {
		return err
	}
	page, err := a.openPage(ctx, path, config.Web{Listen: listen}, "", a.logger(slog.LevelWarn))
	if err != nil {
		return listenElsewhere(err, "--listen")
	}
	fmt.Fprintf(a.out, "The archive is at %s until Ctrl-C.\n", page.address)
	<-ctx.Done()
	page.close()
	return nil
}

// listenElsewhere adds to an error of the page's address which setting names another.
func listenElsewhere(err error, setting string) error {
	if op := (*net.OpError)(nil); !errors.As(err, &op) || op.Op != "listen" {
		return err
	}
	return hint.Wrap(err, "another program listens there, or the address is not this machine's: choose another with "+setting)
}

// openedPage is the page while it is served.
type openedPage struct {
	address string // where a person on this machine opens it
	close   func() // ends it and waits for the answers under way
}

// openPage begins to show an archive to browsers. host is the name under which people
// reach it, "" for none.
func (a *app) openPage(ctx context.Context, path string, w config.Web, host string, log *slog.Logger) (*openedPage, error) {
	if err := config.GuardedFile(w.Key); err != nil {
		return nil, fmt.Errorf("key of the page's certificate: %w", err)
	}
	archive, err := query.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	probes, err := query.Open(ctx, path)
	if err != nil {
		archive.Close() // nothing was read
		return nil, err
	}
	for _, q := range []*query.Archive{archive, probes} {
		q.Now, q.Configured = a.now, a.live != nil || a.dbFlag == "" // a daemon has a configuration
	}
	l, err := net.Listen("tcp", w.Listen)
	if err != nil {
		probes.Close()
		archive.Close() // nothing was read
		return nil, fmt.Errorf("serve the page: %w", err)
	}
	site := &web.Site{
		Archive: archive, Log: log, Version: version(), Guard: web.Guard{Host: host}, Live: a.live, Probes: probes,
	}
	if w.Token.IsSet() {
		site.Guard.Token = w.Token.Value
	}
	var certs *web.Certificate
	if w.Cert != "" {
		certs = &web.Certificate{Cert: w.Cert, Key: w.Key}
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		if err := site.Serve(ctx, l, certs); err != nil {
			log.Error("page ends", "err", err)
		}
	})
	return &openedPage{pageAddress(l, certs != nil), func() {
		cancel()
		done.Wait()
		probes.Close()
		archive.Close() // they only read
	}}, nil
}

// pageAddress is where a person on this machine opens the page.
func pageAddress(l net.Listener, tls bool) string {
	scheme := "http"
	if tls {
		scheme = "https"
	}
	at, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return scheme + "://" + l.Addr().String() + "/"
	}
	host := at.Addr()
	if host.IsUnspecified() {
		host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return scheme + "://" + netip.AddrPortFrom(host, at.Port()).String() + "/"
}
