// Package cocsim has fakes of the services that cocsync uses: COC's document API and
// Slack. Tests, benchmarks and the demo run against them on loopback.
//
// It owns the behavior of those services, their limits and refusals included, and the
// sample jobs with their histories. It imports nothing else of cocsync and checks
// signatures and limits itself, so that it cannot share a mistake with the code under
// test.
package cocsim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// maxBody bounds every request body.
const maxBody = 8 << 20

// Listen serves h on a free port of 127.0.0.1 until the returned function is called,
// which also closes open connections.
func Listen(h http.Handler) (url string, stop func(), err error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen on loopback: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // it returns only because stop closed the server
	}()
	return "http://" + l.Addr().String(), func() {
		_ = s.Close()
		<-done
	}, nil
}

// readBody reads a request's body, up to maxBody.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}

// digits returns 64 hexadecimal digits that look random and are always the same for
// the same parts.
func digits(parts ...any) string {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return hex.EncodeToString(sum[:])
}

// uuid returns a version 4 UUID made of digits(parts...).
func uuid(parts ...any) string {
	d := digits(parts...)
	return d[:8] + "-" + d[8:12] + "-4" + d[13:16] + "-a" + d[17:20] + "-" + d[20:32]
}

// clock returns now, or the real clock if now is nil.
func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}
