package cocsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Slack's limits on blocks, from https://docs.slack.dev/reference/block-kit/blocks
// unless another source is named.
const (
	maxBlocks          = 50
	maxHeader          = 150
	maxSectionText     = 3000
	maxFields          = 10
	maxField           = 2000
	maxContextElements = 10
	maxMarkdown        = 12_000 // all markdown blocks together
	maxBlockID         = 255
	maxButtonText      = 75
	maxURL             = 3000
	// Over all blocks together; not documented:
	// https://github.com/slackapi/bolt-js/issues/2509.
	maxBlocksText = 13_200
	// With rich text among them the limit was lower:
	// https://github.com/slackapi/bolt-js/issues/2867 reports 11,341 refused.
	maxRichBlocksText = 11_340
)

// block is a block of any type, an element of one, a text object, or a string.
type block struct {
	Type     string          `json:"type"`
	BlockID  string          `json:"block_id"`
	Text     *block          `json:"text"` // a text object, or a string
	Fields   []block         `json:"fields"`
	Elements []block         `json:"elements"`
	Side     *block          `json:"accessory"`
	ImageURL string          `json:"image_url"`
	AltText  string          `json:"alt_text"`
	URL      string          `json:"url"`
	ActionID string          `json:"action_id"`
	Name     string          `json:"name"`
	Range    string          `json:"range"`
	UserID   string          `json:"user_id"`
	GroupID  string          `json:"usergroup_id"`
	Channel  string          `json:"channel_id"`
	TeamID   string          `json:"team_id"`
	Style    json.RawMessage `json:"style"` // a string for a list, an object for others
	Indent   int             `json:"indent"`
	Time     int64           `json:"timestamp"`
	Fallback string          `json:"fallback"`
	Emoji    *bool           `json:"emoji"`    // of a text object
	Verbatim *bool           `json:"verbatim"` // of a text object

	bare *string // of a string
}

// UnmarshalJSON parses an object or a string.
func (b *block) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		return json.Unmarshal(raw, &b.bare)
	}
	type object block
	return json.Unmarshal(raw, (*object)(b))
}

// words returns the text of a text object or of a rich text element, "" if it has none.
func (b *block) words() string {
	if b == nil || b.Text == nil || b.Text.bare == nil {
		return ""
	}
	return *b.Text.bare
}

// parseBlocks parses a JSON array of blocks.
func parseBlocks(raw []byte) ([]block, bool) {
	var blocks []block
	if len(raw) == 0 {
		return nil, true
	}
	ok := json.Unmarshal(raw, &blocks) == nil
	return blocks, ok && !slices.ContainsFunc(blocks, func(b block) bool { return b.bare != nil })
}

// checker collects what Slack would refuse.
type checker struct {
	why      []string
	chars    int // of all text
	markdown int // of markdown blocks
	rich     bool
}

// checkBlocks returns Slack's error word for blocks that it refuses, with
// explanations; "" if it accepts them.
func checkBlocks(raw []byte) (word string, why []string) {
	blocks, ok := parseBlocks(raw)
	if !ok || !utf8.Valid(raw) {
		return "invalid_blocks_format", nil
	}
	c := &checker{}
	if len(blocks) > maxBlocks {
		c.fault("/blocks", "no more than %d items allowed", maxBlocks)
	}
	ids := map[string]bool{}
	for i, b := range blocks {
		at := fmt.Sprintf("/blocks/%d", i)
		if b.BlockID != "" {
			if ids[b.BlockID] {
				c.fault(at+"/block_id", "block_id already exists: %s", b.BlockID)
			}
			ids[b.BlockID] = true
		}
		c.length(at+"/block_id", b.BlockID, 0, maxBlockID)
		c.block(at, b)
	}
	limit := maxBlocksText
	if c.rich {
		limit = maxRichBlocksText
	}
	switch {
	case len(c.why) > 0:
		return "invalid_blocks", c.why
	case c.chars > limit, c.markdown > maxMarkdown:
		return "msg_blocks_too_long", nil
	}
	return "", nil
}

func (c *checker) fault(at, format string, args ...any) {
	c.why = append(c.why, fmt.Sprintf("[ERROR] %s [json-pointer:%s]", fmt.Sprintf(format, args...), at))
}

// length checks a string's length in characters.
func (c *checker) length(at, s string, least, most int) {
	switch n := utf8.RuneCountInString(s); {
	case n < least:
		c.fault(at, "must be more than %d characters", least-1)
	case n > most:
		c.fault(at, "must be less than %d characters", most+1)
	}
}

