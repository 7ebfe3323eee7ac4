package main

import (
	"bytes"
	"io"
	"log/slog"
)

// journal writes log lines in the format of systemd's journal: with a priority before each
// line (https://www.freedesktop.org/software/systemd/man/latest/sd-daemon.html) in place of
// the level.
type journal struct{ out io.Writer }

// priorities are the syslog priorities of levels:
// https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1.
var priorities = map[string]string{"level=ERROR": "<3>", "level=WARN": "<4>", "level=INFO": "<6>", "level=DEBUG": "<7>"}

// Write writes one line. A line without a level is an error message.
func (j journal) Write(line []byte) (int, error) {
	level, rest, _ := bytes.Cut(line, []byte(" "))
	priority, ok := priorities[string(level)]
	if !ok {
		priority, rest = priorities["level=ERROR"], line
	}
	if _, err := j.out.Write(append([]byte(priority), rest...)); err != nil {
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

// faults returns the writer for error messages.
func faults(w io.Writer) io.Writer {
	if toJournal(w) {
		return journal{w}
	}
	return w
}
