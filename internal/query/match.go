package query

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"unicode/utf8"
)

// stepsPerCheck is how many steps of a pattern run between two checks of the context. A
// step is one instruction for one character; a million take 10 to 50 ms.
const stepsPerCheck = 1 << 20

// Matcher matches a pattern against lines of any length until its context ends. Package
// regexp cannot be interrupted: a pattern of 2,000 instructions takes minutes for a line of
// 4 MB. A Matcher passes such a line to it in pieces, and ends the line when the context
// ends.
type Matcher struct {
	ctx     context.Context
	pattern *regexp.Regexp
	cost    int // instructions of the pattern; a character costs that many steps at most
	limit   int // steps between two checks
}

// NewMatcher returns a Matcher of a pattern.
func NewMatcher(ctx context.Context, pattern *regexp.Regexp) *Matcher {
	cost := 1
	if _, all := pattern.LiteralPrefix(); !all { // plain text is found without steps
		cost = instructions(pattern.String())
	}
	return &Matcher{ctx, pattern, cost, stepsPerCheck}
}

// direct reports whether a line may be passed to regexp as a whole: it is short, or the
// pattern is plain text.
func (m *Matcher) direct(line []byte) bool { return m.cost == 1 || len(line)*m.cost <= m.limit }

// Match reports whether the line has a match. The error is that of the context.
func (m *Matcher) Match(line []byte) (bool, error) {
	at, err := m.Find(line)
	return at != nil, err
}

// matchAny reports whether one of the lines matches.
func (m *Matcher) matchAny(lines []byte) (bool, error) {
	for line := range bytes.Lines(lines) {
		if match, err := m.Match(withoutEnd(line)); match || err != nil {
			return match, err
		}
	}
	return false, nil
}

// Find returns the start and end of the first match of a line; nil for no match.
func (m *Matcher) Find(line []byte) ([]int, error) {
	if m.direct(line) {
		return m.pattern.FindIndex(line), m.ctx.Err()
	}
	r := m.reader(line)
	at := m.pattern.FindReaderIndex(r)
	if r.err != nil {
		return nil, r.err
	}
	return at, nil
}

// FindAll returns the start and end of at most limit matches of a line, or all for -1.
// For highlighting only: it may return fewer if they are slow to find.
func (m *Matcher) FindAll(line []byte, limit int) ([][]int, error) {
	if !m.direct(line) {
		return nil, nil
	}
	// Each match may read the rest of the line.
	if affordable := max(1, 32*m.limit/(m.cost*max(1, len(line)))); m.cost > 1 && (limit < 0 || affordable < limit) {
		limit = affordable
	}
	return m.pattern.FindAllIndex(line, limit), m.ctx.Err()
}

func (m *Matcher) reader(line []byte) *stoppable {
	return &stoppable{ctx: m.ctx, text: line, every: max(1, m.limit/m.cost)}
}

// stoppable reads the characters of a text until its end or the end of a context.
type stoppable struct {
	ctx   context.Context
	text  []byte
	every int // characters between two checks
	left  int // until the next one
	err   error
}

// ReadRune implements io.RuneReader.
func (s *stoppable) ReadRune() (rune, int, error) {
	if s.left--; s.left < 0 {
		if s.err = s.ctx.Err(); s.err != nil {
			s.text = nil
		}
		s.left = s.every
	}
	if len(s.text) == 0 {
		return 0, 0, io.EOF
	}
	r, size := utf8.DecodeRune(s.text)
	s.text = s.text[size:]
	return r, size, nil
}
