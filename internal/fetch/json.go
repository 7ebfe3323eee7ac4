package fetch

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// reader reads JSON values and reuses its memory between them.
type reader struct {
	d jsontext.Decoder
	v []byte
}

// walk reads a whole JSON value and calls each for every member of an object, with the
// raw name, and for every element of an array. It returns an error if v is not one
// JSON value, or nested more than 10,000 deep; each was then called for a part of it.
// It stops early, without an error, if each returns false. each must not use r.
//
// It accepts what RFC 8259 leaves open: repeated names, of which the last counts, and
// strings that no Unicode text can represent, which decodeContent keeps as tokens.
func (r *reader) walk(v []byte, each func(key, value []byte) bool) error {
	r.v = v
	r.d.Reset(bytes.NewBuffer(v), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	kind := r.d.PeekKind()
	if kind != '{' && kind != '[' {
		if _, err := r.next(); err != nil {
			return err
		}
		return r.end()
	}
	_, _ = r.d.ReadToken() // the bracket that PeekKind found
	var key []byte
	for next := r.d.PeekKind(); next != '}' && next != ']'; next = r.d.PeekKind() {
		var err error
		if kind == '{' {
			if key, err = r.next(); err != nil {
				return err
			}
		}
		value, err := r.next()
		if err != nil {
			return err
		}
		if !each(key, value) {
			return nil
		}
	}
	if _, err := r.d.ReadToken(); err != nil {
		return err
	}
	return r.end()
}

// next returns the next value as a slice of v: the decoder's own result is valid only
// until its next call.
func (r *reader) next() ([]byte, error) {
	value, err := r.d.ReadValue()
	end := int(r.d.InputOffset())
	return r.v[end-len(value) : end], err
}

// end returns an error if anything except white space follows.
func (r *reader) end() error {
	if _, err := r.d.ReadToken(); !errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// walk is reader.walk for one value.
func walk(v []byte, each func(key, value []byte) bool) error {
	var r reader
	return r.walk(v, each)
}

// isObject, isArray and isNull report a value's kind; an absent value has none.
func isObject(v []byte) bool { return jsontext.Value(v).Kind() == '{' }
func isArray(v []byte) bool  { return jsontext.Value(v).Kind() == '[' }
func isNull(v []byte) bool   { return jsontext.Value(v).Kind() == 'n' }

// members yields the names, as raw tokens, and values of a valid object; nothing for
// any other value.
func (r *reader) members(v []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if isObject(v) {
			_ = r.walk(v, yield)
		}
	}
}

func members(v []byte) iter.Seq2[[]byte, []byte] {
	var r reader
	return r.members(v)
}

// elements yields the values of a valid array; nothing for any other value.
func elements(v []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if isArray(v) {
			_ = walk(v, func(_, value []byte) bool { return yield(value) })
		}
	}
}

// textOf returns the text of a value that should be a string: numbers and booleans as
// they are written, and U+FFFD for what no text can represent. It is nil for null,
// arrays, objects and absent values.
func textOf(v []byte) *string {
	if len(v) == 0 || isNull(v) || isObject(v) || isArray(v) {
		return nil
	}
	b := v
	if v[0] == '"' {
		b, _ = unquote(v)
	}
	s := string(b)
	return &s
}

// name returns the text of a member's name. A name that no text can represent keeps
// its token.
func name(key []byte) []byte {
	if bytes.IndexByte(key, '\\') < 0 {
		return key[1 : len(key)-1]
	}
	if s, err := unquote(key); err == nil {
		return s
	}
	return key
}

// unquote returns the text of a string's token, which may be a slice of the token. The
// error reports what no text can represent; U+FFFD replaces it.
func unquote(token []byte) ([]byte, error) {
	plain := token[1 : len(token)-1]
	if bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
		return plain, nil
	}
	return jsontext.AppendUnquote(nil, token)
}

// canonicalDepth is how deep names are sorted and nulls dropped. Each level is read
// once more, so there must be a limit.
const canonicalDepth = 16

// canonicalizer writes JSON in one form: objects with sorted and unique names, the
// last value of each; no nulls in them, no white space. Strings and numbers are
// unchanged. It reuses its memory between values.
//
// Value.Format cannot do this: it keeps nulls and repeated names, and sorts by UTF-16.
type canonicalizer struct {
	reader reader                  // of the names and values of one object
	fields [canonicalDepth][]field // one list for each level
}

type field struct{ name, key, value []byte }

// append appends the canonical form of v.
func (c *canonicalizer) append(dst, v []byte, depth int) []byte {
	switch {
	case depth == canonicalDepth && (isObject(v) || isArray(v)):
		compact := jsontext.Value(bytes.Clone(v))
		_ = compact.Compact() // valid, so it can't fail
		return append(dst, compact...)
	case isObject(v):
		c.collect(v, depth)
		return c.object(dst, depth)
	case isArray(v):
		dst = append(dst, '[')
		start := len(dst)
		for e := range elements(v) {
			if len(dst) > start {
				dst = append(dst, ',')
			}
			dst = c.append(dst, e, depth+1)
		}
		return append(dst, ']')
	}
	return append(dst, v...)
}

// collect stores an object's fields for a level, in the order of the text.
func (c *canonicalizer) collect(v []byte, depth int) []field {
	fields := c.fields[depth][:0]
	for key, value := range c.reader.members(v) {
		fields = append(fields, field{name(key), key, value})
	}
	c.fields[depth] = fields
	return fields
}

// object appends an object with the fields that are stored for a level.
func (c *canonicalizer) object(dst []byte, depth int) []byte {
	fields := c.fields[depth]
	slices.SortStableFunc(fields, func(a, b field) int { return bytes.Compare(a.name, b.name) })
	dst = append(dst, '{')
	start := len(dst)
	for i, f := range fields {
		if i+1 < len(fields) && bytes.Equal(f.name, fields[i+1].name) || isNull(f.value) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(append(dst, f.key...), ':')
		dst = c.append(dst, f.value, depth+1)
	}
	return append(dst, '}')
}
