package config

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"cocsync/internal/hint"
)

// CheckSecrets reads every secret, ca_file, the proxy settings of the environment and
// the modes of key files, and returns their problems. It is separate from Load because
// offline commands need no secret. No problem shows the value of a secret.
func (c *Config) CheckSecrets() []Problem {
	k := &checker{document: c.doc.forCheck(), cfg: c}
	k.checkFiles()
	return k.sorted()
}

// checkFiles checks what the config refers to. It reports nothing about keys that were
// reported before.
func (c *checker) checkFiles() {
	for _, p := range c.problems {
		c.bad[p.path] = true
	}
	c.table = tableName{}
	c.network()
	c.wrong("signing_key", GuardedFile(c.cfg.Key()))
	for name, table := range c.cfg.tables() {
		c.table = name
		readable := map[string]bool{}
		for key, s := range secretsOf(table) {
			_, err := s.Value()
			c.wrong(key, err)
			readable[key] = err == nil && s.IsSet()
		}
		switch t := table.(type) {
		case *Slack:
			if readable["token"] {
				_, err := t.BotToken()
				c.wrong("token", err)
			}
			if readable["webhook"] {
				c.address("webhook", t.Webhook, checkURL, "copy the webhook's URL from Slack: https://hooks.slack.com/services/…")
			}
		case *Webhook:
			if readable["url"] {
				c.address("url", t.URL, checkTarget, urlAdvice)
			}
			if readable["secret"] {
				_, err := t.Key()
				c.wrong("secret", err)
			}
		case *Web:
			c.webFiles(*t, readable["token"])
		}
	}
}

// address checks the URL that a secret has, and does not show it.
func (c *checker) address(key string, s Secret, check func(string) error, advice string) {
	if url, err := s.Value(); err == nil && check(url) != nil {
		c.wrong(key, hint.Wrap(fmt.Errorf("%s is not a valid https URL", s.subject()), advice))
	}
}

// Warnings returns what is valid and may surprise: notifiers that are not used, and
// files with secrets that other users can read.
func (c *Config) Warnings() []Problem {
	k := &checker{document: c.doc.forCheck(), cfg: c}
	used := slices.Clone(c.Operators)
	for _, w := range c.Watches {
		used = append(used, w.Notify...)
	}
	for _, r := range c.Routes {
		used = append(used, r.Notify...)
	}
	if len(c.Operators) == 0 && len(c.Notifiers()) > 0 {
		k.fault("operators", "no one is notified when monitoring itself fails",
			`write operators = ["…"] at the top, with the name of a [[slack]] or [[webhook]]`)
	}
	if info, err := os.Stat(c.WitnessDir); c.WitnessDir != "" && (err != nil || !info.IsDir()) {
		k.fault("witness_dir", "the folder "+quote(c.WitnessDir)+" is not there",
			"create or mount it: until then no checkpoint is written to it, and the archive is not compared with it")
	}
	k.exposed("database", c.Database)
	k.exposed("signing_key", c.Key())
	for name, table := range c.tables() {
		k.table = name
		for key, s := range secretsOf(table) {
			if path, ok := strings.CutPrefix(s.ref, filePrefix); ok {
				k.exposed(key, path)
			}
		}
		switch t := table.(type) {
		case *Slack:
			k.idle(t.Name, used)
			if t.Token.IsSet() && !channelID(t.Channel) {
				k.fault("channel", quote(t.Channel)+" is a channel's name",
					"write its ID, such as C0123456789: Slack accepts files, and so long diffs, only for an ID")
			}
		case *Webhook:
			k.idle(t.Name, used)
		case *Web:
			if t.Key != "" {
				k.exposed("key", t.Key)
			}
		}
	}
	return k.sorted()
}

// idle warns of a notifier that no other table names.
func (c *checker) idle(name string, used []string) {
	if !slices.Contains(used, name) {
		c.fault("name", "nothing is sent to it", "name it in the notify of a watch or a route, or in operators")
	}
}

// exposed warns of a file with a secret that others can read. It is not an error, because a
// container mounts its secrets with such a mode.
func (c *checker) exposed(key, path string) {
	if fix, ok := ReadableByOthers(path); ok {
		c.fault(key, key+": others can read "+path, "run `"+fix+"`, unless a container mounts it with this mode")
	}
}

// channelID reports whether a channel is given by its ID.
func channelID(s string) bool {
	ok, _ := regexp.MatchString(`^[CGD][A-Z0-9]{6,}$`, s)
	return ok
}
