package notify

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/mask"
	"cocsync/internal/text"
)

// Summaries of a change that changes only the bytes, or not even those.
const (
	unchanged      = "content unchanged"
	formattingOnly = "formatting only"
)

const (
	// maxRead bounds what is read of a value or a summary, in runes, before it is masked.
	maxRead     = 1_000
	diffContext = 3 // unchanged lines around a hunk
)

// contents are the two texts of a change. why says why they are missing.
type contents struct {
	old, now []byte
	why      string
}

// excerpt is what may be sent of a change's content: masked, and within the notifier's
// detail.
type excerpt struct {
	summary string
	notes   []string
	items   []shownItem
	more    int      // structural differences that diff counted and did not keep
	patch   []string // the lines of the unified diff
	cut     bool     // patch is truncated
	masked  int      // different values that are hidden in items and patch
}

// shownItem is a masked structural difference.
type shownItem struct {
	coc.Item
	values bool // Old and New may be sent
	whole  bool // it has no values: something as a whole was added, removed or moved
}

// maskNames hides secrets in the names of a change. Each message about a change begins
// with it.
func (w *writer) maskNames(c *coc.Change) *coc.Change {
	v := *c
	for _, s := range []*string{&v.DocumentID, &v.Name, &v.Version, &v.Previous} {
		*s = w.mask.Words(*s)
	}
	return &v
}

// excerpt returns what the notifier's detail allows of a change's content.
func (w *writer) excerpt(c *coc.Change, pair contents) (s excerpt) {
	full := w.n.full()
	if c.Kind == coc.KindDeleted || c.Kind == coc.KindWithdrawn || !full && w.n.Detail != DetailOutline {
		return excerpt{}
	}
	var old, now *mask.Text
	hidden := map[string]bool{}
	if full {
		s.more = c.Omitted
		s.notes = []string{text.Line(w.mask.Words(text.Truncate(c.UncountedNote(), maxRead)), maxNote), pair.why}
		if c.Class == coc.ClassErased {
			s.notes = s.notes[:1] // both say the same
		}
		s.notes = slices.DeleteFunc(s.notes, func(n string) bool { return n == "" })
	}
	if full && pair.now != nil {
		old, now = w.mask.Text(string(pair.old)), w.mask.Text(string(pair.now))
		s.patch = maskedPatch(pair, old, now, hidden)
	}
	known := mask.NewKnown(old, now)
	values := full && known.Len() <= mask.MaxKnown && pair.why == ""
	summary := text.Truncate(c.Summary, maxRead)
	quoted := known.Hide(summary) != summary // the summary quotes a value that is hidden
	for _, it := range c.Items {
		shown, altered := w.item(it, known, values, hidden)
		s.items = append(s.items, shown)
		quoted = quoted || altered && (quotes(summary, it.Old) || quotes(summary, it.New))
	}
	s.summary = text.Line(w.mask.Words(summary), maxSummary)
	if !values || quoted || c.Summary == "" {
		s.summary = w.mask.Words(counts(c))
	}
	s.masked = len(hidden)
	return s
}

func quotes(summary, value string) bool { return value != "" && strings.Contains(summary, value) }

// item masks a structural difference and adds to hidden what is hidden in it. altered
// reports that its values are not shown as they are: the summary may quote them too.
func (w *writer) item(it coc.Item, known *mask.Known, values bool, hidden map[string]bool) (s shownItem, altered bool) {
	it.Old, it.New = text.Truncate(it.Old, maxRead), text.Truncate(it.New, maxRead)
	masked, parts := w.mask.Item(it, known)
	altered = masked.Old != it.Old || masked.New != it.New
	names := it.Op == "moved" && it.Step != "" // the values are names of steps
	s = shownItem{Item: masked, values: values || names, whole: it.Old == "" && it.New == ""}
	if !s.values {
		s.Old, s.New = "", ""
		return s, altered
	}
	for _, p := range parts {
		hidden[p] = true
	}
	return s, altered
}

// counts summarizes a change without texts of its content.
func counts(c *coc.Change) string {
	var parts []string
	if c.Kind == coc.KindMetadata {
		for _, it := range c.Items {
			parts = append(parts, it.Path)
		}
		return text.Line(strings.Join(parts, ", "), maxSummary)
	}
	n := map[string]int{}
	for _, it := range c.Items {
		n[it.Op]++
	}
	for _, op := range []string{"added", "removed", "changed", "renamed", "moved"} {
		if n[op] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[op], op))
		}
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case c.Class == coc.ClassUnchanged:
		return unchanged
	case c.Class == coc.ClassFormatting:
		return formattingOnly
	case c.Added > 0 || c.Removed > 0:
		return fmt.Sprintf("+%d −%d lines", c.Added, c.Removed)
	}
	return ""
}

// maskedPatch returns the lines of the unified diff of two contents, of which old and now
// are shown, and adds to hidden what is hidden in those lines. The unmasked contents
// decide what differs, so a changed secret is a changed line in which both sides are
// hidden.
func maskedPatch(pair contents, old, now *mask.Text, hidden map[string]bool) []string {
	return unified(pair.old, pair.now, func(l diff.Line) string {
		text, number := now, l.New
		if l.Op == diff.Delete {
			text, number = old, l.Old
		}
		if number < 1 || number > len(text.Lines) { // diff and mask count lines differently
			return mask.Hidden
		}
		for _, part := range text.Hidden(number - 1) {
			hidden[part] = true
		}
		return text.Lines[number-1]
	})
}

// unified returns the lines of the unified diff of two contents. show returns the text of
// a line.
func unified(old, now []byte, show func(diff.Line) string) (lines []string) {
	for _, h := range diff.Hunks(diff.Read(old), diff.Read(now), diff.Options{Context: diffContext}) {
		lines = append(lines, fmt.Sprintf("@@ -%d,%d +%d,%d @@", h.OldStart, h.OldLines, h.NewStart, h.NewLines))
		for _, l := range h.Lines {
			lines = append(lines, string(l.Op)+show(l))
			if !bytes.HasSuffix(l.Text, []byte("\n")) {
				lines = append(lines, `\ No newline at end of file`)
			}
		}
	}
	return lines
}

// outline lists structural differences as bullets, as many as fit. There are more of them
// that were not kept.
func outline(items []shownItem, more int) (blocks []block) {
	var list []block
	for _, it := range items[:min(len(items), maxItems)] {
		list = append(list, it.bullet())
	}
	list = list[:fitting(list, maxItems, maxOutline, weight)]
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
