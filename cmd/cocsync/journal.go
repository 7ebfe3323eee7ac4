package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// journal writes log lines in the format of systemd's journal: without a time, which the
// journal adds, and with a priority before each line
// (https://www.freedesktop.org/software/systemd/man/latest/sd-daemon.html).
type journal struct {
	text slog.Handler // writes to line
	line *journalLine
}

// journalLine is the buffer for one line.
type journalLine struct {
	mu  sync.Mutex
	buf bytes.Buffer
	out io.Writer
}

func newJournal(out io.Writer, level slog.Level) *journal {
	l := &journalLine{out: out}
	return &journal{line: l, text: slog.NewTextHandler(&l.buf, &slog.HandlerOptions{Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{}
			}
			return a
		}})}
}

// priority returns the syslog priority of a level:
// https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1.
func priority(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	case l >= slog.LevelInfo:
		return 6
	}
	return 7
}

// faults returns the writer for error messages. If w is the journal, it marks their lines
// as errors.
func faults(w io.Writer) io.Writer {
	if toJournal(w) {
		return faultLines{w}
	}
	return w
}

// faultLines writes the priority of an error before each line.
type faultLines struct{ out io.Writer }

// Write writes one line.
func (f faultLines) Write(line []byte) (int, error) {
	if _, err := fmt.Fprintf(f.out, "<%d>%s", priority(slog.LevelError), line); err != nil {
		return 0, err
	}
	return len(line), nil
}

// Enabled reports whether the level is logged.
func (j *journal) Enabled(ctx context.Context, l slog.Level) bool { return j.text.Enabled(ctx, l) }

// Handle writes one line.
func (j *journal) Handle(ctx context.Context, r slog.Record) error {
	j.line.mu.Lock()
	defer j.line.mu.Unlock()
	j.line.buf.Reset()
	fmt.Fprintf(&j.line.buf, "<%d>", priority(r.Level))
	if err := j.text.Handle(ctx, r); err != nil {
		return err
	}
	_, err := j.line.out.Write(j.line.buf.Bytes())
	return err
}

// WithAttrs returns a journal that adds these attributes to each line.
func (j *journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journal{j.text.WithAttrs(attrs), j.line}
}

// WithGroup returns a journal that puts later attributes into a group.
func (j *journal) WithGroup(name string) slog.Handler {
	return &journal{j.text.WithGroup(name), j.line}
}
