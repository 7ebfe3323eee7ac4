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
	"unicode/utf16"
	"unicode/utf8"

	"cocsync/internal/text"
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
	escape(out, b.String(), func(r rune) bool { return text.Hidden(r) && r != '\n' })
	return out.Flush()
}

// ASCII returns a text as a JSON string in ASCII, as a header can hold it.
func ASCII(s string) string {
	encoded, err := json.Marshal(s)
	if err != nil { // a text: this can't fail
		return `""`
	}
	var b strings.Builder
	escape(&b, string(encoded), func(r rune) bool { return r >= utf8.RuneSelf })
	return b.String()
}

// escape writes JSON whose strings have \uXXXX in place of certain characters.
func escape(w interface {
	io.Writer
	WriteRune(r rune) (int, error)
}, encoded string, certain func(rune) bool) {
	for _, r := range encoded {
		if !certain(r) {
			w.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(w, "\\u%04x", unit)
		}
	}
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
