package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

// stallTime is how long a line waits for the log to be read. Then what comes meanwhile is
// lost, and counted.
const stallTime = time.Second

// longRunning prepares a command that must outlive the readers of what it writes: a pipe
// whose reader ends does not kill it, one that is full does not stop it.
func (a *app) longRunning() {
	ignoreBrokenPipes()
	a.steady = true
}

// steadyLog is a log whose stream may break or stall. It drops the lines that cannot be
// written, and says how many once it can write again.
type steadyLog struct {
	slog.Handler // writes to out
	out          *steadyWriter
}

// newSteadyLog returns a log to out; handler makes one to a writer.
func newSteadyLog(out io.Writer, handler func(io.Writer) slog.Handler) slog.Handler {
	w := &steadyWriter{out: out, done: make(chan error, 1)}
	return &steadyLog{handler(w), w}
}

// Handle writes one line.
func (l *steadyLog) Handle(ctx context.Context, r slog.Record) error {
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	if l.out.lost > 0 {
		notice := slog.NewRecord(r.Time, slog.LevelWarn, "log lines lost, the log was not read", 0)
		notice.Add("lines", l.out.lost)
		if l.Handler.Handle(ctx, notice) == nil {
			l.out.lost = 0
		}
	}
	if l.Handler.Handle(ctx, r) != nil {
		l.out.lost++
	}
	return nil
}

// WithAttrs is a log whose lines have these, too.
func (l *steadyLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &steadyLog{l.Handler.WithAttrs(attrs), l.out}
}

// WithGroup is a log whose further attributes are in a group.
func (l *steadyLog) WithGroup(name string) slog.Handler {
	return &steadyLog{l.Handler.WithGroup(name), l.out}
}

// steadyWriter writes lines to a stream, and gives up on the line after one that stalls.
type steadyWriter struct {
	out io.Writer

	mu    sync.Mutex // of steadyLog, around each line
	lost  int
	stuck bool       // a line is still being written
	done  chan error // what became of it
}

// errStalled reports that an earlier line is still being written.
var errStalled = errors.New("the log is not read")

// Write writes one line. It returns before the line is written if that takes long.
func (w *steadyWriter) Write(line []byte) (int, error) {
	if w.stuck {
		select {
		case err := <-w.done:
			if w.stuck = false; err != nil {
				w.lost++
			}
		default:
			return 0, errStalled
		}
	}
	line = bytes.Clone(line)
	go func() {
		_, err := w.out.Write(line)
		w.done <- err
	}()
	t := time.NewTimer(stallTime)
	defer t.Stop()
	select {
	case err := <-w.done:
		return len(line), err
	case <-t.C:
		w.stuck = true
		return len(line), nil
	}
}
