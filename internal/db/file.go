package db

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cocsync/internal/hint"
)

// The database file is never opened here but through SQLite, and neither are its -wal
// and -shm. SQLite's locks are POSIX locks: they belong to the process and the file, and
// the process loses all of them when it closes any descriptor of that file.
// https://www.sqlite.org/howtocorrupt.html (2.2)

// maxLinks is how many symbolic links in a row are followed, as in Linux.
const maxLinks = 40

// resolve returns the name of the file that path leads to through symbolic links, also
// where that file does not exist yet. SQLite does the same for -wal and -shm, so the
// lock, the key and the head file lie next to them. What cannot be resolved stays as it
// is: opening it reports why.
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

// KeyFile is where the signing key of the archive at path lies unless the configuration
// names another file.
func KeyFile(path string) string { return resolve(path) + ".key" }

// singleName refuses a file that has a second name. Two processes could open it by
// different names: each would have a lock and a -wal of its own, and the file would be
// corrupt. A file that does not exist yet is fine.
func singleName(path string) error {
	n, err := links(path)
	if err != nil || n <= 1 {
		return ignore(err, fs.ErrNotExist)
	}
	return hint.Wrap(fmt.Errorf("the file has %d names (hard links): two processes that open it by different names would not see each other's lock and write-ahead log", n),
		"find the other name with `find DIR -samefile "+path+"` and remove it, or give it a copy of its own with `cocsync backup FILE`")
}
