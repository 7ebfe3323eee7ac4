package main

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stream is the destination of a log.
type stream struct {
	mu      sync.Mutex
	text    bytes.Buffer
	broken  error
	stalled chan struct{} // if not nil, writes block until it is closed
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	stalled := s.stalled
	s.mu.Unlock()
	if stalled != nil {
		<-stalled
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return 0, s.broken
	}
	return s.text.Write(p)
}

func (s *stream) set(broken error, stalled chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.stalled = broken, stalled
}

// lines returns the lines written since the last call.
func (s *stream) lines() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.text.Reset()
	return strings.ReplaceAll(strings.TrimSpace(s.text.String()), "\n", "|")
}

// After the reader of a log ended, nothing was logged again, and a log that was not read
// blocked the cycles. Lines that cannot be written are counted, and the log continues.
func TestNonBlockingLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stream{}
		log := slog.New(newNonBlockingLog(out, func(w io.Writer) slog.Handler {
			return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}})
		})).With("watch", "all")
		want := func(when, want string) {
			t.Helper()
			synctest.Wait()
			if got := out.lines(); got != want {
				t.Errorf("%s the log says\n%s\nwant\n%s", when, got, want)
			}
		}
		log.Info("one")
		want("with a reader", "level=INFO msg=one watch=all")

		out.set(errors.New("broken pipe"), nil)
		log.Info("two")
		log.Info("three")
		want("without one", "")
		out.set(nil, nil)
		log.Info("four")
		log.Info("five")
		want("with a reader again", `level=WARN msg="log lines lost because the log was not read" watch=all lines=2|level=INFO msg=four watch=all|level=INFO msg=five watch=all`)

		full := make(chan struct{})
		out.set(nil, full)
		begun := time.Now()
		for range 1000 {
			log.Info("six")
		}
		if took := time.Since(begun); took != stallTime {
			t.Errorf("1000 lines that are not read took %v, want %v once", took, stallTime)
		}
		want("while it is not read", "")
		out.set(nil, nil)
		close(full)
		want("when it is read again", "level=INFO msg=six watch=all")
		log.WithGroup("g").Info("seven", "a", 1)
		want("then", `level=WARN msg="log lines lost because the log was not read" watch=all g.lines=999|level=INFO msg=seven watch=all g.a=1`)

		full = make(chan struct{})
		out.set(nil, full)
		log.Info("eight")
		out.set(errors.New("broken pipe"), full)
		close(full)
		synctest.Wait()
		log.Info("nine")
		out.set(nil, nil)
		log.Info("ten")
		want("after a stalled line that broke",
			`level=WARN msg="log lines lost because the log was not read" watch=all lines=2|level=INFO msg=ten watch=all`)
	})
}
