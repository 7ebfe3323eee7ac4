// The parser that jsontext replaced. FuzzAgainstOld compares with it for one release.

package fetch

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encoding/json replaces what no text can hold by U+FFFD, without a word, and
// reading ten thousand rows into maps takes it longer than all else in a cycle.
// So a body is checked by valid once and walked by the functions here, which
// may rely on that: nothing below is given JSON that is not valid.

// parse returns the body without what surrounds its JSON value, and whether it is
// one.
func oldParse(body []byte) ([]byte, bool) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF")))
	if !oldValid(body) {
		return nil, false
	}
	return body, true
}

// isObject, isArray and isNull look at a value's kind; an absent one has none.
func oldIsObject(v []byte) bool { return len(v) > 0 && v[0] == '{' }
func oldIsArray(v []byte) bool  { return len(v) > 0 && v[0] == '[' }
func oldIsNull(v []byte) bool   { return len(v) > 0 && v[0] == 'n' }

// members yields an object's keys, as the raw tokens, and values; nothing for
// any other value.
func oldMembers(v []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if !oldIsObject(v) {
			return
		}
		for i := oldSpace(v, 1); v[i] != '}'; {
			end := oldSkip(v, i)
			key := v[i:end]
			i = oldSpace(v, oldSpace(v, end)+1) // the colon
			end = oldSkip(v, i)
			if !yield(key, v[i:end]) {
				return
			}
			i = oldNext(v, end)
		}
	}
}

// elements yields an array's values; nothing for any other value.
func oldElements(v []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !oldIsArray(v) {
			return
		}
		for i := oldSpace(v, 1); v[i] != ']'; {
			end := oldSkip(v, i)
			if !yield(v[i:end]) {
				return
			}
			i = oldNext(v, end)
		}
	}
}

// space returns where the white space at i ends.
func oldSpace(v []byte, i int) int {
	for v[i] == ' ' || v[i] == '\t' || v[i] == '\n' || v[i] == '\r' {
		i++
	}
	return i
}

// next returns where the element after the one that ended at i begins, or where
// the closing bracket is.
func oldNext(v []byte, i int) int {
	if i = oldSpace(v, i); v[i] == ',' {
		i = oldSpace(v, i+1)
	}
	return i
}

// skip returns the end of the value that begins at i.
func oldSkip(v []byte, i int) int {
	switch v[i] {
	case '"':
		return oldSkipString(v, i)
	case '{', '[':
		for depth := 0; ; i++ {
			switch v[i] {
			case '"':
				i = oldSkipString(v, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for i < len(v) && strings.IndexByte(",]} \t\r\n", v[i]) < 0 {
		i++
	}
	return i
}

func oldSkipString(v []byte, i int) int {
	for i++; ; {
		end := i + bytes.IndexByte(v[i:], '"')
		slashes := 0
		for end-slashes > i && v[end-slashes-1] == '\\' {
			slashes++
		}
		if i = end + 1; slashes%2 == 0 {
			return i
		}
	}
}

// unquote returns the text of a string token, exactly. It reports false where no
// Unicode text is that: a lone surrogate, or bytes that are not UTF-8.
func oldUnquote(token []byte) (string, bool) {
	var short [64]byte
	oldText, ok := oldAppendText(short[:0], token)
	return string(oldText), ok
}

// appendText is unquote of what is long: it appends the text to out.
func oldAppendText(out, token []byte) ([]byte, bool) {
	body := token[1 : len(token)-1]
	if !utf8.Valid(body) {
		return nil, false
	}
	for i := 0; i < len(body); {
		if body[i] != '\\' {
			n := bytes.IndexByte(body[i:], '\\')
			if n < 0 {
				n = len(body) - i
			}
			out = append(out, body[i:i+n]...)
			i += n
			continue
		}
		if body[i+1] != 'u' {
			out = append(out, oldUnescape(body[i+1]))
			i += 2
			continue
		}
		r := oldHex4(body[i+2:])
		i += 6
		if utf16.IsSurrogate(r) {
			if i+6 > len(body) || body[i] != '\\' || body[i+1] != 'u' {
				return nil, false
			}
			r = utf16.DecodeRune(r, oldHex4(body[i+2:]))
			if r == utf8.RuneError {
				return nil, false
			}
			i += 6
		}
		out = utf8.AppendRune(out, r)
	}
	return out, true
}

func oldUnescape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // quote, backslash, slash
}

func oldHex4(b []byte) rune {
	n, _ := strconv.ParseUint(string(b[:4]), 16, 32) // valid saw the digits
	return rune(n)
}

// text reads a value that should be a string: numbers and booleans as they are
// written, with U+FFFD for what no text holds. It is nil for null, arrays,
// objects and what is absent: not said.
func oldText(v []byte) *string {
	if len(v) == 0 || oldIsNull(v) || oldIsObject(v) || oldIsArray(v) {
		return nil
	}
	if v[0] != '"' {
		s := string(v)
		return &s
	}
	s, ok := oldUnquote(v)
	if !ok {
		_ = json.Unmarshal(v, &s) // valid, so it cannot fail
	}
	return &s
}

// canonicalDepth is how deep keys are sorted and nulls dropped. Each level is
// walked once more, so that there has to be an end to it.
const oldCanonicalDepth = 16

// canonicalizer writes JSON in one way: objects with sorted keys, each once, the
// last one's value; no nulls in them, no space. Strings and numbers stay as they
// were written. It keeps its memory between values.
type oldCanonicalizer struct {
	fields [oldCanonicalDepth][]oldField // one list for each level
}

type oldField struct{ name, key, value []byte }

// append appends the canonical form of v.
func (c *oldCanonicalizer) append(dst, v []byte, depth int) []byte {
	switch {
	case depth == oldCanonicalDepth && (oldIsObject(v) || oldIsArray(v)):
		var b bytes.Buffer
		_ = json.Compact(&b, v) // valid, so it cannot fail
		return append(dst, b.Bytes()...)
	case oldIsObject(v):
		c.collect(v, depth)
		return c.object(dst, depth)
	case oldIsArray(v):
		dst = append(dst, '[')
		first := true
		for e := range oldElements(v) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = c.append(dst, e, depth+1)
		}
		return append(dst, ']')
	}
	return append(dst, v...)
}

// collect holds an object's fields for a level, in the order they were written.
func (c *oldCanonicalizer) collect(v []byte, depth int) []oldField {
	fields := c.fields[depth][:0]
	for key, value := range oldMembers(v) {
		fields = append(fields, oldField{oldName(key), key, value})
	}
	c.fields[depth] = fields
	return fields
}

// object appends an object of the fields that are held for a level.
func (c *oldCanonicalizer) object(dst []byte, depth int) []byte {
	fields := c.fields[depth]
	slices.SortStableFunc(fields, func(a, b oldField) int { return bytes.Compare(a.name, b.name) })
	dst = append(dst, '{')
	first := true
	for i, f := range fields {
		if i+1 < len(fields) && bytes.Equal(f.name, fields[i+1].name) || oldIsNull(f.value) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(dst, f.key...), ':')
		dst = c.append(dst, f.value, depth+1)
	}
	return append(dst, '}')
}

// name is what a key's token says. Keys that no text holds keep their token.
func oldName(key []byte) []byte {
	if bytes.IndexByte(key, '\\') < 0 {
		return key[1 : len(key)-1]
	}
	if s, ok := oldUnquote(key); ok {
		return []byte(s)
	}
	return key
}
