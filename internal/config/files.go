package config

import (
	"fmt"
	"io"
	"os"
	"strings"

	"cocsync/internal/hint"
)

// GuardedFile returns an error if other users, the owner's group included, can write a
// file that holds a secret or a key: they could replace it. A missing file is no error
// here, because the code that needs it reports that.
func GuardedFile(path string) error {
	info, err := os.Stat(path)
	if err != nil || permissions(info.Mode())&0o022 == 0 {
		return nil
	}
	return hint.Wrap(fmt.Errorf("others can write %s (mode %04o)", path, info.Mode().Perm()), "run `"+chmod(path)+"`")
}

// ReadableByOthers reports whether users other than a file's owner can read it, and
// returns the command that changes that. It does not open the file: closing a second
// descriptor of a database would drop SQLite's locks. A missing file is not readable.
func ReadableByOthers(path string) (fix string, ok bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || permissions(info.Mode())&0o044 == 0 {
		return "", false
	}
	return chmod(path), true
}

// chmod returns the shell command that gives only the owner access to a file.
func chmod(path string) string {
	plain := func(r rune) bool {
		return strings.ContainsRune("/._-+@:", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		path = "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return "chmod 600 " + path
}

// readFile reads a regular file of at most limit bytes. Opening a pipe would wait for a
// writer.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", path, limit)
	}
	return text, err
}
