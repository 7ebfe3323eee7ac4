package cocsim

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Render returns a message as a person would see it, in plain text without a newline
// at the end. Control characters are shown.
func Render(m Message) string {
	blocks, ok := parseBlocks(m.Blocks)
	if !ok || len(blocks) == 0 {
		return visible(mrkdwn(m.Text))
	}
	parts := make([]string, 0, len(blocks))
	for _, b := range blocks {
		if s := strings.Trim(renderBlock(b), "\n"); s != "" {
			parts = append(parts, s)
		}
	}
	return visible(strings.Join(parts, "\n"))
}

func renderBlock(b block) string {
	switch b.Type {
	case "header":
		s := renderText(b.Text)
		return s + "\n" + strings.Repeat("─", min(len([]rune(s)), 60))
	case "section":
		var lines []string
		if b.Text != nil {
			lines = append(lines, renderText(b.Text))
		}
		for _, f := range b.Fields {
			lines = append(lines, strings.ReplaceAll(renderText(&f), "\n", " "))
		}
		if b.Side != nil {
			lines = append(lines, renderElement(*b.Side))
		}
		return strings.Join(lines, "\n")
	case "context":
		return renderAll(b.Elements, " · ")
	case "actions":
		return renderAll(b.Elements, " ")
	case "divider":
		return strings.Repeat("─", 40)
	case "image":
		return "[image: " + b.AltText + "]"
	case "markdown":
		return b.words()
	case "rich_text":
		return renderRich(b.Elements)
	}
	return ""
}

func renderAll(elements []block, sep string) string {
	out := make([]string, len(elements))
	for i, e := range elements {
		out[i] = renderElement(e)
	}
	return strings.Join(out, sep)
}

// renderElement is for text objects, images and buttons.
func renderElement(e block) string {
	switch e.Type {
	case "image":
		return "[" + e.AltText + "]"
	case "button":
		return strings.TrimSpace("[ " + renderText(e.Text) + " ] " + e.URL)
	}
	return renderText(&e)
}

func renderText(t *block) string {
	if t != nil && t.Type == "mrkdwn" {
		return mrkdwn(t.words())
	}
	return t.words()
}

// renderRich writes the parts of a rich text below each other.
func renderRich(parts []block) string {
	var lines []string
	for _, e := range parts {
		text := renderInline(e.Elements)
		switch e.Type {
		case "rich_text_preformatted":
			lines = append(lines, indent("  │ ", text))
		case "rich_text_quote":
			lines = append(lines, indent("> ", text))
		case "rich_text_list":
			for i, item := range e.Elements {
				bullet := "• "
				if string(e.Style) == `"ordered"` {
					bullet = fmt.Sprintf("%d. ", i+1)
				}
				lines = append(lines, strings.Repeat("  ", max(0, min(e.Indent, 8)))+bullet+renderRich([]block{item}))
			}
		default:
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "\n")
}

func indent(with, text string) string {
	return with + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+with)
}

// renderInline joins the elements of a line of rich text.
func renderInline(elements []block) string {
	var b strings.Builder
	for _, e := range elements {
		switch e.Type {
		case "text":
			b.WriteString(e.words())
		case "link":
			b.WriteString(labelled(e.words(), e.URL))
		case "emoji":
			b.WriteString(":" + e.Name + ":")
		case "user", "usergroup", "broadcast", "team":
			b.WriteString("@" + e.UserID + e.GroupID + e.Range + e.TeamID)
		case "channel":
			b.WriteString("#" + e.Channel)
		case "date":
			b.WriteString(cmp.Or(e.Fallback, time.Unix(e.Time, 0).UTC().Format(time.RFC3339)))
		}
	}
	return b.String()
}

func labelled(label, url string) string {
	switch {
	case label == "" || label == url:
		return url
	case url == "":
		return label
	}
	return label + " (" + url + ")"
}

// control matches <…>, Slack's markup for links, mentions and dates. emphasis matches
// *words* and _words_.
const (
	controlPattern  = `<([^<>\n]+)>`
	emphasisPattern = `(^|[\s(])[*_]([^*_\s](?:[^*_\n]*[^*_\s])?)[*_]($|[\s).,:;])`
)

// mrkdwn returns the text that a person sees.
func mrkdwn(s string) string {
	s = regexp.MustCompile(controlPattern).ReplaceAllStringFunc(s, func(m string) string {
		target, label, _ := strings.Cut(m[1:len(m)-1], "|")
		switch {
		case strings.HasPrefix(target, "@"), strings.HasPrefix(target, "#"):
			return target[:1] + cmp.Or(label, target[1:])
		case strings.HasPrefix(target, "!"):
			name, _, _ := strings.Cut(target[1:], "^")
			return cmp.Or(label, "@"+name)
		}
		return labelled(label, target)
	})
	s = regexp.MustCompile(emphasisPattern).ReplaceAllString(s, "$1$2$3")
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

// visible shows control and direction characters as pictures or numbers.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteRune(r)
		case r == '\t':
			b.WriteString("    ")
		case r < 0x20:
			b.WriteRune(0x2400 + r)
		case r == 0x7f:
			b.WriteRune(0x2421)
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
