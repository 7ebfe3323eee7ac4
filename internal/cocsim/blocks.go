package cocsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Slack's limits on blocks, from https://docs.slack.dev/reference/block-kit/blocks
// unless another source is named.
const (
	maxBlocks          = 50
	maxHeader          = 150
	maxContextElements = 10
	maxContextText     = 3000
	maxURL             = 3000
	// Over all blocks together; not documented:
	// https://github.com/slackapi/bolt-js/issues/2509.
	maxBlocksText = 13_200
	// With rich text among them the limit was lower:
	// https://github.com/slackapi/bolt-js/issues/2867 reports 11,341 refused.
	maxRichBlocksText = 11_340
)

// block is a block, an element of one, a text object, or a string. The fake accepts the
// types that cocsync sends, header, context and rich_text, and refuses all others.
type block struct {
	Type     string  `json:"type"`
	Text     *block  `json:"text"` // a text object, or a string
	Elements []block `json:"elements"`
	URL      string  `json:"url"`
	UserID   string  `json:"user_id"`
	GroupID  string  `json:"usergroup_id"`
	Fallback string  `json:"fallback"`

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
	why   []string
	chars int // of all text
	rich  bool
}

// checkBlocks returns Slack's error code for blocks that it refuses, with
// explanations; "" if it accepts them.
func checkBlocks(raw []byte) (code string, why []string) {
	blocks, ok := parseBlocks(raw)
	if !ok || !utf8.Valid(raw) {
		return "invalid_blocks_format", nil
	}
	c := &checker{}
	if len(blocks) > maxBlocks {
		c.fault("/blocks", "no more than %d items allowed", maxBlocks)
	}
	for i, b := range blocks {
		c.block(fmt.Sprintf("/blocks/%d", i), b)
	}
	limit := maxBlocksText
	if c.rich {
		limit = maxRichBlocksText
	}
	switch {
	case len(c.why) > 0:
		return "invalid_blocks", c.why
	case c.chars > limit:
		return "msg_blocks_too_long", nil
	}
	return "", nil
}

func (c *checker) fault(at, format string, args ...any) {
	c.why = append(c.why, fmt.Sprintf("[ERROR] %s [json-pointer:%s]", fmt.Sprintf(format, args...), at))
}

// length checks a string's length in characters.
func (c *checker) length(at, s string, maxLength int) {
	switch n := utf8.RuneCountInString(s); {
	case n < 1:
		c.fault(at, "must be more than 0 characters")
	case n > maxLength:
		c.fault(at, "must be less than %d characters", maxLength+1)
	}
}

// count checks the number of elements.
func (c *checker) count(at string, n, limit int) {
	switch {
	case n == 0:
		c.fault(at, "no less than 1 items allowed")
	case n > limit:
		c.fault(at, "no more than %d items allowed", limit)
	}
}

func (c *checker) block(at string, b block) {
	switch b.Type {
	case "header":
		c.text(at+"/text", b.Text, maxHeader)
	case "context":
		c.count(at+"/elements", len(b.Elements), maxContextElements)
		for i, e := range b.Elements {
			c.text(fmt.Sprintf("%s/elements/%d", at, i), &e, maxContextText)
		}
	case "rich_text":
		c.rich = true
		c.count(at+"/elements", len(b.Elements), 1000)
		c.richText(at, b.Elements, "rich_text_section", "rich_text_list", "rich_text_preformatted")
	default:
		c.fault(at, "unsupported type: %s", b.Type)
	}
}

// text checks a text object in plain text.
func (c *checker) text(at string, t *block, maxLength int) {
	switch {
	case t == nil, t.Text == nil, t.Text.bare == nil:
		c.fault(at, "must be a valid text object")
		return
	case t.Type != "plain_text":
		c.fault(at+"/type", "must be one of plain_text")
	}
	c.length(at+"/text", t.words(), maxLength)
	c.chars += utf8.RuneCountInString(t.words())
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
		case "rich_text_section":
			c.richText(at, e.Elements, "text", "link", "user", "usergroup", "date")
		case "text":
			c.length(at+"/text", e.words(), maxBlocksText)
		case "link":
			c.length(at+"/url", e.URL, maxURL)
		}
		c.chars += utf8.RuneCountInString(e.words())
	}
}
