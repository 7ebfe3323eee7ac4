package notify

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words of documents are hostile: they come to break a layout, to hide what they
// say or to wake a channel. They pass through here on their way into a message.

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
	zeroWidthSpace     = "\u200b"
)

// visible shows what a chat would obey or hide: control characters, marks that
// turn the direction of writing, invisible formatting. Tabs and newlines stay;
// joiners stay too, because some scripts and emoji need them.
func visible(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r < ' ':
			b.WriteRune('\u2400' + r) // U+2400 and on are pictures of them
		case r == 0x7f:
			b.WriteRune('\u2421')
		default:
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		}
	}
	return b.String()
}

func hidden(r rune) bool {
	switch r {
	case '\t', '\n', zeroWidthJoiner, zeroWidthNonJoiner:
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
}

// line makes one line of s, visible and of at most limit runes.
func line(s string, limit int) string {
	// Each rune becomes one or more, so what lies beyond the limit can go first.
	s = cut(s, limit)
	s = strings.NewReplacer("\r\n", "␊", "\n", "␊", "\t", " ").Replace(s)
	return cut(strings.TrimSpace(visible(s)), limit)
}

// cut returns at most limit runes of s, the last of them … when some are missing.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	n := 0
	end := 0 // where the rune before the last allowed one ends
	for i := range s {
		if n == limit-1 {
			end = i
		}
		if n == limit {
			return s[:end] + "…"
		}
		n++
	}
	return s
}

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

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
