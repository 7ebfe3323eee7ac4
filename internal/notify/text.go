package notify

import (
	"strings"
)

// Words of documents are hostile: they come to break a layout, to hide what they
// say or to wake a channel. They pass through here on their way into a message.

const zeroWidthSpace = "\u200b"

// escape makes s plain characters in text that Slack reads as mrkdwn.
// https://docs.slack.dev/messaging/formatting-message-text/#escaping
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// unlink breaks schemes, names of hosts, mail addresses and handles by a space of
// no width, because Slack may make links and mentions of them by itself. Blocks
// turn that off; the fallback text that stands alone can't be sure of it.
func unlink(s string) string {
	var b strings.Builder
	for i, r := range s {
		if r == '.' && i > 0 || i > 0 && (s[i-1] == '@' || s[i-1] == ':') && r != ' ' {
			b.WriteString(zeroWidthSpace)
		}
		b.WriteRune(r)
	}
	return b.String()
}
