//go:build !unix

package main

import "os"

// Only Unix has these signals; elsewhere the daemon must be restarted.
func reloadSignal() []os.Signal { return nil }
func wakeSignal() []os.Signal   { return nil }

// ignoreBrokenPipes does nothing: only Unix has SIGPIPE.
func ignoreBrokenPipes() {}
