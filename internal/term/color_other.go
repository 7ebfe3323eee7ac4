//go:build !windows

package term

import "io"

// obeysColors: every terminal does.
func obeysColors(io.Writer) bool { return true }
