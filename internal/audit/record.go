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
	TypeStart       = "start"       // a log starts
	TypeKey         = "key"         // another key signs the log from here on
	TypeEndpoint    = "endpoint"    // of an account, from then on
	TypeWatch       = "watch"       // a watch starts in an account
	TypeDocument    = "document"    // its first sighting
	TypeMember      = "member"      // a watch follows a document
	TypeMemberEnd   = "member_end"  // it no longer does
	TypeState       = "state"       // fields of a document other than content, as first seen
	TypeVersions    = "versions"    // of a document, as first listed
	TypeListing     = "listing"     // a later change of how a version is listed
	TypeUnavailable = "unavailable" // a version that is unavailable
	TypeRevision    = "revision"    // a content seen for a version
	TypeChange      = "change"      // an event of a document: new, version, rewritten, …
	TypeErasure     = "erasure"     // a content that a person erased
	TypeCycle       = "cycle"       // one that failed, was late or stopped, or of some documents
	TypeCoverage    = "coverage"    // good cycles
	TypeUnattested  = "unattested"  // cycles that their process did not record
	TypeTrust       = "trust"       // a person continued the log without its head file
	TypeDelivery    = "delivery"    // changes that were sent to notifiers
)

// Types returns the types of records.
func Types() []string {
	return []string{TypeStart, TypeKey, TypeEndpoint, TypeWatch, TypeDocument, TypeMember, TypeMemberEnd, TypeState, TypeVersions,
		TypeListing, TypeUnavailable, TypeRevision, TypeChange, TypeErasure, TypeCycle, TypeCoverage, TypeUnattested, TypeTrust, TypeDelivery}
}

// NotEmpty is a text that is unknown if it is empty.
type NotEmpty string

// NewRecord returns a record of a type. Its fields are as for Add.
func NewRecord(typ string, fields ...any) Record {
	r := Record{Type: typ, Fields: make([]Field, 0, len(fields)/2)}
	r.Add(fields...)
	return r
}

// Add adds fields: a name and a value each, as in log/slog. A time is written in
// milliseconds since 1970, UTC, bytes in hexadecimal, and true as 1. A value that is nil,
// the zero time, false or an empty NotEmpty is absent: it adds no field.
func (r *Record) Add(fields ...any) {
	for i := 0; i+1 < len(fields); i += 2 {
		if value, ok := encode(fields[i+1]); ok {
			r.Fields = append(r.Fields, Field{fmt.Sprint(fields[i]), value})
		}
	}
}

// encode returns the text of a value; ok is false if it is absent.
func encode(value any) (text string, ok bool) {
	switch v := value.(type) {
	case nil:
		return "", false
	case string:
		return v, true
	case *string:
		if v == nil {
			return "", false
		}
		return *v, true
	case NotEmpty:
		return string(v), v != ""
	case bool:
		return "1", v
	case time.Time:
		return strconv.FormatInt(v.UnixMilli(), 10), !v.IsZero()
	case []byte:
		return hex.EncodeToString(v), true
	}
	return fmt.Sprint(value), true
}

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
func ParseRecord(b []byte) (Record, error) {
	r, rest, err := parseRecord(b)
	if err == nil && len(rest) > 0 {
		err = errors.New("something follows the record")
	}
	return r, err
}

// parseRecord parses a record, and returns what follows it: an opening.
func parseRecord(b []byte) (r Record, rest []byte, err error) {
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok || !isName(line) {
		return r, nil, errors.New("a record starts with its type")
	}
	r.Type = string(line)
	for len(rest) > 0 && !bytes.HasPrefix(rest, []byte(typeOpening+"\n")) {
		name, after, ok := bytes.Cut(rest, []byte(" "))
		if !ok || !isName(name) {
			return r, nil, fmt.Errorf("field %d has no name", len(r.Fields)+1)
		}
		digits, after, ok := bytes.Cut(after, []byte(":"))
		n, err := strconv.Atoi(string(digits))
		if !ok || err != nil || n < 0 || n >= len(after) || after[n] != '\n' || strconv.Itoa(n) != string(digits) {
			return r, nil, fmt.Errorf("the length of field %s is wrong", name)
		}
		r.Fields = append(r.Fields, Field{string(name), string(after[:n])})
		rest = after[n+1:]
	}
	return r, rest, nil
}

// isName reports whether a text is a valid type or name of a field: lower-case
// letters, digits and _.
func isName(b []byte) bool {
	return len(b) > 0 && len(bytes.Trim(b, "abcdefghijklmnopqrstuvwxyz0123456789_")) == 0
}
