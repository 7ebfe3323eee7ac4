package notify

import (
	"cmp"
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

// notice writes a notice as a message.
func (w *writer) notice(n *coc.Notice) rendered {
	title := cmp.Or(text.Line(w.mask.Words(n.Title), maxHeader-2), "cocsync")
	if n.Kind == coc.NoticeFailure {
		title = "⚠ " + title
	}
	var lines []string
	for _, l := range n.Lines[:min(len(n.Lines), maxNoticeLines)] {
		lines = append(lines, text.Line(w.mask.Words(l), maxNoticeLine))
	}
	lines = lines[:fitting(lines, maxNoticeLines, maxNotice, weight)]
	if more := len(n.Lines) - len(lines); more > 0 {
		lines = append(lines, "… "+text.Plural(more, "more line"))
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
	if plausible(n.At) {
		id += " · " + utc(n.At)
	}
	text := escape(text.Truncate(strings.Join(append([]string{title}, lines...), "\n"), maxText/5))
	return rendered{blocks: append(blocks, footer(plain(id))),
		text: fmt.Sprintf("%s (%s)", text, escape(id))}
}
