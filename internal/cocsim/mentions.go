package cocsim

import (
	"regexp"
	"slices"
	"strings"
)

// autoPattern matches what Slack links automatically in text that is not marked
// verbatim: addresses, and names after "@" and "#".
// https://docs.slack.dev/reference/block-kit/composition-objects/text-object
const (
	addressPattern = `(?i)\b[a-z][a-z0-9+.-]*://[^\s<>|]+|\bwww\.[^\s<>|]+|\bmailto:[^\s<>|]+`
	namePattern    = `(?:^|[\s(])([@#][\p{L}\p{N}._-]+)`
)

// Mentions returns everything in a message that would be live: mentions, which notify
// people, and links. Tests use it to prove that text from documents stays text. In a
// message with blocks, addresses in its Text are not counted: that text is never shown
// in the channel.
func Mentions(m Message) []string {
	blocks, ok := parseBlocks(m.Blocks)
	l := &live{}
	l.markup(m.Text)
	if !ok || len(blocks) == 0 {
		l.addresses(m.Text)
	}
	if m.Parse == "full" {
		l.names(m.Text)
	}
	for _, b := range blocks {
		l.block(b)
	}
	return l.found
}

// live collects the live parts of a message.
type live struct{ found []string }

func (l *live) markup(s string) {
	l.found = append(l.found, regexp.MustCompile(controlPattern).FindAllString(s, -1)...)
}

func (l *live) addresses(s string) {
	s = regexp.MustCompile(controlPattern).ReplaceAllString(s, " ") // counted as markup
	l.found = append(l.found, regexp.MustCompile(addressPattern).FindAllString(s, -1)...)
}

func (l *live) names(s string) {
	for _, m := range regexp.MustCompile(namePattern).FindAllStringSubmatch(s, -1) {
		l.found = append(l.found, m[1])
	}
}

func (l *live) block(b block) {
	switch b.Type {
	case "markdown":
		s := b.words()
		l.markup(s)
		l.addresses(s)
		l.names(s)
	case "rich_text":
		l.rich(b.Elements)
	default:
		l.text(b.Text)
		for _, e := range slices.Concat(b.Fields, b.Elements) {
			l.element(&e)
		}
		l.element(b.Side)
	}
}

// element is for text objects, images and buttons.
func (l *live) element(e *block) {
	if e != nil && e.Type == "button" && e.URL != "" {
		l.found = append(l.found, e.URL)
	}
	l.text(e)
}

// text checks a text object; only mrkdwn can be live.
func (l *live) text(t *block) {
	if t == nil || t.Type != "mrkdwn" {
		return
	}
	l.markup(t.words())
	if t.Verbatim == nil || !*t.Verbatim {
		l.addresses(t.words())
		l.names(t.words())
	}
}

// rich checks for elements that are live by their type. Text in them never is.
func (l *live) rich(elements []block) {
	for _, e := range elements {
		switch {
		case e.Type == "link":
			l.found = append(l.found, e.URL)
		case e.Type == "user", e.Type == "usergroup", e.Type == "channel", e.Type == "broadcast", e.Type == "team":
			l.found = append(l.found, "@"+e.UserID+e.GroupID+e.Channel+e.Range+e.TeamID)
		case strings.HasPrefix(e.Type, "rich_text_"):
			l.rich(e.Elements)
		}
	}
}
