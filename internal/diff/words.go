package diff

import (
	"unicode"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// maxWordRunes bounds the lines that Words compares to some 10 ms of work.
const maxWordRunes = 2000

// Word is a run of bytes that two lines share or that only one of them has.
type Word struct {
	Op   Op
	Text string
}

// Words compares two lines word by word. Same and Delete words joined give old,
// Same and Insert words give new, byte for byte; no rune is ever split. It
// returns nil, meaning that the lines are to be shown whole, when either has
// more than 2,000 runes.
func Words(old, new string) []Word {
	if utf8.RuneCountInString(old) > maxWordRunes || utf8.RuneCountInString(new) > maxWordRunes {
		return nil
	}
	// Each distinct token becomes one rune, so that the comparison can't cut
	// inside one and invalid bytes stay themselves. There are at most 4,000
	// tokens, far below the surrogates.
	var words vocabulary
	a, b := words.encode(old), words.encode(new)
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0 // a clock would make the result depend on load
	var out []Word
	for _, d := range dmp.DiffMainRunes(a, b, false) {
		op := Same
		switch d.Type {
		case diffmatchpatch.DiffDelete:
			op = Delete
		case diffmatchpatch.DiffInsert:
			op = Insert
		}
		out = append(out, Word{op, words.decode(d.Text)})
	}
	return out
}

// vocabulary numbers tokens from 1 in the order of their first sight.
type vocabulary struct {
	tokens []string
	ids    map[string]rune
}

func (v *vocabulary) encode(line string) []rune {
	if v.ids == nil {
		v.ids = map[string]rune{}
	}
	var out []rune
	for line != "" {
		n := tokenLen(line)
		id, ok := v.ids[line[:n]]
		if !ok {
			v.tokens = append(v.tokens, line[:n])
			id = rune(len(v.tokens))
			v.ids[line[:n]] = id
		}
		out = append(out, id)
		line = line[n:]
	}
	return out
}

func (v *vocabulary) decode(ids string) string {
	var out []byte
	for _, id := range ids {
		out = append(out, v.tokens[id-1]...)
	}
	return string(out)
}

// tokenLen returns the length of the first token of a line: a run of letters,
// digits and underscores, a run of white space, or one other rune or invalid
// byte. Han, kana and the like are written without spaces: each such letter is
// a token.
func tokenLen(line string) int {
	class := func(s string) (kind, size int) {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case unicode.Is(unicode.Lo, r):
			return 0, size
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r), r == '_':
			return 1, size
		case unicode.IsSpace(r):
			return 2, size
		}
		return 0, size
	}
	kind, n := class(line)
	for kind != 0 && n < len(line) {
		next, size := class(line[n:])
		if next != kind {
			break
		}
		n += size
	}
	return n
}
