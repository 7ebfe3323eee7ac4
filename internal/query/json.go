package query

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
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

// WriteRows writes rows as an indented JSON array, one by one. After an error the array is
// complete, with the rows until then; if the error is the first row, nothing is written.
func WriteRows[T any](w io.Writer, rows iter.Seq2[T, error]) error {
	next, stop := iter.Pull2(rows)
	defer stop()
	first, err, ok := next()
	if err != nil {
		return err
	}
	j := &jsonWriter{Writer: bufio.NewWriter(w)}
	failed := writeArray(j, "", func(yield func(T, error) bool) {
		for v, err := first, err; ok && yield(v, err); v, err, ok = next() {
		}
	})
	j.WriteByte('\n')
	return errors.Join(failed, j.Flush())
}

// jsonWriter writes indented JSON, escaped as by Write.
type jsonWriter struct{ *bufio.Writer }

// value writes a value whose lines after the first begin with indent.
func (j *jsonWriter) value(v any, indent string) error {
	encoded, err := encode(v, "  ")
	if err != nil {
		return err
	}
	encoded = bytes.ReplaceAll(bytes.TrimSuffix(encoded, []byte("\n")), []byte("\n"), []byte("\n"+indent))
	escape(j, string(encoded), func(r rune) bool { return text.Hidden(r) && r != '\n' })
	return nil
}

func writeArray[T any](j *jsonWriter, indent string, rows iter.Seq2[T, error]) (err error) {
	separator := "[\n"
	for v, failed := range rows {
		if err = failed; err != nil {
			break
		}
		j.WriteString(separator + indent + "  ")
		separator = ",\n"
		if err = j.value(v, indent+"  "); err != nil {
			break
		}
	}
	if separator == "[\n" {
		j.WriteString("[]")
	} else {
		j.WriteString("\n" + indent + "]")
	}
	return err
}

// object writes an indented JSON object field by field.
type object struct {
	jsonWriter
	err   error
	empty bool
}

func newObject(w io.Writer) *object {
	o := &object{jsonWriter: jsonWriter{bufio.NewWriter(w)}, empty: true}
	o.WriteByte('{')
	return o
}

func (o *object) name(name string) {
	if !o.empty {
		o.WriteByte(',')
	}
	o.empty = false
	fmt.Fprintf(o, "\n  %q: ", name)
}

// fields writes the fields of a struct that have a JSON name.
func (o *object) fields(v any) {
	s := reflect.ValueOf(v)
	for i := range s.NumField() {
		name, _, _ := strings.Cut(s.Type().Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" || o.err != nil {
			continue
		}
		o.name(name)
		o.err = o.value(s.Field(i).Interface(), "  ")
	}
}

// listField writes a field that is an array of rows.
func listField[T any](o *object, name string, rows iter.Seq2[T, error]) {
	if o.err == nil {
		o.name(name)
		o.err = writeArray(&o.jsonWriter, "  ", rows)
	}
}

// close ends the object and returns the first error.
func (o *object) close() error {
	o.WriteString("\n}\n")
	return errors.Join(o.err, o.Flush())
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
