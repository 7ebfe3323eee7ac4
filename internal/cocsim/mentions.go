package cocsim

import (
	"regexp"
	"strings"
)

// What Slack links automatically in a text: addresses, and with parse=full names after
// "@" and "#". https://docs.slack.dev/reference/block-kit/composition-objects/text-object
const (
	addressPattern = `(?i)\b[a-z][a-z0-9+.-]*://[^\s<>|]+|\bwww\.[^\s<>|]+|\bmailto:[^\s<>|]+`
	namePattern    = `(?:^|[\s(])([@#][\p{L}\p{N}._-]+)`
)

// Mentions returns everything in a message that would be live: mentions, which notify
// people, and links. Tests use it to prove that text from documents stays text. In a
// message with blocks, addresses in its Text are not counted: that text is never shown
// in the channel.
func Mentions(m Message) []string {
	control := regexp.MustCompile(controlPattern)
	found := control.FindAllString(m.Text, -1)
	blocks, ok := parseBlocks(m.Blocks)
	if !ok || len(blocks) == 0 {
		text := control.ReplaceAllString(m.Text, " ") // found already
		found = append(found, regexp.MustCompile(addressPattern).FindAllString(text, -1)...)
	}
	if m.Parse == "full" {
		for _, name := range regexp.MustCompile(namePattern).FindAllStringSubmatch(m.Text, -1) {
			found = append(found, name[1])
		}
	}
	return append(found, liveElements(blocks)...)
}

// liveElements returns the elements that are live by their type. Text in blocks never is:
// the fake accepts no mrkdwn.
func liveElements(elements []block) (found []string) {
	for _, e := range elements {
		switch {
		case e.Type == "link":
			found = append(found, e.URL)
		case e.Type == "user", e.Type == "usergroup":
			found = append(found, "@"+e.UserID+e.GroupID)
		case strings.HasPrefix(e.Type, "rich_text"):
			found = append(found, liveElements(e.Elements)...)
		}
	}
	return found
}
