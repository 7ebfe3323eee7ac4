package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"cocsync/internal/hint"
)

// Secret says where a secret is: `env:NAME`, `file:PATH`, or the secret itself.
// Whichever way it is printed, a secret written plainly shows as ***. The zero
// value is no secret at all.
type Secret struct {
	ref string
}

const (
	envPrefix  = "env:"
	filePrefix = "file:"
	// maxSecret bounds what is read from a secret's file; the longest that is
	// known, a security token, has a few kilobytes.
	maxSecret = 64 << 10
)

// IsSet reports whether the config names the secret.
func (s Secret) IsSet() bool { return s.ref != "" }

// Value reads the secret. A file is read anew each time, so that a rotated
// secret is picked up; one newline at its end and a byte order mark do not count. A
// file that others can write is refused. The value is never empty for a secret that is set, nor in any error; it is "" for one that
// is not.
func (s Secret) Value() (string, error) {
	var value string
	var err error
	if name, ok := strings.CutPrefix(s.ref, envPrefix); ok {
		value, err = fromEnv(name)
	} else if path, ok := strings.CutPrefix(s.ref, filePrefix); ok {
		value, err = fromFile(path)
	} else {
		return s.ref, nil
	}
	if err == nil {
		err = malformed(s.ref, value)
	}
	if err != nil {
		return "", err
	}
	return value, nil
}

// mark is what some editors write at the beginning of a file: a byte order mark.
const mark = "\uFEFF"

// malformed returns what is wrong with a secret's value as an editor or a shell may
// have left it; what names where it is. The error does not show the value.
func malformed(what, value string) error {
	const advice = "it must hold only the secret, in one line, as UTF-8"
	switch {
	case strings.HasPrefix(value, "\xff\xfe") || strings.HasPrefix(value, "\xfe\xff"):
		return hint.Wrap(fmt.Errorf("%s is in UTF-16", what), advice)
	case strings.ContainsFunc(value, unicode.IsControl):
		return hint.Wrap(fmt.Errorf("%s holds a line break or another control character", what), advice)
	case quoted(value):
		return hint.Wrap(fmt.Errorf("%s holds quotation marks around the secret", what), "remove them: they would be sent as part of the secret")
	case value != strings.TrimSpace(value):
		return hint.Wrap(fmt.Errorf("%s begins or ends with a space", what), "remove it: it would be sent as part of the secret")
	}
	return nil
}

// quoted reports whether a value begins and ends with a quotation mark.
func quoted(value string) bool {
	const marks = "\"'`\u2018\u2019\u201c\u201d"
	first, _ := utf8.DecodeRuneInString(value)
	last, size := utf8.DecodeLastRuneInString(value)
	return len(value) > size && strings.ContainsRune(marks, first) && strings.ContainsRune(marks, last)
}

func fromEnv(name string) (string, error) {
	value := strings.TrimPrefix(os.Getenv(name), mark)
	if value == "" {
		return "", hint.Wrap(fmt.Errorf("environment variable %s is not set, or empty", name), "set it where cocsync is started")
	}
	return value, nil
}

func fromFile(path string) (_ string, err error) {
	const advice = "check that the file is there, readable by cocsync's user, and holds the secret alone"
	// Opening a pipe would wait for somebody to write into it.
	info, err := os.Stat(path)
	if err != nil {
		return "", hint.Wrap(err, advice)
	}
	if !info.Mode().IsRegular() {
		return "", hint.Wrap(fmt.Errorf("%s is no regular file", path), advice)
	}
	if err := GuardedFile(path); err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", hint.Wrap(err, advice)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", hint.Wrap(err, advice)
	}
	if len(b) > maxSecret {
		return "", hint.Wrap(fmt.Errorf("%s is longer than %d bytes", path, maxSecret), advice)
	}
	value := strings.TrimPrefix(strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), mark)
	if value == "" {
		return "", hint.Wrap(fmt.Errorf("%s is empty", path), advice)
	}
	return value, nil
}

// plain reports whether the secret itself stands in the config file.
func (s Secret) plain() bool {
	return s.IsSet() && !strings.HasPrefix(s.ref, envPrefix) && !strings.HasPrefix(s.ref, filePrefix)
}

// variable reports whether a text can be the name of an environment variable.
func variable(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// check says what is wrong with how the secret is written, without reading it.
func (s Secret) check() error {
	if name, ok := strings.CutPrefix(s.ref, envPrefix); ok && !variable(name) {
		return hint.Wrap(fmt.Errorf("%s names no environment variable", s), "write env:NAME")
	}
	if path, ok := strings.CutPrefix(s.ref, filePrefix); ok && (path == "" || strings.HasPrefix(path, "~")) {
		return hint.Wrap(fmt.Errorf("%s names no file", s), "write file:PATH; ~ is not expanded")
	}
	if name, ok := strings.CutPrefix(s.ref, "$"); ok {
		if name = strings.TrimSuffix(strings.TrimPrefix(name, "{"), "}"); variable(name) {
			return hint.Wrap(errors.New("variables are not expanded here"), "write env:NAME with the name of the variable")
		}
	}
	if s.plain() {
		return malformed("it", s.ref)
	}
	return nil
}

// in returns the secret with its file, if it has one, taken from dir.
func (s Secret) in(dir string) Secret {
	if path, ok := strings.CutPrefix(s.ref, filePrefix); ok {
		return Secret{filePrefix + under(dir, path)}
	}
	return s
}

// UnmarshalText takes the setting as it is written.
func (s *Secret) UnmarshalText(text []byte) error {
	s.ref = string(text)
	return nil
}

// String returns where the secret is, *** when it is written plainly, "" when
// there is none.
func (s Secret) String() string {
	if s.plain() {
		return "***"
	}
	return s.ref
}

// Format keeps every verb from showing the secret, %d and %#v too.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// LogValue keeps the secret out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps the secret out of JSON and TOML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
