package query

import (
	"context"
	"io"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// stepsPerCheck is how many steps of a pattern run between two checks of the context. A
// step is one instruction for one character; a million take 10 to 50 ms.
const stepsPerCheck = 1 << 20

// Matcher matches a pattern against lines of any length until its context ends. Package
// regexp cannot be interrupted: a pattern of 2,000 instructions takes minutes for a line of
// 4 MB. A Matcher passes such a line to it in pieces, and ends the line when the context
// ends. It is for one goroutine.
type Matcher struct {
	ctx     context.Context
	pattern *regexp.Regexp
	cost    int // instructions of the pattern; a character costs that many steps at most
	limit   int // steps between two checks
	spent   int // steps since the last check, at most
}

// NewMatcher returns a Matcher of a pattern.
func NewMatcher(ctx context.Context, pattern *regexp.Regexp) *Matcher {
	cost := 1
	if _, all := pattern.LiteralPrefix(); !all { // plain text is found without steps
		cost = instructions(pattern.String())
	}
	return &Matcher{ctx: ctx, pattern: pattern, cost: cost, limit: stepsPerCheck}
}

// instructions returns how many instructions a pattern has; 1 for one that cannot be parsed.
func instructions(pattern string) int {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 1
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 1
	}
	return len(prog.Inst)
}

// direct reports whether a text of n bytes may be passed to regexp as a whole: it is short,
// or the pattern is plain text. An error says that the context ended.
func (m *Matcher) direct(n int) (bool, error) {
	steps := n * m.cost
	if m.spent += steps; m.spent > m.limit {
		m.spent = 0
		if err := m.ctx.Err(); err != nil {
			return false, err
		}
	}
	return m.cost == 1 || steps <= m.limit, nil
}

// Match reports whether the line has a match. The error is that of the context.
func (m *Matcher) Match(line []byte) (bool, error) {
	direct, err := m.direct(len(line))
	if err != nil {
		return false, err
	}
	if direct {
		return m.pattern.Match(line), nil
	}
	r := m.reader(line)
	found := m.pattern.MatchReader(r)
	return found && r.err == nil, r.err
}

// Find returns the start and end of the first match of a line; nil for no match.
func (m *Matcher) Find(line []byte) ([]int, error) {
	direct, err := m.direct(len(line))
	if err != nil {
		return nil, err
	}
	if direct {
		return m.pattern.FindIndex(line), nil
	}
	r := m.reader(line)
	at := m.pattern.FindReaderIndex(r)
	if r.err != nil {
		return nil, r.err
	}
	return at, nil
}

// FindAll returns the start and end of at most limit matches of a line, or all for -1. It
// returns fewer if each takes long to find: it is for showing them.
func (m *Matcher) FindAll(line []byte, limit int) ([][]int, error) {
	direct, err := m.direct(len(line))
	if err != nil || !direct {
		return nil, err
	}
	if m.cost > 1 {
		// Each match may read the rest of the line.
		affordable := max(1, 32*m.limit/(m.cost*max(1, len(line))))
		if limit < 0 || affordable < limit {
			limit = affordable
		}
	}
	return m.pattern.FindAllIndex(line, limit), nil
}

func (m *Matcher) reader(line []byte) *stoppable {
	m.spent = 0
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