func (c *checker) block(at string, b block) {
	switch b.Type {
	case "divider":
	case "header":
		c.text(at+"/text", b.Text, maxHeader, "plain_text")
	case "section":
		c.section(at, b)
	case "context":
		c.count(at+"/elements", len(b.Elements), maxContextElements)
		for i, e := range b.Elements {
			at := fmt.Sprintf("%s/elements/%d", at, i)
			if e.Type == "image" {
				c.image(at, e)
			} else {
				c.text(at, &e, maxSectionText, "plain_text", "mrkdwn")
			}
		}
	case "actions":
		c.count(at+"/elements", len(b.Elements), 25)
		for i, e := range b.Elements {
			c.button(fmt.Sprintf("%s/elements/%d", at, i), e)
		}
	case "image":
		c.image(at, b)
	case "markdown":
		s := b.words()
		c.length(at+"/text", s, 1, maxMarkdown)
		c.chars += utf8.RuneCountInString(s)
		c.markdown += utf8.RuneCountInString(s)
	case "rich_text":
		c.rich = true
		c.count(at+"/elements", len(b.Elements), 1000)
		c.richText(at, b.Elements, "rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
	default:
		c.fault(at, "unsupported type: %s", b.Type)
	}
}

func (c *checker) count(at string, n, most int) {
	switch {
	case n == 0:
		c.fault(at, "no less than 1 items allowed")
	case n > most:
		c.fault(at, "no more than %d items allowed", most)
	}
}

func (c *checker) section(at string, b block) {
	if b.Text == nil && len(b.Fields) == 0 {
		c.fault(at, "missing required field: text or fields")
	}
	if b.Text != nil {
		c.text(at+"/text", b.Text, maxSectionText, "plain_text", "mrkdwn")
	}
	if len(b.Fields) > maxFields {
		c.fault(at+"/fields", "no more than %d items allowed", maxFields)
	}
	for i, f := range b.Fields {
		c.text(fmt.Sprintf("%s/fields/%d", at, i), &f, maxField, "plain_text", "mrkdwn")
	}
	if b.Side != nil {
		c.button(at+"/accessory", *b.Side)
	}
}

// text checks a text object of one of some types.
func (c *checker) text(at string, t *block, most int, types ...string) {
	switch {
	case t == nil, t.Text == nil, t.Text.bare == nil:
		c.fault(at, "must be a valid text object")
		return
	case !slices.Contains(types, t.Type):
		c.fault(at+"/type", "must be one of %s", strings.Join(types, ", "))
	case t.Type == "mrkdwn" && t.Emoji != nil:
		c.fault(at, "invalid additional property: emoji")
	case t.Type == "plain_text" && t.Verbatim != nil:
		c.fault(at, "invalid additional property: verbatim")
	}
	c.length(at+"/text", t.words(), 1, most)
	c.chars += utf8.RuneCountInString(t.words())
}

func (c *checker) image(at string, b block) {
	c.length(at+"/image_url", b.ImageURL, 1, maxURL)
	c.length(at+"/alt_text", b.AltText, 1, 2000)
}

// button checks the only modelled interactive element.
func (c *checker) button(at string, e block) {
	if e.Type != "button" {
		c.fault(at, "unsupported type: %s", e.Type)
		return
	}
	c.text(at+"/text", e.Text, maxButtonText, "plain_text")
	c.length(at+"/url", e.URL, 0, maxURL)
	c.length(at+"/action_id", e.ActionID, 0, 255)
}

// richText checks the elements of a rich text, or of a part of one.
func (c *checker) richText(at string, elements []block, types ...string) {
	for i, e := range elements {
		at := fmt.Sprintf("%s/elements/%d", at, i)
		if !slices.Contains(types, e.Type) {
			c.fault(at, "unsupported type: %s", e.Type)
			continue
		}
		switch e.Type {
		case "rich_text_list":
			c.richText(at, e.Elements, "rich_text_section")
		case "rich_text_preformatted":
			c.richText(at, e.Elements, "text", "link")
		case "rich_text_section", "rich_text_quote":
			c.richText(at, e.Elements, "text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "color", "date", "team")
		case "text":
			c.length(at+"/text", e.words(), 1, maxBlocksText)
			c.chars += utf8.RuneCountInString(e.words())
		case "link":
			c.length(at+"/url", e.URL, 1, maxURL)
			c.chars += utf8.RuneCountInString(e.words())
		}
	}
}
