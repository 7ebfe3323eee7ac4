package config

import (
	"fmt"
	"regexp"
	"slices"

	"cocsync/internal/hint"
)

// CheckSecrets reads every secret and returns what is wrong with them. It is
// apart from Load because offline commands need no secret; their values are in
// no problem.
func (c *Config) CheckSecrets() []Problem {
	k := &checker{document: c.doc.again(), cfg: c}
	for i, a := range c.Accounts {
		k.table("account", i, a.Name)
		k.readable("access_key", a.AccessKey)
		k.readable("secret_key", a.SecretKey)
		k.readable("security_token", a.SecurityToken)
	}
	for i, s := range c.Slacks {
		k.table("slack", i, s.Name)
		k.readable("token", s.Token)
		if k.readable("webhook", s.Webhook) && s.Webhook.IsSet() {
			k.address("webhook", s.Webhook, checkURL, "copy the webhook's URL from Slack: https://hooks.slack.com/services/…")
		}
	}
	for i, w := range c.Webhooks {
		k.table("webhook", i, w.Name)
		if k.readable("url", w.URL) && w.URL.IsSet() {
			k.address("url", w.URL, checkTarget, urlAdvice)
		}
		if k.readable("secret", w.Secret) {
			_, err := w.Key()
			k.wrong("secret", err)
		}
	}
	k.checkWeb(c.Web)
	return k.sorted()
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
