package query

import (
	"bufio"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cocsync/internal/text"
)

// Write writes a value as indented JSON, with Rows one by one. Characters that a terminal
// interprets or hides are escaped: they can only be inside strings, where an escape means the
// same. After an error the JSON is closed after the last good row. If the first row of a bare
// Rows fails, nothing is written.
func Write(w io.Writer, v any) error {
	out := bufio.NewWriter(w)
	e := jsontext.NewEncoder(escaper{out, func(r rune) bool { return text.Hidden(r) && r != '\n' }},
		jsontext.WithIndent("  "), jsontext.AllowInvalidUTF8(true))
	err := json.MarshalEncode(e, v, json.Deterministic(true))
	if err != nil && e.OutputOffset() == 0 {
		return rowError(err)
	}
	for e.StackDepth() > 0 {
		if failed := e.WriteToken(jsontext.EndObject); failed != nil {
			return errors.Join(err, failed)
		}
	}
	return errors.Join(rowError(err), out.Flush())
}

// WriteRows is Write for rows.
func WriteRows[T any](w io.Writer, rows iter.Seq2[T, error]) error { return Write(w, Rows[T](rows)) }

// Rows are rows that Write writes as an array, one by one.
type Rows[T any] iter.Seq2[T, error]

// MarshalJSONTo implements json.MarshalerTo.
func (r Rows[T]) MarshalJSONTo(e *jsontext.Encoder) error {
	begun, failed := false, error(nil)
	begin := func() error {
		if begun {
			return nil
		}
		begun = true
		return e.WriteToken(jsontext.BeginArray)
	}
	for v, err := range r {
		if failed = err; err == nil {
			failed = cmp.Or(begin(), json.MarshalEncode(e, v))
		}
		if failed != nil {
			break
		}
	}
	if failed != nil && e.OutputOffset() == 0 {
		return failed
	}
	return errors.Join(failed, begin(), e.WriteToken(jsontext.EndArray))
}

// rowError returns the error of a row without what the encoder adds.
func rowError(err error) error {
	for {
		s, ok := errors.AsType[*json.SemanticError](err)
		if !ok || s.Err == nil {
			return err
		}
		err = s.Err
	}
}

// ASCII returns a text as a JSON string in ASCII, for a header.
func ASCII(s string) string {
	var b strings.Builder
	out := bufio.NewWriter(&b)
	escaper{out, func(r rune) bool { return r >= utf8.RuneSelf }}.Write(quote(s))
	out.Flush()
	return b.String()
}

// quote returns a text as a JSON string, with U+FFFD for bytes that are not UTF-8.
func quote(s string) []byte {
	quoted, _ := jsontext.AppendQuote(nil, s) // the error is about those bytes
	return quoted
}

// escaper writes JSON with \uXXXX for the characters that must be escaped. A Write never
// splits a character.
type escaper struct {
	out  *bufio.Writer
	must func(rune) bool
}

// Write implements io.Writer.
func (w escaper) Write(encoded []byte) (int, error) {
	for _, r := range string(encoded) {
		if !w.must(r) {
			w.out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(w.out, "\\u%04x", unit)
		}
	}
	return len(encoded), nil
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
	return quote(string(t)), nil
}

// Number is a number that is null in JSON if it is 0.
type Number int64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if n == 0 {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, int64(n), 10), nil
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
