package config

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// Notifier is what all kinds of notifiers have.
type Notifier struct {
	Name   string     `toml:"name"`
	Kinds  []coc.Kind `toml:"kinds"`
	Detail string     `toml:"detail"` // full, outline, name
	Mask   []string   `toml:"mask"`   // see Masks
	// IgnorePaths are patterns of paths in the DSL. A change of nothing else is not
	// sent; with IgnoreFormatting neither is a change of formatting only.
	IgnorePaths      []string `toml:"ignore_paths"`
	IgnoreFormatting bool     `toml:"ignore_formatting"`
}

// Slack is a notifier: one channel and what is sent to it.
type Slack struct {
	Notifier
	Token      Secret `toml:"token"` // of a bot; or
	Webhook    Secret `toml:"webhook"`
	Channel    string `toml:"channel"` // where a bot posts
	APIURL     string `toml:"api_url"`
	DigestOver int    `toml:"digest_over"`
	Thread     string `toml:"thread"`      // see ThreadFor
	QuietHours string `toml:"quiet_hours"` // see Quiet
	Timezone   string `toml:"timezone"`    // of the quiet hours
	// QuietExcept are the kinds that are sent in quiet hours too.
	QuietExcept []coc.Kind `toml:"quiet_except"`
	// Checkpoints is when the signed heads of the logs are sent: daily, never.
	Checkpoints string `toml:"checkpoints"`
}

// Webhook is a notifier: a receiver of signed requests as in
// https://www.standardwebhooks.com.
type Webhook struct {
	Notifier
	URL    Secret `toml:"url"`    // a literal one may be in a file that others can read
	Secret Secret `toml:"secret"` // see Key
}

// Route says where some changes go, and whom they mention. A change matches a route if
// it matches each list that is not empty, and a list if it matches any of its elements.
type Route struct {
	Names      []string   `toml:"names"` // of the document; only * is special
	Kinds      []coc.Kind `toml:"kinds"`
	RiskLevels []string   `toml:"risk_levels"` // in upper or lower case
	Paths      []string   `toml:"paths"`       // see coc.PathFits
	Tasks      []string   `toml:"tasks"`       // see coc.TaskFits
	Notify     []string   `toml:"notify"`      // empty: the watch's own
	Mention    []string   `toml:"mention"`     // IDs in Slack: U… and W… are people, S… user groups
	Continue   bool       `toml:"continue"`    // the following routes apply too
}

// Person is a user of COC.
type Person struct {
	Name  string `toml:"name"`
	Slack string `toml:"slack"` // U… or W…; "" if unknown
}

// defaultKinds leave withdrawn out: COC keeps 100 versions of a document, so each new
// version of a document with 100 would send an alert.
func defaultKinds() []coc.Kind {
	return []coc.Kind{coc.KindNew, coc.KindVersion, coc.KindRewritten, coc.KindMetadata, coc.KindDeleted, coc.KindRestored}
}

func defaultSlack() Slack {
	return Slack{
		Notifier: Notifier{Kinds: defaultKinds(), Detail: "full"}, APIURL: "https://slack.com/api/", DigestOver: 10, Thread: "1d",
		Timezone: "UTC", QuietExcept: []coc.Kind{coc.KindRewritten, coc.KindDeleted}, Checkpoints: "daily",
	}
}

func defaultWebhook() Webhook {
	return Webhook{Notifier: Notifier{Kinds: defaultKinds(), Detail: "full"}}
}

// Notifiers returns the names of all notifiers: slacks, then webhooks, each in
// the order of the file.
func (c *Config) Notifiers() []string {
	var names []string
	for _, s := range c.Slacks {
		names = append(names, s.Name)
	}
	for _, w := range c.Webhooks {
		names = append(names, w.Name)
	}
	return names
}

// DailyCheckpoints returns the names of the notifiers that are sent the signed heads of the logs daily.
func (c *Config) DailyCheckpoints() (names []string) {
	for _, s := range c.Slacks {
		if s.Checkpoints == "daily" {
			names = append(names, s.Name)
		}
	}
	return names
}

// BotToken reads the token and rejects one that is not a bot's: with the token of a
// person cocsync would post as that person and could read what the person reads. No
// error shows the token.
func (s Slack) BotToken() (string, error) {
	token, err := s.Token.Value()
	if err == nil {
		err = checkBot(s.Token, token)
	}
	if err != nil {
		return "", err
	}
	return token, nil
}

// checkBot rejects a token by its prefix: https://docs.slack.dev/authentication/tokens
func checkBot(s Secret, token string) error {
	const advice = "give cocsync the Bot User OAuth Token (xoxb-…) of the app's page OAuth & Permissions"
	switch {
	case strings.HasPrefix(token, "xoxp-"), strings.HasPrefix(token, "xoxe.xoxp-"):
		return hint.Wrap(fmt.Errorf("%s is a person's token (xoxp-), not a bot's", s.subject()), advice)
	case strings.HasPrefix(token, "xapp-"):
		return hint.Wrap(fmt.Errorf("%s is an app-level token (xapp-), not a bot's", s.subject()), advice)
	}
	return nil
}

// Masks returns the patterns whose matches are never sent.
func (n Notifier) Masks() ([]*regexp.Regexp, error) {
	var list []*regexp.Regexp
	for _, m := range n.Mask {
		re, err := regexp.Compile(m)
		if err != nil {
			return nil, fmt.Errorf("notifier %q: mask: %w", n.Name, err)
		}
		list = append(list, re)
	}
	return list, nil
}

// A key of Standard Webhooks has 24 to 64 bytes:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
const (
	keyPrefix      = "whsec_"
	minKey, maxKey = 24, 64
	keyAdvice      = `it is 24 to 64 bytes in base64, usually with the prefix "whsec_"; the receiver provides it, ` +
		`or make one: echo "whsec_$(openssl rand -base64 32)"`
)

// Key reads the signing secret and returns the bytes to sign with. As in the official
// libraries the prefix is optional. No error shows the secret.
func (w Webhook) Key() ([]byte, error) {
	text, err := w.Secret.Value()
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, keyPrefix))
	if err != nil || len(key) < minKey || len(key) > maxKey {
		return nil, hint.Wrap(fmt.Errorf("%s is not a valid signing secret", w.Secret.subject()), keyAdvice)
	}
	return key, nil
}
