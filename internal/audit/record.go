// Package audit is the log that proves an archive: canonical records of what was
// observed, the Merkle tree over them (RFC 6962), signed checkpoints, and proofs.
//
// It is pure: it knows neither the database nor the network. docs/audit-log.md
// specifies it in enough detail to write another verifier.
package audit

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Record is what was observed of one event, in canonical form. The first line is its
// type, and then each field is a line: its name, a space, the length of its value in
// bytes, a colon and the value. An unknown field is left out. So a value may have any
// bytes, and one event has one record.
type Record struct {
	Type   string
	Fields []Field
}

// Field is one value of a record.
type Field struct{ Name, Value string }

// The types of records.
const (
	TypeStart       = "start"       // the log starts
	TypeState       = "state"       // fields of a document other than content, as first seen
	TypeRevision    = "revision"    // a content seen for a version
	TypeChange      = "change"      // an event of a document: new, version, rewritten, …
	TypeUnavailable = "unavailable" // a version that is unavailable
	TypeErasure     = "erasure"     // a content that a person erased
	TypeCoverage    = "coverage"    // cycles that ran
)

// usualFields is the number of fields of most records.
const usualFields = 16

// Text adds a field.
func (r *Record) Text(name, value string) {
	if r.Fields == nil {
		r.Fields = make([]Field, 0, usualFields)
	}
	r.Fields = append(r.Fields, Field{name, value})
}

// TextIf adds a field that may be absent.
func (r *Record) TextIf(name string, value *string) {
	if value != nil {
		r.Text(name, *value)
	}
}

// NotEmpty adds a field that is unknown if it is empty.
func (r *Record) NotEmpty(name, value string) {
	if value != "" {
		r.Text(name, value)
	}
}

// Int adds a number.
func (r *Record) Int(name string, n int64) { r.Text(name, strconv.FormatInt(n, 10)) }

// Flag adds 1 for true, and nothing for false.
func (r *Record) Flag(name string, is bool) {
	if is {
		r.Text(name, "1")
	}
}

// Time adds a time in milliseconds since 1970, UTC; nothing for the zero time.
func (r *Record) Time(name string, t time.Time) {
	if !t.IsZero() {
		r.Int(name, t.UnixMilli())
	}
}

// Hex adds bytes in hexadecimal.
func (r *Record) Hex(name string, b []byte) { r.Text(name, hex.EncodeToString(b)) }

// Encode returns the record's bytes, from which its leaf is computed.
func (r *Record) Encode() []byte {
	b := make([]byte, 0, 512)
	b = append(append(b, r.Type...), '\n')
	for _, f := range r.Fields {
		b = append(append(b, f.Name...), ' ')
		b = strconv.AppendInt(b, int64(len(f.Value)), 10)
		b = append(append(append(b, ':'), f.Value...), '\n')
	}
	return b
}

// Get returns the value of a field; "" if it is absent.
func (r *Record) Get(name string) string {
	for _, f := range r.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// ParseRecord parses what Encode writes, and nothing else.
func ParseRecord(b []byte) (r Record, err error) {
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok || !isName(line) {
		return r, errors.New("a record starts with its type")
	}
	r.Type = string(line)
	for len(rest) > 0 {
		name, after, ok := bytes.Cut(rest, []byte(" "))
		if !ok || !isName(name) {
			return r, fmt.Errorf("field %d has no name", len(r.Fields)+1)
		}
		digits, after, ok := bytes.Cut(after, []byte(":"))
		n, err := strconv.Atoi(string(digits))
		if !ok || err != nil || n < 0 || n >= len(after) || after[n] != '\n' || strconv.Itoa(n) != string(digits) {
			return r, fmt.Errorf("the length of field %s is wrong", name)
		}
		r.Fields = append(r.Fields, Field{string(name), string(after[:n])})
		rest = after[n+1:]
	}
	return r, nil
}

// isName reports whether a text is a valid type or name of a field: lower-case
// letters, digits and _.
func isName(b []byte) bool {
	for _, c := range b {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(b) > 0
}
