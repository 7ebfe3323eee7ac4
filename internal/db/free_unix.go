//go:build linux || darwin || freebsd

package db

import (
	"path/filepath"
	"syscall"
)

// free returns how many bytes this user may still write next to a file; ok is false
// where the system does not say.
func free(path string) (bytes int64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}
