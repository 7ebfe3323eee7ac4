//go:build !windows

package term

import "io"

// supportsColors returns true: every terminal does.
func supportsColors(io.Writer) bool { return true }
