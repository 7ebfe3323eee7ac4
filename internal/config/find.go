package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"cocsync/internal/hint"
)

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
