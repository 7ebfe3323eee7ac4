//go:build unix

package witness

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// copyOwner gives a file the owner, group and mode of another: root may write the archive of
// another user, who must be able to read the file.
func copyOwner(f *os.File, like string) error {
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := f.Chown(int(s.Uid), int(s.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(info.Mode().Perm() & 0o666)
}

// changedAt returns when a file or its attributes were last changed. Unlike the time of the last
// write, a program cannot set it.
func changedAt(path string, info os.FileInfo) time.Time {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return info.ModTime()
	}
	return time.Unix(s.Ctim.Unix())
}

// SyncFolder makes renames in a directory survive a power failure.
func SyncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
