package notify

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/mask"
	"cocsync/internal/text"
)

const (
	diffContext = 3     // unchanged lines around a hunk
	maxDiffLine = 1_000 // runes of one line in a message
	minDiff     = 400   // with less room than this no diff is begun
	// maxFile bounds a diff that goes as a file, in bytes. COC's contents are
	// far smaller; Slack takes a gigabyte.
	maxFile = 4 << 20
)

// patch returns the lines of the unified diff of two contents, of which maskedOld and
// maskedNow are shown, and adds to hidden what is hidden in those lines. The contents
// as they are decide what differs, so a changed secret is a changed line in which both
// sides are hidden.
func patch(old, now []byte, maskedOld, maskedNow *mask.Text, hidden map[string]bool) (lines []string) {
	for _, h := range diff.Hunks(diff.Read(old), diff.Read(now), diff.Options{Context: diffContext}) {
		lines = append(lines, fmt.Sprintf("@@ -%d,%d +%d,%d @@", h.OldStart, h.OldLines, h.NewStart, h.NewLines))
		for _, l := range h.Lines {
			text, number := maskedNow, l.New
			if l.Op == diff.Delete {
				text, number = maskedOld, l.Old
			}
			lines = append(lines, string(l.Op)+at(text, number, hidden))
			if !bytes.HasSuffix(l.Text, []byte("\n")) {
				lines = append(lines, `\ No newline at end of file`)
			}
		}
	}
	return lines
}

// at returns a line by its number, and adds to hidden what is hidden in it. Should the
// diff count lines differently than the mask, nothing is shown.
func at(text *mask.Text, number int, hidden map[string]bool) string {
	if number < 1 || number > len(text.Lines) {
		return mask.Hidden
	}
	for _, part := range text.Hidden(number - 1) {
		hidden[part] = true
	}
	return text.Lines[number-1]
}

// fit returns as many whole lines, most at the most, as weigh no more than room,
// made visible. When it had to cut, the last of them says how many are missing and
// where all are.
func fit(lines []string, most, room int, whole string) (shown []string, cutOff bool) {
	more := func(n int) string { return fmt.Sprintf("… %s; %s", text.Plural(n, "more line"), whole) }
	room -= weight(more(len(lines)))
	for i, l := range lines {
		long := utf8.RuneCountInString(l) > maxDiffLine
		l = text.Truncate(text.VisibleExcept(text.Truncate(l, maxDiffLine), "\t"+text.Joiners), maxDiffLine)
		if room -= weight(l); room < 0 || i == most {
			return append(shown, more(len(lines)-i)), true
		}
		shown, cutOff = append(shown, l), cutOff || long
	}
	return shown, cutOff
}

// diffFile is the whole diff of a change as a file, masked as the message is.
func (w *writer) diffFile(c *coc.Change, s said) *file {
	var b strings.Builder
	w.writeDiff(&b, c, s, maxFile)
	title := w.title(c) + " (" + idOf(c) + ")"
	base := fileName(c.Name, c.DocumentID)
	for _, v := range []string{c.Previous, c.Version} {
		if v != "" {
			base += "-" + safeName(v, maxLabel)
		}
	}
	return &file{Name: base + ".diff", Title: title, Content: b.String(),
		Instead: fmt.Sprintf("The whole diff of %s is too long for a message: %s shows it", idOf(c), w.command(c))}
}

// writeDiff writes the unified diff of one change, at most limit bytes of it.
func (w *writer) writeDiff(b *strings.Builder, c *coc.Change, s said, limit int) {
	doc := w.document(c.Name, c.DocumentID)
	fmt.Fprintf(b, "--- a/%s\t%s\n+++ b/%s\t%s\n", doc, text.Line(c.Previous, maxLabel),
		doc, text.Line(c.Version, maxLabel))
	for i, l := range s.patch {
		if l = text.VisibleExcept(l, "\t"+text.Joiners); b.Len()+len(l) > limit {
			fmt.Fprintf(b, "# … %s; %s shows all\n",
				text.Plural(len(s.patch)-i, "more line"), w.command(c))
			return
		}
		b.WriteString(l)
		b.WriteByte('\n')
	}
}

// fileName is a document's name as the beginning of a file's.
func fileName(name, id string) string {
	if s := safeName(name, maxName); strings.Trim(s, "_.-") != "" {
		return s
	}
	return safeName(id, maxName)
}

// safeName makes of s something that any file system takes.
func safeName(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (safe(string(r)) || r == '-') && r != '#' {
			return r
		}
		return '_'
	}, text.Truncate(s, limit))
	return strings.TrimLeft(s, ".-")
}
