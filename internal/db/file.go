package db

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cocsync/internal/hint"
)

// The database file, its -wal and its -shm are opened only through SQLite. SQLite's locks are
// POSIX locks: a process loses all its locks of a file when it closes any descriptor of it.
// https://www.sqlite.org/howtocorrupt.html (2.2)

// maxLinks is the maximum number of symbolic links to follow, as in Linux.
const maxLinks = 40

// resolve follows symbolic links, even to a file that does not exist yet. SQLite does the same
// for -wal and -shm, so the lock, the key and the head file are next to them. It returns path
// unchanged if it cannot be resolved: opening it reports the error.
func resolve(path string) string {
	name := path
	for range maxLinks {
		real, err := filepath.EvalSymlinks(name)
		if err == nil {
			return real
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return path
		}
		dir, err := filepath.EvalSymlinks(filepath.Dir(name))
		if err != nil {
			return path
		}
		name = filepath.Join(dir, filepath.Base(name))
		target, err := os.Readlink(name)
		if err != nil {
			return name
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(dir, target)
		}
		name = target
	}
	return path
}

// KeyFile returns the default path of the signing key of the archive at path.
func KeyFile(path string) string { return resolve(path) + ".key" }

// singleName returns an error for a named pipe, and for a file with several hard links. Two processes could open it
// by different names with separate locks and -wal files and corrupt it. A missing file is
// valid.
func singleName(path string) error {
	if err := regular(path); err != nil {
		return err
	}
	n, err := links(path)
	if err != nil || n <= 1 {
		return ignore(err, fs.ErrNotExist)
	}
	return hint.Wrap(fmt.Errorf("the file has %d names (hard links): two processes that open it by different names would "+
		"not see each other's lock and write-ahead log", n),
		"find the other name with `find DIR -samefile "+path+"` and remove it, or make a copy with `cocsync backup FILE`")
}

// regular returns an error if a file exists and is not a regular file or a directory: opening a named
// pipe blocks until it has a writer.
func regular(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	return nil
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
