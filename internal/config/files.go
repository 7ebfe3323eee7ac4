package config

import (
	"fmt"
	"os"
	"strings"

	"cocsync/internal/hint"
)

// GuardedFile returns an error if others can write a file that holds a secret or a
// key: they could replace it. A file that is missing has no fault here, because
// the code that needs it reports that.
func GuardedFile(path string) error {
	info, err := os.Stat(path)
	if err != nil || !writableByOthers(info.Mode()) {
		return nil
	}
	return hint.Wrap(fmt.Errorf("others can write %s (mode %04o)", path, info.Mode().Perm()), "run `"+chmod(path)+"`")
}

// ReadableByOthers reports whether users other than a file's owner can read it, and
// returns the command that ends that. It opens nothing: closing a second descriptor
// of a database would drop SQLite's locks. A file that is missing is not readable.
func ReadableByOthers(path string) (fix string, ok bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || !readableByOthers(info.Mode()) {
		return "", false
	}
	return chmod(path), true
}

// chmod is the shell's command that makes a file its owner's.
func chmod(path string) string {
	plain := func(r rune) bool {
		return r == '/' || r == '.' || r == '_' || r == '-' || r == '+' || r == '@' || r == ':' ||
			r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		path = "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return "chmod 600 " + path
}

// guarded reports a key's file that others can write.
func (c *checker) guarded(key, path string) {
	if path != "" {
		c.wrong(key, GuardedFile(path))
	}
}

// exposed notes a key's file that others can read. That is not a fault: a container
// mounts its secrets so.
func (c *checker) exposed(key, path string) {
	if fix, ok := ReadableByOthers(path); ok {
		c.fault(key, key+": others can read "+path, "run `"+fix+"`, unless a container mounts it so")
	}
}

// exposedSecret is exposed for a secret that is in a file.
func (c *checker) exposedSecret(key string, s Secret) {
	if path, ok := strings.CutPrefix(s.ref, filePrefix); ok {
		c.exposed(key, path)
	}
}

// exposedFiles notes all files with secrets that others can read.
func (c *checker) exposedFiles() {
	cfg := c.cfg
	c.at, c.label = "", ""
	c.exposed("database", cfg.Database)
	c.exposed("signing_key", cfg.Key())
	for i, a := range cfg.Accounts {
		c.table("account", i, a.Name)
		c.exposedSecret("access_key", a.AccessKey)
		c.exposedSecret("secret_key", a.SecretKey)
		c.exposedSecret("security_token", a.SecurityToken)
	}
	for i, s := range cfg.Slacks {
		c.table("slack", i, s.Name)
		c.exposedSecret("token", s.Token)
		c.exposedSecret("webhook", s.Webhook)
	}
	for i, w := range cfg.Webhooks {
		c.table("webhook", i, w.Name)
		c.exposedSecret("url", w.URL)
		c.exposedSecret("secret", w.Secret)
	}
	if w := cfg.Web; w != nil && w.Listen != "" {
		c.at, c.label = "web", "the page"
		c.exposedSecret("token", w.Token)
		if w.Key != "" {
			c.exposed("key", w.Key)
		}
	}
}
