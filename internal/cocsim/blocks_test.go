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

func plain(s string) object { return object{"type": "plain_text", "text": s} }

func header(s string) object { return object{"type": "header", "text": plain(s)} }

func small(texts ...string) object {
	var elements []any
	for _, s := range texts {
		elements = append(elements, plain(s))
	}
	return object{"type": "context", "elements": elements}
}

func rich(kind string, texts ...string) object {
	var elements []any
	for _, s := range texts {
		elements = append(elements, object{"type": "text", "text": s})
	}
	return object{"type": "rich_text", "elements": []any{object{"type": kind, "elements": elements}}}
}

func many(n int, v any) []any { return slices.Repeat([]any{v}, n) }

// Each limit is accepted and one more is refused.
func TestBlockLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("字", n) }
	for _, tt := range []struct {
		name   string
		blocks []any
		want   string
	}{
		{"50 blocks", many(50, header("x")), ""},
		{"51 blocks", many(51, header("x")), "invalid_blocks"},
		{"header", []any{header(long(150))}, ""},
		{"header too long", []any{header(long(151))}, "invalid_blocks"},
		{"header empty", []any{header("")}, "invalid_blocks"},
		{"header in mrkdwn", []any{object{"type": "header", "text": object{"type": "mrkdwn", "text": "x"}}}, "invalid_blocks"},
		{"header without text", []any{object{"type": "header"}}, "invalid_blocks"},
		{"ten context elements", []any{object{"type": "context", "elements": many(10, plain("x"))}}, ""},
		{"eleven context elements", []any{object{"type": "context", "elements": many(11, plain("x"))}}, "invalid_blocks"},
		{"no context elements", []any{object{"type": "context", "elements": []any{}}}, "invalid_blocks"},
		{"context element empty", []any{small("")}, "invalid_blocks"},
		{"context element", []any{small(long(3000))}, ""},
		{"context element too long", []any{small(long(3001))}, "invalid_blocks"},
		{"unknown type", []any{object{"type": "hologram"}}, "invalid_blocks"},
		{"a type that cocsync does not send", []any{object{"type": "section", "text": plain("x")}}, "invalid_blocks"},
		{"null", []any{nil}, "invalid_blocks"},
		{"not an object", []any{"x"}, "invalid_blocks_format"},
		{"rich text", []any{rich("rich_text_preformatted", "+a\n", "-b")}, ""},
		{"rich text empty", []any{rich("rich_text_preformatted", "")}, "invalid_blocks"},
		{"rich text of unknown kind", []any{rich("rich_text_poem", "a")}, "invalid_blocks"},
		{"rich text without parts", []any{object{"type": "rich_text", "elements": []any{}}}, "invalid_blocks"},
		{"all rich text", []any{rich("rich_text_section", long(11_340))}, ""},
		{"all rich text too long", []any{rich("rich_text_section", long(11_341))}, "msg_blocks_too_long"},
		{"all blocks", append(many(4, small(long(3000))), small(long(1200))), ""},
		{"all blocks too long", append(many(4, small(long(3000))), small(long(1201))), "msg_blocks_too_long"},
	} {
		raw, err := json.Marshal(tt.blocks)
		if err != nil {
			t.Fatal(err)
		}
		if got, why := checkBlocks(raw); got != tt.want {
			t.Errorf("%s: refused with %q %v, want %q", tt.name, got, why, tt.want)
		}
	}
	if got, _ := checkBlocks([]byte("[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"\xff\"}}]")); got != "invalid_blocks_format" {
		t.Errorf("broken UTF-8: refused with %q, want invalid_blocks_format", got)
	}
}

// The explanation has the position, as Slack's does.
func TestBlocksWhy(t *testing.T) {
	_, why := checkBlocks([]byte(`[{"type":"header","text":{"type":"plain_text","text":""}}]`))
	want := []string{"[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]"}
	if diff := cmp.Diff(want, why); diff != "" {
		t.Errorf("why (-want +got):\n%s", diff)
	}
}

func TestMentions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		text   string
		blocks []any
		want   []string
	}{
		{"escaped", "&lt;!channel&gt; @here #general a.b", nil, nil},
		{"text", "<!channel> <@U1> https://a.b/c www.x.org", nil, []string{"<!channel>", "<@U1>", "https://a.b/c", "www.x.org"}},
		{"text next to blocks", "https://a.b <!here>", []any{header("x")}, []string{"<!here>"}},
		{"plain_text", "", []any{header("<!channel> https://a.b"), small("<@U1>")}, nil},
		{"rich text", "", []any{rich("rich_text_preformatted", "<!channel> https://a.b @here")}, nil},
		{"rich mention", "", []any{object{"type": "rich_text", "elements": []any{object{"type": "rich_text_section", "elements": []any{
			object{"type": "user", "user_id": "U1"}, object{"type": "usergroup", "usergroup_id": "S1"}, object{"type": "link", "url": "https://a.b"},
		}}}}}, []string{"@U1", "@S1", "https://a.b"}},
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
		header("restart-unhealthy-nodes v6 → v7"),
		object{"type": "rich_text", "elements": []any{object{"type": "rich_text_section", "elements": []any{
			object{"type": "text", "text": "by "}, object{"type": "user", "user_id": "U1"}, object{"type": "text", "text": " <b>, "},
			object{"type": "date", "timestamp": 0, "format": "{date}", "fallback": "2026-06-01"},
			object{"type": "text", "text": ", "}, object{"type": "link", "url": "https://x/y", "text": "look"},
		}}}},
		rich("rich_text_preformatted", "-  timeout: 420\n", "+  timeout: 180\x1b[31m\n"),
		object{"type": "rich_text", "elements": []any{
			object{"type": "rich_text_list", "style": "bullet", "indent": 0, "elements": []any{
				object{"type": "rich_text_section", "elements": []any{object{"type": "text", "text": "renamed"}}},
				object{"type": "rich_text_section", "elements": []any{object{"type": "text", "text": "changed", "style": object{"bold": true}}}},
			}},
		}},
		small("change 7", "now"),
	}
	raw, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	const want = `restart-unhealthy-nodes v6 → v7
───────────────────────────────
by @U1 <b>, 2026-06-01, look (https://x/y)
  │ -  timeout: 420
  │ +  timeout: 180␛[31m
• renamed
• changed
change 7 · now`
	if diff := cmp.Diff(want, Render(Message{Text: "fallback", Blocks: raw})); diff != "" {
		t.Errorf("Render (-want +got):\n%s", diff)
	}
	if got, want := Render(Message{Text: "a &amp;&lt; \x1b\u202e <!here> <|x>"}), "a &< ␛<U+202E> @here x"; got != want {
		t.Errorf("Render = %q, want %q", got, want)
	}
	if code, why := checkBlocks(raw); code != "" {
		t.Errorf("these blocks are refused with %s %v", code, fmt.Sprint(why))
	}
}
