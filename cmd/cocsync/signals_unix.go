//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// reloadSignal has the daemon read its configuration anew, wakeSignal run every watch.
func reloadSignal() []os.Signal { return []os.Signal{syscall.SIGHUP} }
func wakeSignal() []os.Signal   { return []os.Signal{syscall.SIGUSR1} }

// ignoreBrokenPipes has writes to a pipe without a reader fail, also on stdout and stderr,
// where SIGPIPE kills the process otherwise: https://pkg.go.dev/os/signal#hdr-SIGPIPE.
func ignoreBrokenPipes() { signal.Ignore(syscall.SIGPIPE) }
