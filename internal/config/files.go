package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"cocsync/internal/hint"
)

// GuardedFile returns an error if other users, the owner's group included, can write a
// file that holds a secret or a key: they could replace it. A missing file is not an error
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
	if !regexp.MustCompile(`^[a-zA-Z0-9/._+@:-]+$`).MatchString(path) {
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

// Find returns the path of the config file: flag, else $COCSYNC_CONFIG, else
// ./config.toml, else /etc/cocsync/config.toml. It returns the first two whether or not
// the file exists.
func Find(flag string) (string, error) {
	return find(flag, os.Getenv("COCSYNC_CONFIG"), "config.toml", "/etc/cocsync/config.toml")
}

func find(flag, env, here, system string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if env != "" {
		return env, nil
	}
	for _, path := range []string{here, system} {
		// If the file exists but cannot be read, Load returns the error.
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", hint.Wrap(
		fmt.Errorf("config file not found: -c is not given, $COCSYNC_CONFIG is not set, and ./%s and %s do not exist", here, system),
		"run `cocsync init` to write one")
}

// LoadDatabase reads only `database` from a config file. Other problems of the file
// do not matter to commands that need no other key.
func LoadDatabase(path string) (string, error) {
	text, _, err := read(path)
	if err == nil {
		var name string
		if name, err = databaseIn(path, text); err == nil {
			return under(filepath.Dir(path), name), nil
		}
	}
	return "", hint.Wrap(err, "or name the archive: --db FILE")
}

// databaseIn reads the keys before the first table. Invalid TOML before `database`
// is an error, and so is a misspelled `database`: it would be unknown which archive is
// meant.
func databaseIn(file string, text []byte) (string, error) {
	const database = "database"
	d := newDocument(file, text)
	to := 0
	if !isHeader(d.text[0]) {
		to = d.tableEnd(0)
	}
	tree, to := d.parse(0, to)
	d.noteKeys("", 0, to)
	value, ok := tree[database]
	if name, isText := value.(string); isText && name != "" {
		return name, nil
	}
	if ok {
		d.problems = nil
		d.add(d.lineOf(database), "database must be a text in quotes", "write the path of the archive")
		return "", d.err()
	}
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		if meant := hint.DidYouMean(key, []string{database}); meant != "" {
			d.add(d.lineOf(join("", key)), "unknown key "+quote(key), meant)
		}
	}
	return Default().Database, d.err()
}
