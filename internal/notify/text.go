package notify

import "strings"

// Texts of documents are hostile: they may break a layout, hide text or mention a whole
// channel. These functions make them harmless.

const zeroWidthSpace = "\u200b"

// escape escapes s for text that Slack reads as mrkdwn.
// https://docs.slack.dev/messaging/formatting-message-text/#escaping
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// unlink breaks schemes, host names, mail addresses and handles with zero-width spaces,
// because Slack may turn them into links and mentions. Blocks prevent that; fallback text
// does not.
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
