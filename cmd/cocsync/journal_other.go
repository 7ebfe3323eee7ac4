//go:build !unix

package main

import "io"

// toJournal returns false: systemd runs only on Unix.
func toJournal(io.Writer) bool { return false }
