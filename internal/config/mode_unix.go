//go:build unix

package config

import "io/fs"

// private reports whether nobody else can read a file of this mode.
func private(mode fs.FileMode) bool { return mode.Perm()&0o077 == 0 }

// writableByOthers reports whether users other than the owner can write a file of
// this mode, the owner's group included.
func writableByOthers(mode fs.FileMode) bool { return mode.Perm()&0o022 != 0 }

// readableByOthers is writableByOthers for reading.
func readableByOthers(mode fs.FileMode) bool { return mode.Perm()&0o044 != 0 }
