package cocsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type object = map[string]any

func mrk(s string) object   { return object{"type": "mrkdwn", "text": s} }
func plain(s string) object { return object{"type": "plain_text", "text": s} }

func rich(kind string, texts ...string) object {
	var elements []any
	for _, s := range texts {
		elements = append(elements, object{"type": "text", "text": s})
	}
	return object{"type": "rich_text", "elements": []any{object{"type": kind, "elements": elements}}}
}

func section(s string) object { return object{"type": "section", "text": mrk(s)} }

func many(n int, v any) []any { return slices.Repeat([]any{v}, n) }

// Each limit is accepted and one more is refused.
func TestBlockLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("字", n) }
	for _, tt := range []struct {
		name   string
		blocks []any
		want   string
	}{
		{"50 blocks", many(50, object{"type": "divider"}), ""},
		{"51 blocks", many(51, object{"type": "divider"}), "invalid_blocks"},
		{"section", []any{section(long(3000))}, ""},
		{"section too long", []any{section(long(3001))}, "invalid_blocks"},
		{"section empty", []any{section("")}, "invalid_blocks"},
		{"section without anything", []any{object{"type": "section"}}, "invalid_blocks"},
		{"ten fields", []any{object{"type": "section", "fields": many(10, mrk("x"))}}, ""},
		{"eleven fields", []any{object{"type": "section", "fields": many(11, mrk("x"))}}, "invalid_blocks"},
		{"field", []any{object{"type": "section", "fields": []any{plain(long(2000))}}}, ""},
		{"field too long", []any{object{"type": "section", "fields": []any{plain(long(2001))}}}, "invalid_blocks"},
		{"header", []any{object{"type": "header", "text": plain(long(150))}}, ""},
		{"header too long", []any{object{"type": "header", "text": plain(long(151))}}, "invalid_blocks"},
		{"header in mrkdwn", []any{object{"type": "header", "text": mrk("x")}}, "invalid_blocks"},
		{"ten context elements", []any{object{"type": "context", "elements": many(10, plain("x"))}}, ""},
		{"eleven context elements", []any{object{"type": "context", "elements": many(11, plain("x"))}}, "invalid_blocks"},
		{"no context elements", []any{object{"type": "context", "elements": []any{}}}, "invalid_blocks"},
		{"context element empty", []any{object{"type": "context", "elements": []any{plain("")}}}, "invalid_blocks"},
		{"verbatim mrkdwn", []any{object{"type": "section", "text": object{"type": "mrkdwn", "text": "x", "verbatim": true}}}, ""},
		{"verbatim plain_text", []any{object{"type": "section", "text": object{"type": "plain_text", "text": "x", "verbatim": true}}}, "invalid_blocks"},
		{"emoji mrkdwn", []any{object{"type": "section", "text": object{"type": "mrkdwn", "text": "x", "emoji": false}}}, "invalid_blocks"},
		{"unknown type", []any{object{"type": "hologram"}}, "invalid_blocks"},
		{"unknown text type", []any{object{"type": "section", "text": object{"type": "html", "text": "x"}}}, "invalid_blocks"},
		{"null", []any{nil}, "invalid_blocks"},
		{"not an object", []any{"x"}, "invalid_blocks_format"},
		{"block ids", []any{object{"type": "divider", "block_id": "a"}, object{"type": "divider", "block_id": "a"}}, "invalid_blocks"},
		{"block id too long", []any{object{"type": "divider", "block_id": long(256)}}, "invalid_blocks"},
		{"button", []any{object{"type": "actions", "elements": []any{object{"type": "button", "text": plain("go"), "url": "https://x"}}}}, ""},
		{"button text too long", []any{object{"type": "actions", "elements": []any{object{"type": "button", "text": plain(long(76))}}}}, "invalid_blocks"},
		{"rich text", []any{rich("rich_text_preformatted", "+a\n", "-b")}, ""},
		{"rich text empty", []any{rich("rich_text_preformatted", "")}, "invalid_blocks"},
		{"rich text of unknown kind", []any{rich("rich_text_poem", "a")}, "invalid_blocks"},
		{"rich text without parts", []any{object{"type": "rich_text", "elements": []any{}}}, "invalid_blocks"},
		{"all rich text", []any{rich("rich_text_section", long(11_340))}, ""},
		{"all rich text too long", []any{rich("rich_text_section", long(11_341))}, "msg_blocks_too_long"},
		{"all blocks", append(many(4, section(long(3000))), section(long(1200))), ""},
		{"all blocks too long", append(many(4, section(long(3000))), section(long(1201))), "msg_blocks_too_long"},
		{"markdown", []any{object{"type": "markdown", "text": long(12_000)}}, ""},
		{"markdown too long together", many(2, object{"type": "markdown", "text": long(6001)}), "msg_blocks_too_long"},
	} {
		raw, err := json.Marshal(tt.blocks)
		if err != nil {
			t.Fatal(err)
		}
		if got, why := checkBlocks(raw); got != tt.want {
			t.Errorf("%s: refused with %q %v, want %q", tt.name, got, why, tt.want)
		}
	}
	if got, _ := checkBlocks([]byte("[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"\xff\"}}]")); got != "invalid_blocks_format" {
		t.Errorf("broken UTF-8: refused with %q, want invalid_blocks_format", got)
	}
}

