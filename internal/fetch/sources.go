package fetch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The names that Huawei Cloud's SDKs read.
const (
	envAccess  = "HUAWEICLOUD_SDK_AK"
	envSecret  = "HUAWEICLOUD_SDK_SK"
	envToken   = "HUAWEICLOUD_SDK_SECURITY_TOKEN"
	envProfile = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
)

// env reads the current values of the environment.
func env(context.Context, KeyPair) (KeyPair, error) {
	k := KeyPair{AccessKey: os.Getenv(envAccess), SecretKey: os.Getenv(envSecret), SecurityToken: os.Getenv(envToken)}
	switch {
	case k.AccessKey == "" && k.SecretKey == "":
		return KeyPair{}, absent{envAccess + " is not set"}
	case k.AccessKey == "":
		return KeyPair{}, fmt.Errorf("%s is set and %s is not: set both or neither", envSecret, envAccess)
	case k.SecretKey == "":
		return KeyPair{}, fmt.Errorf("%s is set and %s is not: set both or neither", envAccess, envSecret)
	}
	return k, nil
}

// maxProfile bounds a profile file.
const maxProfile = 64 << 10

// profile reads a file of the SDKs at each call: INI with ak, sk and optionally
// security_token in the section [global], which COC belongs to, or [basic].
func profile(context.Context, KeyPair) (KeyPair, error) {
	path, err := profilePath()
	if err != nil {
		return KeyPair{}, absent{"profile file not found: " + err.Error()}
	}
	data, err := readProfile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return KeyPair{}, absent{"file not found: " + path}
	}
	if err != nil {
		return KeyPair{}, fmt.Errorf("profile file: %w", err)
	}
	sections := parseINI(data)
	for _, name := range []string{"global", "basic"} {
		s, ok := sections[name]
		if !ok {
			continue
		}
		k := KeyPair{AccessKey: s["ak"], SecretKey: s["sk"], SecurityToken: s["security_token"]}
		if k.AccessKey == "" || k.SecretKey == "" {
			return KeyPair{}, fmt.Errorf("profile file %s: section [%s] needs both ak and sk", path, name)
		}
		return k, nil
	}
	return KeyPair{}, absent{path + " has no section [global] or [basic]"}
}

// profilePath returns the path of the file: HUAWEICLOUD_SDK_CREDENTIALS_FILE, else
// ~/.huaweicloud/credentials.
func profilePath() (string, error) {
	if path := os.Getenv(envProfile); path != "" {
		return path, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".huaweicloud", "credentials"), err
}

func readProfile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxProfile+1))
	if err == nil && len(data) > maxProfile {
		err = fmt.Errorf("%s is longer than %d KB", path, maxProfile>>10)
	}
	return data, err
}

// parseINI reads sections of key = value and ignores what it cannot parse.
func parseINI(data []byte) map[string]map[string]string {
	sections := map[string]map[string]string{}
	var section map[string]string
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxProfile+1)
	for lines.Scan() {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\uFEFF"))
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, _, _ = strings.Cut(name, "]")
			section = map[string]string{}
			sections[strings.ToLower(strings.TrimSpace(name))] = section
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || section == nil || line[0] == '#' || line[0] == ';' {
			continue
		}
		section[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
	}
	return sections
}
