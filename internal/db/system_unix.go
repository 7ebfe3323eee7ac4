//go:build unix

package db

import (
	"os"
	"syscall"
)

// readable and writable are R_OK and W_OK of access(2).
const (
	readable = 4
	writable = 2
)

// mayRead returns an error if this user may not read a file.
func mayRead(path string) error { return syscall.Access(path, readable) }

// mayWrite returns an error if this user may not write a file or create files in a directory.
func mayWrite(path string) error { return syscall.Access(path, writable) }

// links returns the number of hard links of a file.
func links(path string) (int, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && !info.IsDir() {
		return int(s.Nlink), nil
	}
	return 1, nil
}

// holderFile returns the file that describes the process with the lock: the lock file itself.
func holderFile(lock string) string { return lock }
