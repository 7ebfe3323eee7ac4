package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cocsync/internal/coc"
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
	c.secret("webhook", s.Webhook)
	c.kinds(s)
	if details := []string{"full", "outline", "name"}; !slices.Contains(details, s.Detail) {
		c.fault("detail", "unknown detail "+quote(s.Detail), "it is one of "+strings.Join(details, ", "))
	}
	for i, m := range s.Mask {
		if _, err := regexp.Compile(m); err != nil || m == "" {
			c.fault(fmt.Sprintf("mask[%d]", i), "mask: "+quote(m)+" is no pattern", "see https://github.com/google/re2/wiki/Syntax")
		}
	}
	c.wrong("api_url", checkURL(s.APIURL))
	if s.DigestOver < 1 {
		c.fault("digest_over", fmt.Sprintf("digest_over is %d", s.DigestOver), "write a number, 1 or more")
	}
}

func (c *checker) kinds(s Slack) {
	var known []string
	for _, k := range coc.Kinds {
		known = append(known, string(k))
	}
	if len(s.Kinds) == 0 {
		c.fault("kinds", "kinds is empty: it would tell nothing", "leave it out, or choose from "+strings.Join(known, ", "))
	}
	for i, k := range s.Kinds {
		if !slices.Contains(known, string(k)) {
			c.fault(fmt.Sprintf("kinds[%d]", i), "unknown kind "+quote(string(k)), "known are "+strings.Join(known, ", "))
		}
	}
}
