package notify

import (
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

const (
	maxNoticeLine  = 250
	maxNoticeLines = 25
	// maxNotice bounds a notice's lines together, as weight.
	maxNotice = 7_000
)

// notice puts something that is no change of a document into blocks and text.
func (w *writer) notice(n *coc.Notice) wording {
	title := text.Line(w.mask.Words(n.Title), maxHeader-2)
	if n.Kind == coc.NoticeTrouble {
		title = "⚠ " + title
	}
	if title == "" {
		title = "cocsync"
	}
	var lines []string
	room := maxNotice
	for i, l := range n.Lines {
		l = text.Line(w.mask.Words(l), maxNoticeLine)
		if room -= weight(l); room < 0 || i == maxNoticeLines {
			lines = append(lines, fmt.Sprintf("… %s", text.Plural(len(n.Lines)-i, "more line")))
			break
		}
		lines = append(lines, l)
	}
	blocks := []block{header(title)}
	if body := strings.TrimSpace(strings.Join(lines, "\n")); body != "" {
		blocks = append(blocks, rich(paragraph(span(body))))
	}
	id := string(n.Kind)
	if n.ID != 0 {
		id = fmt.Sprintf("notice %d", n.ID)
	}
	if n.Watch != "" {
		id += " · watch " + text.Line(n.Watch, maxPerson)
	}
	if sane(n.At) {
		id += " · " + utc(n.At)
	}
	text := escape(text.Truncate(strings.Join(append([]string{title}, lines...), "\n"), maxText/5))
	return wording{blocks: append(blocks, footer(plain(id+w.logged()))), text: fmt.Sprintf("%s (%s)", text, escape(id))}
}
