package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cocsync/internal/coc"

	"cocsync/internal/schedule"
)

func (c *checker) slack(s Slack) {
	switch {
	case s.Token.IsSet() && s.Webhook.IsSet():
		c.fault("webhook", "token and webhook are both given", "keep one of them")
	case s.Token.IsSet() && s.Channel == "":
		c.fault("channel", "it has no channel", "write the ID of the channel, such as C0123456789")
	case s.Webhook.IsSet() && s.Channel != "":
		c.fault("channel", "a webhook posts into its own channel", "leave channel out, or use a token")
	case !s.Token.IsSet() && !s.Webhook.IsSet() && !c.bad[join(c.at, "webhook")]:
		c.fault("token", "it has neither token nor webhook", `write token = "env:SLACK_BOT_TOKEN" or webhook = "env:SLACK_WEBHOOK_URL"`)
	}
	if strings.ContainsFunc(s.Channel, unprintable) {
		c.fault("channel", quote(s.Channel)+" is no channel", "write the ID of the channel, such as C0123456789")
	}
	c.secret("token", s.Token)
	if s.Token.plain() {
		c.wrong("token", checkBot(s.Token, s.Token.ref))
	}
	c.secret("webhook", s.Webhook)
	c.telling(s.Kinds, s.Detail, s.Mask, s.IgnorePaths)
	c.wrong("api_url", checkURL(s.APIURL))
	if s.DigestOver < 1 {
		c.fault("digest_over", fmt.Sprintf("digest_over is %d", s.DigestOver), "write a number, 1 or more")
	}
	_, err := s.ThreadFor()
	c.wrong("thread", err)
	_, err = schedule.Zone(s.Timezone)
	c.wrong("timezone", err)
	_, _, err = quietHours(s.QuietHours)
	c.wrong("quiet_hours", err)
	c.kinds("quiet_except", s.QuietExcept)
}

// telling checks what all sorts of notifiers have.
func (c *checker) telling(kinds []coc.Kind, detail string, mask, ignorePaths []string) {
	if len(kinds) == 0 {
		c.fault("kinds", "kinds is empty: it would tell nothing", "leave it out, or choose from "+knownKinds())
	}
	c.kinds("kinds", kinds)
	if details := []string{"full", "outline", "name"}; !slices.Contains(details, detail) {
		c.fault("detail", "unknown detail "+quote(detail), "it is one of "+strings.Join(details, ", "))
	}
	for i, m := range mask {
		if _, err := regexp.Compile(m); err != nil || m == "" {
			c.fault(fmt.Sprintf("mask[%d]", i), "mask: "+quote(m)+" is no pattern", "see https://github.com/google/re2/wiki/Syntax")
		}
	}
	c.patterns("ignore_paths", ignorePaths, pathAdvice)
}

// kinds checks a list of kinds of change.
func (c *checker) kinds(key string, list []coc.Kind) {
	for i, k := range list {
		if !slices.Contains(coc.Kinds, k) {
			c.fault(fmt.Sprintf("%s[%d]", key, i), "unknown kind "+quote(string(k)), "known are "+knownKinds())
		}
	}
}

func knownKinds() string {
	var known []string
	for _, k := range coc.Kinds {
		known = append(known, string(k))
	}
	return strings.Join(known, ", ")
}

const pathAdvice = "write a path as `cocsync log --path` takes it, such as steps[*].inputs.timeout, or leave it out"

// patterns checks a list of patterns in which only * is special: each fits
// something unless it is empty.
func (c *checker) patterns(key string, list []string, advice string) {
	for i, p := range list {
		if strings.TrimSpace(p) == "" {
			c.fault(fmt.Sprintf("%s[%d]", key, i), key+" holds an empty pattern", advice)
		}
	}
}
