package notify

import (
	"cmp"
	"fmt"

	"cocsync/internal/text"
)

// outline lists structural differences as bullets, as many as fit. There are more of them
// that were not kept.
func outline(items []shownItem, more int) (blocks []block) {
	var list []block
	left := maxOutline
	for _, it := range items {
		b := it.bullet()
		if left -= weight(b); left < 0 || len(list) == maxItems {
			break
		}
		list = append(list, b)
	}
	if len(list) == 0 {
		return nil
	}
	blocks = []block{rich(bullets(list...))}
	if more += len(items) - len(list); more > 0 {
		blocks = append(blocks, rich(paragraph(span(fmt.Sprintf("… and %d more", more)))))
	}
	return blocks
}

func (s *shownItem) bullet() block {
	pieces := []block{span(text.Line(s.Op, maxLabel) + " "), code(text.Line(s.Path, maxPath))}
	if s.Task != "" && s.whole {
		pieces = append(pieces, span(" ("+text.Line(s.Task, maxPath)+")"))
	}
	old, now := shorten(cmp.Or(s.Old, "(empty)"), cmp.Or(s.New, "(empty)"))
	switch {
	case !s.values, s.whole:
	case s.Op == "moved":
		if s.New != "" {
			pieces = append(pieces, span(", now "+text.Line(s.New, maxPath)))
		}
	case s.Op == "added":
		pieces = append(pieces, span(": "+now))
	case s.Op == "removed":
		pieces = append(pieces, span(": "+old))
	default:
		pieces = append(pieces, span(": "+old+" → "+now))
	}
	return paragraph(pieces...)
}

// shorten truncates two values, starting shortly before they differ.
func shorten(old, now string) (string, string) {
	a, b := []rune(old), []rune(now)
	if max(len(a), len(b)) > maxValue {
		same := 0
		for same < min(len(a), len(b)) && a[same] == b[same] {
			same++
		}
		if from := same - maxValue/3; from > 0 {
			old, now = "…"+string(a[from:]), "…"+string(b[from:])
		}
	}
	return text.Line(old, maxValue), text.Line(now, maxValue)
}
