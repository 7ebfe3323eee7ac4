//go:build !unix

package config

import "io/fs"

// permissions returns the permissions of the owner only: on Windows access control lists
// decide who may read a file, not its mode.
func permissions(fs.FileMode) fs.FileMode { return 0o600 }
