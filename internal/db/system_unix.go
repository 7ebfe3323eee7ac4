//go:build unix

package db

import (
	"errors"
	"io/fs"
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

// noFollow makes opening a symbolic link an error.
const noFollow = syscall.O_NOFOLLOW

// links returns the number of hard links of a file.
func links(path string) (int, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return linksOf(info), nil
}

// linksOf returns the number of hard links of a file.
func linksOf(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok && !info.IsDir() {
		return int(s.Nlink)
	}
	return 1
}

// takeOwner gives a file that root created the owner and the group of the database, if that
// exists: its user must be able to open the archive later. It checks and changes an open file: the
// user of the folder could replace it in between.
func takeOwner(path, database string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) { // a symbolic link
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	like, err := os.Stat(database)
	if err != nil {
		return ignore(err, fs.ErrNotExist)
	}
	file, ok := info.Sys().(*syscall.Stat_t)
	s, also := like.Sys().(*syscall.Stat_t)
	// Not another file that a link in the folder of a user names.
	if ok && also && file.Uid == 0 && file.Nlink == 1 && info.Mode().IsRegular() {
		return f.Chown(int(s.Uid), int(s.Gid))
	}
	return nil
}

// holderFile returns the file that describes the process with the lock: the lock file itself.
func holderFile(lock string) string { return lock }
