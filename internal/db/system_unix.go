//go:build unix

package db

import (
	"errors"
	"os"
	"syscall"
)

// readable and writable are R_OK and W_OK of access(2).
const (
	readable = 4
	writable = 2
)

// mayRead reports why this user may not read a file; nil if they may.
func mayRead(path string) error { return syscall.Access(path, readable) }

// mayWrite reports why this user may not write a file, or make files in a folder; nil if
// they may.
func mayWrite(path string) error { return syscall.Access(path, writable) }

// links is how many names a file has.
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

// holderFile is where the process that has the lock says who it is: in the file that
// it has locked.
func holderFile(lock string) string { return lock }

// syncFolder makes a rename in the folder last through a power cut.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
