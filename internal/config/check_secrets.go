package config

import (
	"fmt"
	"regexp"
	"slices"

	"cocsync/internal/hint"
)

// CheckSecrets reads every secret and what else is not in the file (ca_file, the
// proxy of the environment, the modes of keys), and returns what is wrong with them.
// It is separate from Load because offline commands need no secret; their values are
// in no problem.
func (c *Config) CheckSecrets() []Problem {
	k := &checker{document: c.doc.again(), cfg: c}
	k.outside()
	return k.sorted()
}

// outside checks what the file refers to.
func (c *checker) outside() {
	c.again = true
	c.network()
	c.guarded("signing_key", c.cfg.Key())
	for i, a := range c.cfg.Accounts {
		c.table("account", i, a.Name)
		c.readable("access_key", a.AccessKey)
		c.readable("secret_key", a.SecretKey)
		c.readable("security_token", a.SecurityToken)
	}
	for i, s := range c.cfg.Slacks {
		c.table("slack", i, s.Name)
		if c.readable("token", s.Token) {
			_, err := s.BotToken()
			c.wrong("token", err)
		}
		if c.readable("webhook", s.Webhook) && s.Webhook.IsSet() {
			c.address("webhook", s.Webhook, checkURL, "copy the webhook's URL from Slack: https://hooks.slack.com/services/…")
		}
	}
	for i, w := range c.cfg.Webhooks {
		c.table("webhook", i, w.Name)
		if c.readable("url", w.URL) && w.URL.IsSet() {
			c.address("url", w.URL, checkTarget, urlAdvice)
		}
		if c.readable("secret", w.Secret) {
			_, err := w.Key()
			c.wrong("secret", err)
		}
	}
	c.checkWeb(c.cfg.Web)
}

func (c *checker) readable(key string, s Secret) bool {
	_, err := s.Value()
	c.wrong(key, err)
	return err == nil
}

// address checks the URL that a secret holds, and does not show it.
func (c *checker) address(key string, s Secret, check func(string) error, advice string) {
	if url, err := s.Value(); err == nil && check(url) != nil {
		c.wrong(key, hint.Wrap(fmt.Errorf("what %s holds is no https URL", s), advice))
	}
}

// Warnings returns what works and yet may surprise.
func (c *Config) Warnings() []Problem {
	k := &checker{document: c.doc.again(), cfg: c}
	used := slices.Clone(c.Operators)
	for _, w := range c.Watches {
		used = append(used, w.Notify...)
	}
	for _, r := range c.Routes {
		used = append(used, r.Notify...)
	}
	if len(c.Operators) == 0 && len(c.Notifiers()) > 0 {
		k.fault("operators", "nobody hears when the watching itself is broken", `write operators = ["…"] at the top, with the name of a [[slack]] or [[webhook]]`)
	}
	for i, s := range c.Slacks {
		k.table("slack", i, s.Name)
		k.idle(s.Name, used)
		if s.Token.IsSet() && !channelID(s.Channel) {
			k.fault("channel", quote(s.Channel)+" is a channel's name", "write its ID, such as C0123456789: Slack takes no files, and so no long diffs, under a name")
		}
	}
	for i, w := range c.Webhooks {
		k.table("webhook", i, w.Name)
		k.idle(w.Name, used)
	}
	k.exposedFiles()
	return k.sorted()
}

// idle warns of a notifier that nothing names.
func (c *checker) idle(name string, used []string) {
	if !slices.Contains(used, name) {
		c.fault("name", "nothing is told through it", "name it in the notify of a watch or a route, or in operators")
	}
}

// channelID reports whether a channel is written as an ID.
func channelID(s string) bool {
	ok, _ := regexp.MatchString(`^[CGD][A-Z0-9]{6,}$`, s)
	return ok
}
