//go:build linux || darwin || freebsd

package db

import (
	"path/filepath"
	"syscall"
)

// free returns the disk space available to this user next to a file, in bytes; ok is false if
// it is unknown.
func free(path string) (bytes int64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}
