package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"cocsync/internal/hint"
)

// Find returns the path of the config file: flag, else $COCSYNC_CONFIG, else
// ./config.toml, else /etc/cocsync/config.toml. A path that somebody named is
// returned as it is, whether or not the file is there.
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
		// One that is there but may not be looked at is for Load to refuse.
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", hint.Wrap(
		fmt.Errorf("no config file: -c is not given, $COCSYNC_CONFIG is not set, and there is no ./%s and no %s", here, system),
		"run `cocsync init` to write one")
}
