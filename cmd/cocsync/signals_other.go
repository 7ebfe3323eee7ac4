//go:build !unix

package main

import "os"

// There are no such signals here: a daemon is started again instead.
func reloadSignal() []os.Signal { return nil }
func wakeSignal() []os.Signal   { return nil }

// ignoreBrokenPipes: writes to a pipe without a reader fail here in any case.
func ignoreBrokenPipes() {}
