package web

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Limits of a connection: https://pkg.go.dev/net/http#Server.
const (
	headerTime = 5 * time.Second
	idleTime   = 2 * time.Minute
	graceTime  = 5 * time.Second // for active requests at shutdown
	maxHeader  = 16 << 10        // bytes
)

// Serve serves the site on a listener until the context ends. It serves HTTPS if certs is
// not nil.
func (s *Site) Serve(ctx context.Context, l net.Listener, certs *Certificate) error {
	handler, err := s.Handler()
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: 2 * headerTime, WriteTimeout: maxTime + headerTime,
		IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug), // errors caused by clients
	}
	if certs != nil {
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certs.get, NextProtos: []string{"h2", "http/1.1"}})
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the page on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
	defer cancel()
	if server.Shutdown(last) != nil {
		return server.Close()
	}
	return nil
}

// Certificate is a certificate in two files, reloaded when they change.
type Certificate struct {
	Cert, Key string // in PEM

	mu   sync.Mutex
	read time.Time // the later modification time of the loaded files
	kept *tls.Certificate
}

// get returns the certificate for a connection. If the files cannot be loaded, for example
// while they are being replaced, it returns the last valid certificate.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := c.changed()
	if c.kept != nil && changed.Equal(c.read) {
		return c.kept, nil
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	switch {
	case err == nil:
		c.kept, c.read = &pair, changed
	case c.kept == nil:
		return nil, err
	}
	return c.kept, nil
}

func (c *Certificate) changed() (at time.Time) {
	for _, name := range []string{c.Cert, c.Key} {
		if info, err := os.Stat(name); err == nil && info.ModTime().After(at) {
			at = info.ModTime()
		}
	}
	return at
}
