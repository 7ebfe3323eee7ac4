//go:build unix

package config

import "io/fs"

// permissions returns the permission bits of a file.
func permissions(mode fs.FileMode) fs.FileMode { return mode.Perm() }
