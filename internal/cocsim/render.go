package cocsim

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
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
		s := b.Text.words()
		return s + "\n" + strings.Repeat("─", min(len([]rune(s)), 60))
	case "context":
		var texts []string
		for _, e := range b.Elements {
			texts = append(texts, e.words())
		}
		return strings.Join(texts, " · ")
	case "rich_text":
		return renderRich(b.Elements)
	}
	return ""
}

// renderRich writes the parts of a rich text below each other.
func renderRich(parts []block) string {
	var lines []string
	for _, e := range parts {
		switch e.Type {
		case "rich_text_preformatted":
			text := strings.TrimSuffix(renderInline(e.Elements), "\n")
			lines = append(lines, "  │ "+strings.ReplaceAll(text, "\n", "\n  │ "))
		case "rich_text_list":
			for _, item := range e.Elements {
				lines = append(lines, "• "+renderInline(item.Elements))
			}
		default:
			lines = append(lines, renderInline(e.Elements))
		}
	}
	return strings.Join(lines, "\n")
}

// Code returns the text of the code blocks of a message, as a person copies it.
func Code(m Message) string {
	blocks, _ := parseBlocks(m.Blocks)
	var texts []string
	for _, b := range blocks {
		for _, e := range b.Elements {
			if e.Type == "rich_text_preformatted" {
				texts = append(texts, renderInline(e.Elements))
			}
		}
	}
	return strings.Join(texts, "\n")
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
		case "user", "usergroup":
			b.WriteString("@" + e.UserID + e.GroupID)
		case "date":
			b.WriteString(e.Fallback)
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
