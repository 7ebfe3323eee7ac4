//go:build !windows

package main

import "io"

// obeysColors: every terminal does.
func obeysColors(io.Writer) bool { return true }
