package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	systemd "github.com/coreos/go-systemd/v22/journal"
)

// stallTime is how long a write to the log may block. After that, lines are dropped and
// counted until the write ends.
const stallTime = time.Second

// longRunning prepares a command that must continue when its output is not read: a pipe
// whose reader ends does not kill it, and a full pipe does not block it.
func (a *app) longRunning() {
	ignoreBrokenPipes()
	a.nonBlocking = true
}

// nonBlockingLog is a log handler whose stream may break or stall. It drops lines that cannot
// be written, and logs their number as soon as it can write again.
type nonBlockingLog struct {
	slog.Handler // writes to out
	out          *nonBlockingWriter
}

// newNonBlockingLog returns a log to out; handler returns the wrapped handler for a writer.
func newNonBlockingLog(out io.Writer, handler func(io.Writer) slog.Handler) slog.Handler {
	w := &nonBlockingWriter{out: out, done: make(chan error, 1)}
	return &nonBlockingLog{handler(w), w}
}

// Handle writes one line.
func (l *nonBlockingLog) Handle(ctx context.Context, r slog.Record) error {
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	if l.out.lost > 0 {
		notice := slog.NewRecord(r.Time, slog.LevelWarn, "log lines lost because the log was not read", 0)
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

// WithAttrs returns a log that adds these attributes to each line.
func (l *nonBlockingLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &nonBlockingLog{l.Handler.WithAttrs(attrs), l.out}
}

// WithGroup returns a log that puts later attributes into a group.
func (l *nonBlockingLog) WithGroup(name string) slog.Handler {
	return &nonBlockingLog{l.Handler.WithGroup(name), l.out}
}

// nonBlockingWriter writes lines to a stream. While a write stalls, it drops the lines after
// it.
type nonBlockingWriter struct {
	out io.Writer

	mu    sync.Mutex // of nonBlockingLog, around each line
	lost  int
	stuck bool       // a line is still being written
	done  chan error // its result
}

// errStalled reports that an earlier line is still being written.
var errStalled = errors.New("the log is not read")

// Write writes one line. If that takes longer than stallTime, it returns before the line is
// written.
func (w *nonBlockingWriter) Write(line []byte) (int, error) {
	if w.stuck {
		select {
		case err := <-w.done:
			w.stuck = false
			if err != nil {
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

// journal writes log lines in the format of systemd's journal: with a priority before each
// line (https://www.freedesktop.org/software/systemd/man/latest/sd-daemon.html) in place of
// the level.
type journal struct{ out io.Writer }

// priority returns the syslog priority of a level, "" for other words:
// https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1.
func priority(level string) string {
	switch level {
	case "level=ERROR":
		return "<3>"
	case "level=WARN":
		return "<4>"
	case "level=INFO":
		return "<6>"
	case "level=DEBUG":
		return "<7>"
	}
	return ""
}

// Write writes one line. A line without a level is an error message.
func (j journal) Write(line []byte) (int, error) {
	level, rest, _ := bytes.Cut(line, []byte(" "))
	prefix := priority(string(level))
	if prefix == "" {
		prefix, rest = priority("level=ERROR"), line
	}
	if _, err := j.out.Write(append([]byte(prefix), rest...)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// withoutTime removes the time of a log line, which the journal adds.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// toJournal reports whether output goes to systemd's journal.
func toJournal(w io.Writer) bool {
	stream, err := systemd.StderrIsJournalStream()
	return stream && err == nil && w == io.Writer(os.Stderr)
}

// errorWriter returns the writer for error messages.
func errorWriter(w io.Writer) io.Writer {
	if toJournal(w) {
		return journal{w}
	}
	return w
}
