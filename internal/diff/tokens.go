package diff

import (
	"unicode"
	"unicode/utf8"
)

// tokens is a line split into units for a reader: a word, a run of white space, or a
// single sign.
type tokens struct {
	line string
	at   []tokenAt // each token, and one for the end of the line
}

// tokenAt is the start of a token, and the weight of all before it.
type tokenAt struct{ start, weight int }

// The weights of runes for similarity: white space and signs are in any two lines of a
// document.
const (
	signWeight = 1
	wordWeight = 2
)

// runeKind is the kind of a rune.
type runeKind byte

const (
	signRune  runeKind = iota // a token of its own, as is an invalid byte
	loneRune                  // a letter of a script without spaces: a token of its own
	wordRune                  // joins with the same kind
	spaceRune                 // joins with the same kind
	markRune                  // joins with any rune before it
)

// tokenize splits a line into tokens. An identifier is split at "_", "-" and ".", so
// that only agent of restart_agent is marked if that changed, but not at upper case,
// where hashes and base64 would be split into tiny pieces.
func tokenize(line string) tokens {
	t := tokens{line, make([]tokenAt, 0, len(line)/3+2)}
	last, sum := signRune, 0
	for i, size := 0, 0; i < len(line); i += size {
		var kind runeKind
		kind, size = firstRune(line[i:])
		switch {
		case kind == markRune && i > 0:
			continue
		case kind <= loneRune || kind == markRune || kind != last || i == 0:
			t.at = append(t.at, tokenAt{i, sum})
		}
		last = kind
		sum += kind.weight()
	}
	t.at = append(t.at, tokenAt{len(line), sum})
	return t
}

func (k runeKind) weight() int {
	switch k {
	case loneRune, wordRune:
		return wordWeight
	case signRune:
		return signWeight
	}
	return 0
}

// count returns the number of tokens.
func (t tokens) count() int { return len(t.at) - 1 }

// text returns tokens i up to but not including j.
func (t tokens) text(i, j int) string { return t.line[t.at[i].start:t.at[j].start] }

// weigh returns their total weight.
func (t tokens) weigh(i, j int) int { return t.at[j].weight - t.at[i].weight }

// total is the weight of the whole line.
func (t tokens) total() int { return t.at[t.count()].weight }

// weigh returns the weight of a part of a line.
func weigh(text string) (sum int) {
	for i := 0; i < len(text); {
		kind, size := firstRune(text[i:])
		sum += kind.weight()
		i += size
	}
	return sum
}

// firstRune returns the kind and the length of the first rune.
func firstRune(s string) (runeKind, int) {
	if c := s[0]; c < utf8.RuneSelf {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			return wordRune, 1
		case c == ' ', '\t' <= c && c <= '\r':
			return spaceRune, 1
		}
		return signRune, 1
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError:
		return signRune, size
	case unicode.IsMark(r), r == zeroWidthJoiner, '\U0001f3fb' <= r && r <= '\U0001f3ff': // skin tones
		return markRune, size
	case unicode.IsSpace(r):
		return spaceRune, size
	case unspacedScript(r):
		return loneRune, size
	case unicode.IsLetter(r), unicode.IsDigit(r):
		return wordRune, size
	}
	return signRune, size
}

// zeroWidthJoiner makes one picture of the emoji on either side of it.
const zeroWidthJoiner = '\u200d'

// unspacedScript reports whether a letter is of a script that is written
// without spaces between words.
func unspacedScript(r rune) bool {
	return r >= '\u0e00' && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
