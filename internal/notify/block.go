package notify

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
	"unicode/utf16"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

const (
	// https://docs.slack.dev/reference/block-kit/blocks/header-block/
	maxHeader = 150
	// maxBlocks bounds all blocks of a message, counted as their JSON, which is longer
	// than any count that Slack may use. The limit is not documented: 13,200 characters
	// were refused, and rich text of 11,341.
	// https://github.com/slackapi/bolt-js/issues/2509
	// https://github.com/slackapi/bolt-js/issues/2867
	maxBlocks = 10_000
	// maxText bounds the fallback text; Slack recommends at most 4,000.
	// https://docs.slack.dev/reference/methods/chat.postMessage/#truncating
	maxText = 3_000
)

// block is a Block Kit block, or an element of one, as far as messages need it: none is
// mrkdwn, so only the configuration can add links and mentions.
type block struct {
	Type     string  `json:"type"`
	Text     any     `json:"text,omitempty"` // a block in a header, else a string
	Elements []block `json:"elements,omitempty"`
	Style    any     `json:"style,omitempty"` // a string in a list, a style in a text
	Emoji    *bool   `json:"emoji,omitempty"`

	// Of a link and of mentions.
	URL     string `json:"url,omitempty"`
	UserID  string `json:"user_id,omitempty"`
	GroupID string `json:"usergroup_id,omitempty"`

	// Of a date.
	Timestamp int64  `json:"timestamp,omitempty"`
	Format    string `json:"format,omitempty"`
	Fallback  string `json:"fallback,omitempty"`
}

type style struct {
	Bold bool `json:"bold,omitempty"`
	Code bool `json:"code,omitempty"`
}

// plain is text that Slack shows unchanged: no markup, no links, no emoji.
func plain(s string) block {
	off := false
	return block{Type: "plain_text", Text: s, Emoji: &off}
}

func header(s string) block {
	return block{Type: "header", Text: plain(text.Truncate(s, maxHeader))}
}

// footer is the small print below a message.
func footer(elements ...block) block {
	return block{Type: "context", Elements: elements}
}

// dateBlock is a time in the reader's time zone, a piece of rich text.
// https://docs.slack.dev/reference/block-kit/blocks/rich-text-block/#date-element-type
func dateBlock(t time.Time) block {
	return block{Type: "date", Timestamp: t.Unix(), Format: "{date_short_pretty} {time}", Fallback: utc(t)}
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// span is a piece of rich text, which Slack shows unchanged.
func span(s string) block { return block{Type: "text", Text: s} }

func bold(s string) block {
	return block{Type: "text", Text: s, Style: style{Bold: true}}
}

func code(s string) block {
	return block{Type: "text", Text: s, Style: style{Code: true}}
}

// link links to an address from the configuration.
func link(address, text string) block { return block{Type: "link", URL: address, Text: text} }

// mention notifies a person or a group, by its id in Slack.
func mention(id string) block {
	if strings.HasPrefix(id, "S") {
		return block{Type: "usergroup", GroupID: id}
	}
	return block{Type: "user", UserID: id}
}

// maxMentions bounds the mentions in one message.
const maxMentions = 20

// mentionBlocks is the list of mentions below a message; nil for none.
func mentionBlocks(ids []string) (pieces []block) {
	for _, id := range ids[:min(len(ids), maxMentions)] {
		pieces = append(pieces, span(" "), mention(id))
	}
	if len(pieces) > 0 {
		pieces = append([]block{span("cc")}, pieces...)
	}
	return pieces
}

// rich makes a rich_text block of sections, lists and preformatted parts.
func rich(parts ...block) block { return block{Type: "rich_text", Elements: parts} }

// paragraph is a section of rich text. Slack refuses empty pieces; adjacent pieces of one
// style are joined.
func paragraph(pieces ...block) block {
	var list []block
	for _, p := range pieces {
		if p.Type == "text" && p.Text == "" {
			continue
		}
		if n := len(list); n > 0 && p.Type == "text" && list[n-1].Type == "text" && p.Style == list[n-1].Style {
			list[n-1].Text = list[n-1].Text.(string) + p.Text.(string)
			continue
		}
		list = append(list, p)
	}
	return block{Type: "rich_text_section", Elements: list}
}

func bullets(items ...block) block {
	return block{Type: "rich_text_list", Style: "bullet", Elements: items}
}

func preformatted(lines []string) block {
	return block{Type: "rich_text_preformatted", Elements: []block{span(strings.Join(lines, "\n"))}}
}

// weight is the size of v that counts towards maxBlocks.
func weight(v any) int {
	b, err := json.Marshal(v)
	if err != nil {
		return maxBlocks // it cannot be encoded
	}
	return len(utf16.Encode([]rune(string(b))))
}

// fitting returns how many of the first parts, at most limit, have a size of at most left
// together.
func fitting[T any](parts []T, limit, left int, size func(any) int) (n int) {
	for ; n < min(len(parts), limit); n++ {
		if left -= size(parts[n]); left < 0 {
			break
		}
	}
	return n
}

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

// Links are templates of addresses that a message links to. {account}, {document_id},
// {name}, {version} and {change} are replaced by the change's. An empty template makes no
// link.
type Links struct {
	Page    string            // of a change on a web page
	Console map[string]string // of a document in COC's console, by account
}

// of returns the links for one change, as pieces of rich text.
func (l Links) of(c *coc.Change) (pieces []block) {
	for _, to := range []struct{ template, text string }{{l.Page, "Open the change"}, {l.Console[c.Account], "Open in COC"}} {
		address := fill(to.template, c)
		if address == "" {
			continue
		}
		if len(pieces) > 0 {
			pieces = append(pieces, span(" · "))
		}
		pieces = append(pieces, link(address, to.text))
	}
	return pieces
}

// maxLink bounds an address. https://docs.slack.dev/reference/block-kit/blocks/rich-text-block/
const maxLink = 2_000

// fill fills a template for a change. Values from COC are escaped, so that they
// cannot change where it leads. An address that is too long is omitted.
func fill(template string, c *coc.Change) string {
	if template == "" {
		return ""
	}
	version, _, _ := strings.Cut(c.Version, "#")
	address := strings.NewReplacer("{account}", escapeURL(c.Account), "{document_id}", escapeURL(c.DocumentID),
		"{name}", escapeURL(c.Name), "{version}", escapeURL(version), "{change}",
		strings.ReplaceAll(escapeURL(c.Ref), "%2F", "/")).Replace(template)
	if len(address) > maxLink {
		return ""
	}
	return address
}

// escapeURL escapes s as one part of a path or one value of a query.
func escapeURL(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
