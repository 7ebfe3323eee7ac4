//go:build unix

package config

import "io/fs"

// private reports whether nobody else can read a file of this mode.
func private(mode fs.FileMode) bool { return mode.Perm()&0o077 == 0 }
