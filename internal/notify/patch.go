package notify

import (
	"bytes"
	"fmt"

	"cocsync/internal/diff"
)

const (
	diffContext = 3     // unchanged lines around a hunk
	maxDiffLine = 1_000 // runes of one line
	minDiff     = 400   // with less room than this no diff is begun
)

// patch returns the lines of the unified diff of two contents as chat may see
// them. maskedOld and maskedNow are the lines of both with secrets hidden. The
// contents as they are decide what differs, so a changed secret is a changed
// line in which both sides are hidden.
func patch(old, now []byte, maskedOld, maskedNow []string) (lines []string) {
	for _, h := range diff.Hunks(diff.Read(old), diff.Read(now), diff.Options{Context: diffContext}) {
		lines = append(lines, fmt.Sprintf("@@ -%d,%d +%d,%d @@", h.OldStart, h.OldLines, h.NewStart, h.NewLines))
		for _, l := range h.Lines {
			text := at(maskedNow, l.New)
			if l.Op == diff.Delete {
				text = at(maskedOld, l.Old)
			}
			lines = append(lines, cut(visible(cut(string(l.Op)+text, maxDiffLine)), maxDiffLine))
			if !bytes.HasSuffix(l.Text, []byte("\n")) {
				lines = append(lines, `\ No newline at end of file`)
			}
		}
	}
	return lines
}

// at returns a line by its number, or a mask should the diff count lines
// otherwise than the mask does.
func at(lines []string, number int) string {
	if number < 1 || number > len(lines) {
		return masked
	}
	return lines[number-1]
}

// fit returns as many whole lines as weigh no more than room, the last of them
// saying how many are missing and which command shows all.
func fit(lines []string, room int, command string) []string {
	more := func(n int) string { return fmt.Sprintf("… %s; %s shows all", count(n, "more line"), command) }
	room -= weight(more(len(lines)))
	for i, l := range lines {
		room -= weight(l)
		if room < 0 {
			return append(lines[:i:i], more(len(lines)-i))
		}
	}
	return lines
}
