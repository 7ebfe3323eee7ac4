//go:build unix

package db

import "syscall"

// readable and writable are R_OK and W_OK of access(2).
const (
	readable = 4
	writable = 2
)

// mayRead reports why this user may not read a file; nil if they may.
func mayRead(path string) error { return syscall.Access(path, readable) }

// mayWrite reports whether this user may make files in a folder.
func mayWrite(dir string) bool { return syscall.Access(dir, writable) == nil }

// holderFile is where the process that has the lock says who it is: in the file that
// it has locked.
func holderFile(lock string) string { return lock }
