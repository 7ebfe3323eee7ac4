package mask

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// filler replaces the bytes of an escape that its character does not need. It belongs
// to no name and ends no word.
const filler = '\x00'

// escapes match what formats write instead of a character: JSON, YAML, XML and URLs.
// In a URL only those are replaced that may belong to a name or assign a value.
var escapes = lazy(`\\+(?:u00|U000000|x)[2-7][0-9a-fA-F]|\\+[nrt]|\\\n|%(?:3[0-9aAdD]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|22)|&(?:quot|#34|#39|apos|amp);`)

// plainText returns s for the search: of the same length, with escapes and full-width
// characters replaced by what they mean, and invisible characters by fillers.
func plainText(s string) string {
	b := []byte(strings.ToValidUTF8(s, "?"))
	if len(b) != len(s) {
		b = []byte(s) // invalid bytes stay: offsets are those of s
	}
	for i, r := range s {
		if r < 0xa0 {
			continue
		}
		c := byte(filler)
		switch {
		case r == utf8.RuneError:
			continue
		case unicode.Is(unicode.Zs, r):
			c = ' '
		case r >= '！' && r <= '～': // the full-width forms of ASCII
			c = byte(r - '！' + '!')
		case !unicode.In(r, unicode.Cf, unicode.Variation_Selector):
			continue
		}
		set(b, i, i+utf8.RuneLen(r), c)
	}
	if strings.ContainsAny(s, `\%&`) {
		for _, at := range escapes().FindAllStringIndex(s, -1) {
			set(b, at[0], at[1], unescaped(s[at[0]:at[1]]))
		}
	}
	return string(b)
}

// set writes a character and fillers. White space is filled with spaces, so that it is
// white space for patterns.
func set(b []byte, from, to int, c byte) {
	b[from] = c
	for i := from + 1; i < to; i++ {
		if b[i] = filler; c == ' ' {
			b[i] = ' '
		}
	}
}

func unescaped(e string) byte {
	switch last := e[len(e)-1]; {
	case strings.HasSuffix(e, "amp;"):
		return '&'
	case strings.HasSuffix(e, "quot;"), strings.HasSuffix(e, "34;"):
		return '"'
	case last == ';':
		return '\''
	case last == '\n', e[0] == '\\' && (last == 'n' || last == 'r' || last == 't'):
		return ' '
	}
	c, _ := strconv.ParseUint(e[len(e)-2:], 16, 8)
	return byte(c)
}