// The explanation has the position, as Slack's does.
func TestBlocksWhy(t *testing.T) {
	_, why := checkBlocks([]byte(`[{"type":"section","text":{"type":"mrkdwn","text":""}}]`))
	want := []string{"[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]"}
	if diff := cmp.Diff(want, why); diff != "" {
		t.Errorf("why (-want +got):\n%s", diff)
	}
}

func TestMentions(t *testing.T) {
	button := object{"type": "actions", "elements": []any{object{"type": "button", "text": plain("open"), "url": "https://x/y"}}}
	verbatim := func(s string) object {
		return object{"type": "section", "text": object{"type": "mrkdwn", "text": s, "verbatim": true}}
	}
	for _, tt := range []struct {
		name   string
		text   string
		blocks []any
		want   []string
	}{
		{"escaped", "&lt;!channel&gt; @here #general a.b", nil, nil},
		{"text", "<!channel> <@U1> https://a.b/c www.x.org", nil, []string{"<!channel>", "<@U1>", "https://a.b/c", "www.x.org"}},
		{"text next to blocks", "https://a.b <!here>", []any{object{"type": "divider"}}, []string{"<!here>"}},
		{"plain_text", "", []any{object{"type": "header", "text": plain("<!channel> https://a.b")}}, nil},
		{"mrkdwn", "", []any{section("see https://a.b and @here")}, []string{"https://a.b", "@here"}},
		{"verbatim", "", []any{verbatim("see https://a.b and @here &lt;@U1&gt;")}, nil},
		{"verbatim with markup", "", []any{verbatim("<https://a.b|x> <@U1>")}, []string{"<https://a.b|x>", "<@U1>"}},
		{"field", "", []any{object{"type": "section", "fields": []any{mrk("<@U1>")}}}, []string{"<@U1>"}},
		{"context", "", []any{object{"type": "context", "elements": []any{mrk("<@U1>")}}}, []string{"<@U1>"}},
		{"rich text", "", []any{rich("rich_text_preformatted", "<!channel> https://a.b @here")}, nil},
		{"rich mention", "", []any{object{"type": "rich_text", "elements": []any{object{"type": "rich_text_section", "elements": []any{
			object{"type": "user", "user_id": "U1"}, object{"type": "broadcast", "range": "here"}, object{"type": "link", "url": "https://a.b"},
		}}}}}, []string{"@U1", "@here", "https://a.b"}},
		{"button", "", []any{button}, []string{"https://x/y"}},
		{"markdown", "", []any{object{"type": "markdown", "text": "[x](https://a.b)"}}, []string{"https://a.b)"}},
	} {
		m := Message{Text: tt.text}
		if tt.blocks != nil {
			raw, err := json.Marshal(tt.blocks)
			if err != nil {
				t.Fatal(err)
			}
			m.Blocks = raw
		}
		if diff := cmp.Diff(tt.want, Mentions(m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if got := Mentions(Message{Text: "@bo", Parse: "full"}); len(got) != 1 {
		t.Errorf("parse=full: %v, want @bo", got)
	}
}

func TestRender(t *testing.T) {
	blocks := []any{
		object{"type": "header", "text": plain("restart-unhealthy-nodes v6 → v7")},
		section("*COC-chen.yu* &lt;b&gt; <https://x/y|look> <@U1|chen>, `_raw_`"),
		object{"type": "section", "fields": []any{mrk("*Risk*\nHIGH"), plain("Lines +2 -1")}},
		rich("rich_text_preformatted", "-  timeout: 420\n", "+  timeout: 180\x1b[31m\n"),
		object{"type": "rich_text", "elements": []any{
			object{"type": "rich_text_list", "style": "bullet", "indent": 0, "elements": []any{
				object{"type": "rich_text_section", "elements": []any{object{"type": "text", "text": "renamed"}}},
				object{"type": "rich_text_section", "elements": []any{object{"type": "text", "text": "changed", "style": object{"bold": true}}}},
			}},
		}},
		object{"type": "context", "elements": []any{plain("change 7"), mrk("_now_")}},
		object{"type": "actions", "elements": []any{object{"type": "button", "text": plain("History"), "url": "http://h"}}},
	}
	raw, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	const want = `restart-unhealthy-nodes v6 → v7
───────────────────────────────
COC-chen.yu <b> look (https://x/y) @chen, ` + "`_raw_`" + `
Risk HIGH
Lines +2 -1
  │ -  timeout: 420
  │ +  timeout: 180␛[31m
• renamed
• changed
change 7 · now
[ History ] http://h`
	if diff := cmp.Diff(want, Render(Message{Text: "fallback", Blocks: raw})); diff != "" {
		t.Errorf("Render (-want +got):\n%s", diff)
	}
	if got, want := Render(Message{Text: "a &amp;&lt; \x1b\u202e <!here> <|x>"}), "a &< ␛<U+202E> @here x"; got != want {
		t.Errorf("Render = %q, want %q", got, want)
	}
	if word, why := checkBlocks(raw); word != "" {
		t.Errorf("these blocks are refused with %s %v", word, fmt.Sprint(why))
	}
}
