package lines

import (
	"bytes"
	"strconv"
	"strings"
)

// noNewline follows a line without its "\n", as in GNU diff.
const noNewline = "\n\\ No newline at end of file\n"

// Unified returns the difference in unified format, which GNU patch and git apply turn
// back into the exact new bytes. It returns nil if the contents are equal.
func Unified(old, new *Text, oldName, newName string, o Options) []byte {
	hunks := Hunks(old, new, o)
	if len(hunks) == 0 {
		return nil
	}
	var out bytes.Buffer
	out.Grow(patchSize(hunks))
	out.WriteString("--- " + patchName(oldName) + "\n+++ " + patchName(newName) + "\n")
	for _, h := range hunks {
		out.WriteString("@@ -" + span(h.OldStart, h.OldLines) + " +" + span(h.NewStart, h.NewLines) + " @@\n")
		for _, l := range h.Lines {
			out.WriteByte(byte(l.Op))
			out.Write(l.Text)
			if !bytes.HasSuffix(l.Text, []byte("\n")) {
				out.WriteString(noNewline)
			}
		}
	}
	return out.Bytes()
}

// patchSize returns the approximate size of a patch in bytes.
func patchSize(hunks []Hunk) int {
	size := 512 // for the names
	for _, h := range hunks {
		size += 64
		for _, l := range h.Lines {
			size += 1 + len(l.Text)
		}
	}
	return size
}

// span writes one side of a hunk's header; a length of 1 is left out.
func span(start, lines int) string {
	if lines == 1 {
		return strconv.Itoa(start)
	}
	return strconv.Itoa(start) + "," + strconv.Itoa(lines)
}

// patchName writes a file name for git and GNU patch: C-quoted if it has control
// characters, a quote or a backslash, or starts or ends with a space, which patch
// would drop; and with a TAB after it if it has a space elsewhere, because both would
// take what follows the space for a date.
func patchName(name string) string {
	special := func(r rune) bool { return r < ' ' || r == 0x7f || r == '"' || r == '\\' }
	if strings.ContainsFunc(name, special) || strings.Trim(name, " ") != name {
		return quoteName(name)
	}
	if strings.Contains(name, " ") {
		return name + "\t"
	}
	return name
}

// quoteName quotes as in C: patch and git know only these escapes.
func quoteName(name string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(name) {
		switch c := name[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			b.Write([]byte{'\\', '0' + c>>6, '0' + c>>3&7, '0' + c&7})
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
