package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"cocsync/internal/hint"
)

// Secret says where a secret is: `env:NAME`, `file:PATH`, or the secret itself. All
// formats print a literal secret as ***. The zero value is not a secret.
type Secret struct {
	ref string
}

const (
	envPrefix  = "env:"
	filePrefix = "file:"
	// maxSecret bounds the file of a secret. The longest, a security token, has a few
	// kilobytes.
	maxSecret = 64 << 10
)

// IsSet reports whether the config has the secret.
func (s Secret) IsSet() bool { return s.ref != "" }

// Value reads the secret; "" if none is set. A file is read at each call, so that a
// rotated secret is used; one newline at its end and a byte order mark are removed. Value
// returns an error for an empty secret and for a file that others can write. No error shows
// the secret.
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

// byteOrderMark is written by some editors at the start of a file.
const byteOrderMark = "\uFEFF"

// malformed rejects what an editor or a shell may have added to a secret; what names
// its source in the error. The error does not show the value.
func malformed(what, value string) error {
	const advice = "write only the secret, in one line, as UTF-8"
	switch {
	case strings.HasPrefix(value, "\xff\xfe") || strings.HasPrefix(value, "\xfe\xff"):
		return hint.Wrap(fmt.Errorf("%s is in UTF-16", what), advice)
	case strings.ContainsFunc(value, unicode.IsControl):
		return hint.Wrap(fmt.Errorf("%s has a line break or another control character", what), advice)
	case quoted(value):
		return hint.Wrap(fmt.Errorf("%s has quotation marks around the secret", what), "remove them: they would be sent as part of the secret")
	case value != strings.TrimSpace(value):
		return hint.Wrap(fmt.Errorf("%s starts or ends with a space", what), "remove it: it would be sent as part of the secret")
	}
	return nil
}

// quoted reports whether a value starts and ends with a quotation mark.
func quoted(value string) bool {
	const marks = "\"'`\u2018\u2019\u201c\u201d"
	first, _ := utf8.DecodeRuneInString(value)
	last, size := utf8.DecodeLastRuneInString(value)
	return len(value) > size && strings.ContainsRune(marks, first) && strings.ContainsRune(marks, last)
}

func fromEnv(name string) (string, error) {
	value := strings.TrimPrefix(os.Getenv(name), byteOrderMark)
	if value == "" {
		return "", hint.Wrap(fmt.Errorf("environment variable %s is not set, or empty", name), "set it where cocsync is started")
	}
	return value, nil
}

func fromFile(path string) (string, error) {
	const advice = "check that the file exists, is readable by cocsync's user, and has only the secret"
	text, err := readFile(path, maxSecret)
	if err != nil {
		return "", hint.Wrap(err, advice)
	}
	if err := GuardedFile(path); err != nil {
		return "", err
	}
	value := strings.TrimPrefix(strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), byteOrderMark)
	if value == "" {
		return "", hint.Wrap(fmt.Errorf("%s is empty", path), advice)
	}
	return value, nil
}

// plain reports whether the secret itself is in the config file.
func (s Secret) plain() bool {
	return s.IsSet() && !strings.HasPrefix(s.ref, envPrefix) && !strings.HasPrefix(s.ref, filePrefix)
}

// variable reports whether a text can be the name of an environment variable.
func variable(name string) bool {
	return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name)
}

// subject names the secret in an error, without its value.
func (s Secret) subject() string {
	if s.plain() || !s.IsSet() {
		return "this"
	}
	return "the value of " + s.String()
}

// check rejects a secret that is written in a wrong way, without reading it.
func (s Secret) check() error {
	if name, ok := strings.CutPrefix(s.ref, envPrefix); ok && !variable(name) {
		return hint.Wrap(fmt.Errorf("%s is not the name of an environment variable", s), "write env:NAME")
	}
	if path, ok := strings.CutPrefix(s.ref, filePrefix); ok && (path == "" || strings.HasPrefix(path, "~")) {
		return hint.Wrap(fmt.Errorf("%s is not the name of a file", s), "write file:PATH; ~ is not expanded")
	}
	if name, ok := strings.CutPrefix(s.ref, "$"); ok {
		name = strings.TrimSuffix(strings.TrimPrefix(name, "{"), "}")
		if variable(name) {
			return hint.Wrap(errors.New("variables are not expanded here"), "write env:NAME with the name of the variable")
		}
	}
	if s.plain() {
		return malformed("it", s.ref)
	}
	return nil
}

// secret checks how a secret is written. A literal one may be only in a file that no
// one else can read; a webhook's URL may be in any.
func (c *checker) secret(key string, s Secret) {
	if err := s.check(); err != nil {
		c.wrong(key, err)
	} else if s.plain() && !c.private && key != "url" {
		c.fault(key, key+" is a literal secret in a file that others can read",
			"run `chmod 600 "+c.file+"`, or write env:NAME or file:PATH")
	}
}

// in returns the secret with the path of its file, if it has one, relative to dir.
func (s Secret) in(dir string) Secret {
	if path, ok := strings.CutPrefix(s.ref, filePrefix); ok {
		return Secret{filePrefix + under(dir, path)}
	}
	return s
}

// UnmarshalText sets the secret to what the file has.
func (s *Secret) UnmarshalText(text []byte) error {
	s.ref = string(text)
	return nil
}

// String returns where the secret is, *** for a literal secret, "" for none.
func (s Secret) String() string {
	if s.plain() {
		return "***"
	}
	return s.ref
}

// Format hides the secret with every verb, %d and %#v too.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue hides the secret in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret in JSON and TOML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
