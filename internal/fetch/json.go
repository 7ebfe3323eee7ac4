package fetch

import (
	"bytes"
	"cmp"
	"iter"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cocsync/internal/coc"
)

// lenient accepts what RFC 8259 leaves open: repeated names, of which the last counts, and
// strings that no Unicode text can represent, which decodeContent keeps as tokens.
func lenient() json.Options {
	return json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// tolerant is lenient, and reads any value into a text or a time: COC may send a number for
// a text, and a text for a number. What it cannot read is absent.
func tolerant() json.Options {
	return json.JoinOptions(lenient(), json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFunc(func(v []byte, to **string) error { *to = textOf(v); return nil }),
		json.UnmarshalFunc(func(v []byte, to *string) error { *to = coc.OrEmpty(textOf(v)); return nil }),
		json.UnmarshalFunc(func(v []byte, to *time.Time) error { *to = parseTime(v); return nil }),
	)))
}

// textOf returns the text of a value that should be a string: numbers and booleans as
// they are written, and U+FFFD for what no text can represent. It is nil for null,
// arrays and objects.
func textOf(v jsontext.Value) *string {
	var s string
	switch v.Kind() {
	case '"':
		text, _ := jsontext.AppendUnquote(nil, v)
		s = string(text)
	case '0', 't', 'f':
		s = string(v)
	default:
		return nil
	}
	return &s
}

// lastTime is the last millisecond of the year 9999, the end of RFC 3339.
const lastTime = 253402300799999

// parseTime reads epoch milliseconds, as a number or a string of one, or RFC 3339. It
// returns the zero time for anything else and for 0, which mean absent.
func parseTime(v jsontext.Value) time.Time {
	s := coc.OrEmpty(textOf(v))
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return at.UTC()
		}
		f, err := strconv.ParseFloat(s, 64) // 1.751364159273E12 is how Java writes a double
		if err != nil || !(math.Abs(f) <= lastTime) {
			return time.Time{}
		}
		ms = int64(f)
	}
	if ms <= 0 || ms > lastTime {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// values yields the raw names and values of a valid object, or the values of an array;
// nothing for any other value. They are parts of v.
func values(v jsontext.Value) iter.Seq2[jsontext.Value, jsontext.Value] {
	return func(yield func(name, value jsontext.Value) bool) {
		d := jsontext.NewDecoder(bytes.NewBuffer(v), lenient())
		next := func() jsontext.Value { // the decoder's own result is valid only until its next call
			value, _ := d.ReadValue()
			end := d.InputOffset()
			return v[end-int64(len(value)) : end]
		}
		_, _ = d.ReadToken()
		for k := d.PeekKind(); k != ']' && k != '}' && k != 0; k = d.PeekKind() {
			var name jsontext.Value
			if v.Kind() == '{' {
				name = next()
			}
			if !yield(name, next()) {
				return
			}
		}
	}
}

// canonicalDepth is how deep names are sorted and nulls dropped. Each level is read
// once more, so there must be a limit.
const canonicalDepth = 16

// canonical appends a valid value in one form: objects with sorted and unique names, the
// last value of each; no nulls in them, no white space. Strings and numbers are unchanged.
//
// Value.Format cannot do this: it keeps nulls and repeated names, and sorts by UTF-16.
func canonical(dst []byte, v jsontext.Value, depth int) []byte {
	switch kind := v.Kind(); {
	case kind == '{' && depth < canonicalDepth:
		return canonicalObject(dst, v, depth)
	case kind == '[' && depth < canonicalDepth:
		dst = append(dst, '[')
		for _, e := range values(v) {
			dst = append(canonical(dst, e, depth+1), ',')
		}
		return closed(dst, ']')
	case kind == '{', kind == '[':
		v = v.Clone()
		_ = v.Compact() // valid, so it cannot fail
	}
	return append(dst, v...)
}

func canonicalObject(dst []byte, v jsontext.Value, depth int) []byte {
	type member struct{ name, key, value []byte }
	members := make([]member, 0, 16) // more than a row has
	for key, value := range values(v) {
		name := []byte(key[1 : len(key)-1])
		if bytes.IndexByte(key, '\\') >= 0 {
			var err error
			if name, err = jsontext.AppendUnquote(nil, key); err != nil {
				name = key // what no text can represent stays a token
			}
		}
		members = append(members, member{name, key, value})
	}
	slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.name, b.name) })
	dst = append(dst, '{')
	for i, m := range members {
		if i+1 < len(members) && bytes.Equal(m.name, members[i+1].name) || jsontext.Value(m.value).Kind() == 'n' {
			continue
		}
		dst = append(append(dst, m.key...), ':')
		dst = append(canonical(dst, m.value, depth+1), ',')
	}
	return closed(dst, '}')
}

// closed ends a list, in place of the comma after its last element.
func closed(dst []byte, end byte) []byte {
	return append(bytes.TrimSuffix(dst, []byte(",")), end)
}

// envelope has the members of a response's outer object that cocsync knows; nil or empty
// if absent.
type envelope struct {
	root  jsontext.Value // the whole value
	Data  jsontext.Value `json:"data"`
	Total string         `json:"total"`
	// An error of COC, of its siblings, and nested.
	ErrorCode string         `json:"error_code"`
	ErrorMsg  string         `json:"error_msg"`
	RequestID string         `json:"request_id"`
	Code      string         `json:"code"`
	Message   string         `json:"message"`
	Nested    jsontext.Value `json:"error"`
}

// parse reads a body without what surrounds its JSON value, and reports whether it is
// JSON. Any value other than an object has no members.
func parse(body []byte) (e envelope, isJSON bool) {
	root := jsontext.Value(bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF"))))
	if json.Unmarshal(root, &e, tolerant()) != nil && !root.IsValid(lenient()) {
		return envelope{}, false
	}
	e.root = root
	return e, true
}

// failure is an error in one of the formats that COC, its gateway and its siblings
// use.
type failure struct{ code, message, requestID string }

// readFailure returns the error in a response, or the zero failure. If the status is a
// success, only error_code counts: code and message may be anything then.
func readFailure(e envelope, status int) failure {
	f := e.failure(status >= 400)
	if f.code == "" && status >= 400 && e.Nested.Kind() == '{' {
		inner, _ := parse(e.Nested)
		nested := inner.failure(true)
		f.code, f.message = nested.code, nested.message
	}
	return f
}

// failure reads the error fields of the object itself, and those of siblings if
// requested.
func (e envelope) failure(siblings bool) failure {
	f := failure{e.ErrorCode, e.ErrorMsg, e.RequestID}
	if siblings && f.code == "" {
		f.code, f.message = e.Code, cmp.Or(f.message, e.Message)
	}
	return f
}
