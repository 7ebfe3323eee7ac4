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
		Short: "serve the web page of an archive without a daemon",
		Long: `Web serves the web page of an archive to browsers on this machine until Ctrl-C, for an
archive without a daemon or for a copy. It only reads the archive and sends no requests.
With --db it needs no config. A daemon serves the same page if its config has a [web]
table.`,
		Example: `  cocsync web
  cocsync --db copy.db web --listen 127.0.0.1:9000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.web(cmd.Context(), listen) },
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8321", "loopback `ADDRESS` to listen on; port 0 means any free port")
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

// listenElsewhere adds a hint with the setting of the page's address to an error.
func listenElsewhere(err error, setting string) error {
	if op := (*net.OpError)(nil); !errors.As(err, &op) || op.Op != "listen" {
		return err
	}
	return hint.Wrap(err, "another program uses the address, or it does not belong to this machine: choose another with "+setting)
}

// openedPage is a page that is being served.
type openedPage struct {
	address string // for a browser on this machine
	close   func() // stops it and waits for running requests
}

// openPage starts to serve an archive to browsers. host is its external host name, "" for
// none.
func (a *app) openPage(ctx context.Context, path string, w config.Web, host string, log *slog.Logger) (*openedPage, error) {
	if err := config.GuardedFile(w.Key); err != nil {
		return nil, fmt.Errorf("key of the page's certificate: %w", err)
	}
	site := &web.Site{Log: log, Version: version(), Guard: web.Guard{Host: host}, Live: a.live}
	for _, archive := range []**query.Archive{&site.Archive, &site.Probes} {
		q, err := query.Open(ctx, path)
		if err != nil {
			return nil, err
		}
		a.atEnd(q.Close)
		q.OwnKey, q.NoHead = a.ownKey, a.noHead
		q.Now, q.Configured = a.now, a.live != nil || a.dbFlag == "" // only a daemon has a configuration
		*archive = q
	}
	l, err := net.Listen("tcp", w.Listen)
	if err != nil {
		return nil, fmt.Errorf("serve the page: %w", err)
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
			log.Error("page stopped", "err", err)
		}
	})
	return &openedPage{pageAddress(l, certs != nil), func() {
		cancel()
		done.Wait()
	}}, nil
}

// pageAddress returns the URL of the page for a browser on this machine.
func pageAddress(l net.Listener, tls bool) string {
	scheme := "http"
	if tls {
		scheme = "https"
	}
	at := l.Addr().(*net.TCPAddr).AddrPort()
	host := at.Addr().Unmap()
	if host.IsUnspecified() {
		host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return scheme + "://" + netip.AddrPortFrom(host, at.Port()).String() + "/"
}
