//go:build unix

package witness

import (
	"errors"
	"os"
	"syscall"
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

// syncFolder makes renames in a directory survive a power failure.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
