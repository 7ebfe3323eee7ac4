//go:build unix

package main

import (
	"os"
	"syscall"
)

// reloadSignal has the daemon read its configuration anew, wakeSignal run every watch.
func reloadSignal() []os.Signal { return []os.Signal{syscall.SIGHUP} }
func wakeSignal() []os.Signal   { return []os.Signal{syscall.SIGUSR1} }
