//go:build unix

package main

import (
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
