package config

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// Slack is a notifier: one channel and how it wants to be told.
type Slack struct {
	Name       string     `toml:"name"`
	Token      Secret     `toml:"token"` // of a bot; or
	Webhook    Secret     `toml:"webhook"`
	Channel    string     `toml:"channel"` // where a bot posts
	Kinds      []coc.Kind `toml:"kinds"`
	Detail     string     `toml:"detail"` // full, outline, name
	Mask       []string   `toml:"mask"`   // see Masks
	APIURL     string     `toml:"api_url"`
	DigestOver int        `toml:"digest_over"`
	Thread     string     `toml:"thread"` // see ThreadFor
	// IgnorePaths are patterns of paths in the DSL; a change of nothing else is
	// not told. Nor is one of formatting alone with IgnoreFormatting.
	IgnorePaths      []string `toml:"ignore_paths"`
	IgnoreFormatting bool     `toml:"ignore_formatting"`
	QuietHours       string   `toml:"quiet_hours"` // see Quiet
	Timezone         string   `toml:"timezone"`    // of the quiet hours
	// QuietExcept are the kinds that are told in quiet hours too.
	QuietExcept []coc.Kind `toml:"quiet_except"`
}

// Webhook is a notifier: a receiver of signed requests, as
// https://www.standardwebhooks.com has them.
type Webhook struct {
	Name             string     `toml:"name"`
	URL              Secret     `toml:"url"`    // written plainly, it is taken from any file
	Secret           Secret     `toml:"secret"` // see Key
	Kinds            []coc.Kind `toml:"kinds"`
	Detail           string     `toml:"detail"` // full, outline, name
	Mask             []string   `toml:"mask"`   // see Masks
	IgnorePaths      []string   `toml:"ignore_paths"`
	IgnoreFormatting bool       `toml:"ignore_formatting"`
}

// defaultKinds leave withdrawn out: COC keeps 100 versions of a document, and
// then each new one would alarm.
func defaultKinds() []coc.Kind {
	return []coc.Kind{coc.KindNew, coc.KindVersion, coc.KindRewritten, coc.KindMetadata, coc.KindDeleted, coc.KindRestored}
}

func defaultSlack() Slack {
	return Slack{
		Kinds: defaultKinds(), Detail: "full", APIURL: "https://slack.com/api/", DigestOver: 10, Thread: "1d",
		Timezone: "UTC", QuietExcept: []coc.Kind{coc.KindRewritten, coc.KindDeleted},
	}
}

func defaultWebhook() Webhook { return Webhook{Kinds: defaultKinds(), Detail: "full"} }

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

// BotToken reads the token and refuses one that is not a bot's: with the token of a
// person cocsync would post as that person and could read what the person reads. The
// token is in no error.
func (s Slack) BotToken() (string, error) {
	token, err := s.Token.Value()
	if err != nil {
		return "", err
	}
	if err := checkBot(s.Token, token); err != nil {
		return "", err
	}
	return token, nil
}

// checkBot refuses a token by its prefix: https://docs.slack.dev/authentication/tokens
func checkBot(s Secret, token string) error {
	const advice = "give cocsync the Bot User OAuth Token (xoxb-…) of the app's page OAuth & Permissions"
	what := "this"
	if s.IsSet() && !s.plain() {
		what = "what " + s.String() + " holds"
	}
	switch {
	case strings.HasPrefix(token, "xoxp-"), strings.HasPrefix(token, "xoxe.xoxp-"):
		return hint.Wrap(fmt.Errorf("%s is a person's token (xoxp-), not a bot's", what), advice)
	case strings.HasPrefix(token, "xapp-"):
		return hint.Wrap(fmt.Errorf("%s is an app-level token (xapp-), not a bot's", what), advice)
	}
	return nil
}

// Masks returns the patterns whose matches never leave for chat.
func (s Slack) Masks() ([]*regexp.Regexp, error) { return masks("slack", s.Name, s.Mask) }

// Masks returns the patterns whose matches never leave for the receiver.
func (w Webhook) Masks() ([]*regexp.Regexp, error) { return masks("webhook", w.Name, w.Mask) }

func masks(kind, name string, patterns []string) ([]*regexp.Regexp, error) {
	var list []*regexp.Regexp
	for _, m := range patterns {
		re, err := regexp.Compile(m)
		if err != nil {
			return nil, fmt.Errorf("%s %q: mask: %w", kind, name, err)
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
	keyAdvice      = `it is 24 to 64 bytes in base64, usually with "whsec_" before it; the receiver gives it out, or make one: echo "whsec_$(openssl rand -base64 32)"`
)

// Key reads the signing secret and returns the bytes to sign with. As in the official
// libraries the prefix may be missing. The secret is in no error.
func (w Webhook) Key() ([]byte, error) {
	text, err := w.Secret.Value()
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, keyPrefix))
	if err != nil || len(key) < minKey || len(key) > maxKey {
		what := "this"
		if w.Secret.IsSet() && !w.Secret.plain() {
			what = fmt.Sprintf("what %s holds", w.Secret)
		}
		return nil, hint.Wrap(fmt.Errorf("%s is no signing secret", what), keyAdvice)
	}
	return key, nil
}
