package query

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

// Write writes a value as indented JSON. Characters that a terminal obeys or hides are
// escaped: they can only be inside strings, where an escape means the same.
func Write(w io.Writer, v any) error {
	encoded, err := encode(v, "  ")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	escape(out, string(encoded), func(r rune) bool { return text.Hidden(r) && r != '\n' })
	return out.Flush()
}

// ASCII returns a text as a JSON string in ASCII, for a header.
func ASCII(s string) string {
	encoded, err := json.Marshal(s)
	if err != nil { // it cannot fail for a string
		return `""`
	}
	var b strings.Builder
	escape(&b, string(encoded), func(r rune) bool { return r >= utf8.RuneSelf })
	return b.String()
}

// encode returns JSON in which <, > and & are themselves.
func encode(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return b.Bytes(), err
}

// escape writes JSON with \uXXXX for the characters that must be escaped.
func escape(w interface {
	io.Writer
	WriteRune(r rune) (int, error)
}, encoded string, must func(rune) bool) {
	for _, r := range encoded {
		if !must(r) {
			w.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(w, "\\u%04x", unit)
		}
	}
}

// Time is a time that is RFC 3339 in UTC with milliseconds in JSON, and null if it is zero.
type Time struct{ time.Time }

// String is the time as in JSON, "" for zero.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) { return Text(t.String()).MarshalJSON() }

// Text is a string that is null in JSON if it is empty.
type Text string

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return encode(string(t), "")
}

// Number is a number that is null in JSON if it is 0.
type Number int64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if n == 0 {
		return []byte("null"), nil
	}
	return json.Marshal(int64(n))
}

// Duration is a duration that is a number of seconds in JSON.
type Duration struct{ time.Duration }

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.Seconds()) }

// Exact is a text of any bytes. JSON has U+FFFD in Text for bytes that are not UTF-8, and
// then the exact bytes in base64.
type Exact struct {
	Text       string `json:"text"`
	TextBase64 string `json:"text_base64,omitempty"`
}

func exact(s string) Exact { return Exact{s, base64IfBinary(s)} }

// base64IfBinary returns the base64 of a text that is not UTF-8, "" for others.
func base64IfBinary(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

// list returns a list that is [] in JSON, never null.
func list[T any](l []T) []T { return append([]T{}, l...) }
