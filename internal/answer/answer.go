// Package answer is the JSON that answers have, on the command line (-o json) and
// over HTTP, and how an answer comes about of what package history and the archive
// return: one way for both, so that neither says what the other does not.
//
// It owns the forms, the questions with their words for what is wrong with them,
// and what status makes of the archive. It leaves alone how an answer is shown to
// people, flags, and requests.
package answer

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Write writes a value as indented JSON. What a terminal would obey or hide is
// escaped: it can only stand inside strings, where that means the same.
func Write(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	for _, r := range b.String() {
		if Hidden(r) && r != '\n' {
			fmt.Fprintf(out, "\\u%04x", r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.Flush()
}

// Time writes an instant as RFC 3339 in UTC; nil when it is not known.
func Time(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000Z")
	return &s
}

// orNull is the JSON of a text that may be unknown.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// numberOrNull is the JSON of a line's number; 0 is none.
func numberOrNull(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

// exactText is a text as JSON can hold it. Where bytes are not UTF-8, text has
// U+FFFD for each and exact is base64 of all of it; else exact is "".
func exactText(s string) (text, exact string) {
	if utf8.ValidString(s) {
		return s, ""
	}
	return s, base64.StdEncoding.EncodeToString([]byte(s)) // encoding/json writes the U+FFFD
}

// Visible shows the control characters of a text instead of obeying them, and
// those that turn the direction of writing; and each byte that is no UTF-8 as
// <FE>, so that two that differ look different. Those in keep stay as they are.
func Visible(s, keep string) string {
	shown := func(r rune) bool { return !Hidden(r) || strings.ContainsRune(keep, r) }
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !shown(r) }) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			fmt.Fprintf(&b, "<%02X>", s[i])
		case shown(r):
			b.WriteRune(r)
		case r < 0x20:
			b.WriteString("^" + string(r+0x40))
		case r == 0x7f:
			b.WriteString("^?")
		default:
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
	}
	return b.String()
}

// Hidden reports whether a terminal would obey the character or hide with it.
func Hidden(r rune) bool {
	return r < 0x20 || r >= 0x7f && r <= 0x9f || // C0, C1
		r == 0x61c || r == 0x180e || r >= 0x200b && r <= 0x200f || // marks and zero widths
		r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f || // line ends, embeddings, isolates
		r == 0xfeff || r >= 0xfff9 && r <= 0xfffb || r >= 0xe0000 && r <= 0xe007f // tags
}

// Plural writes a number of things: 1 change, 2 changes.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Age writes a length of time for people, in its largest unit.
func Age(d time.Duration) string {
	switch {
	case d < 2*time.Second: // or less than none: a clock went back
		return "a moment"
	case d < 2*time.Minute:
		return Plural(int(d/time.Second), "second")
	case d < 2*time.Hour:
		return Plural(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return Plural(int(d/time.Hour), "hour")
	}
	return Plural(int(d/(24*time.Hour)), "day")
}

// Size writes a number of bytes for people.
func Size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	f, unit := float64(n)/1024, 0
	for f >= 1024 && unit < 3 {
		f, unit = f/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGT"[unit])
}
