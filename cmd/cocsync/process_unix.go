//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// On reloadSignal the daemon reloads its configuration, on wakeSignal it runs every watch.
func reloadSignal() []os.Signal { return []os.Signal{syscall.SIGHUP} }
func wakeSignal() []os.Signal   { return []os.Signal{syscall.SIGUSR1} }

// ignoreBrokenPipes makes writes to a pipe without a reader fail. On stdout and stderr
// SIGPIPE would otherwise kill the process: https://pkg.go.dev/os/signal#hdr-SIGPIPE.
func ignoreBrokenPipes() { signal.Ignore(syscall.SIGPIPE) }

// toJournal reports whether output goes to systemd's journal. JOURNAL_STREAM identifies the
// journal's file
// (https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html).
func toJournal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("JOURNAL_STREAM") == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && fmt.Sprintf("%d:%d", stat.Dev, stat.Ino) == os.Getenv("JOURNAL_STREAM")
}
