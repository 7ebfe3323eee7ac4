package query

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"cocsync/internal/db"
)

// A Matcher that passes a text to regexp in pieces finds the same matches as regexp.
func TestMatcherMatchesAsRegexp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	atoms := []string{"a", "b", "ab", ".", `\b`, `\B`, "^", "$", `\x{ff}`, `\x{fffd}`, "é", "[^a]", `\d`, "(?i)A", `\A`,
		`\z`, "日", `\x00`, "(?s).", "[a-c]"}
	ends := []string{"", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?"}
	pieces := []string{"a", "b", "ab", "A", " ", "é", "日", "\xff", "\xc3", "\xed\xa0\x80", "\x00", "1", "\n", "c", "�"}
	var build func(depth int) string
	build = func(depth int) string {
		var b strings.Builder
		for range 1 + random.IntN(3) {
			part := pick(atoms)
			if depth > 0 && random.IntN(3) == 0 {
				part = "(" + build(depth-1) + "|" + build(depth-1) + ")"
			}
			b.WriteString("(?:" + part + ")" + pick(ends))
		}
		return b.String()
	}
	for range 20_000 {
		pattern := build(2)
		re, err := regexp.Compile(pattern)
		if err != nil {
			continue // a repetition of repetitions
		}
		var text []byte
		for range random.IntN(12) {
			text = append(text, pick(pieces)...)
		}
		m := NewMatcher(t.Context(), re)
		m.limit = random.IntN(2 * m.cost) // so that most texts are passed in pieces
		if got, err := m.Match(text); got != re.Match(text) || err != nil {
			t.Errorf("Match(%q, %q) = %v, %v, want %v", pattern, text, got, err, re.Match(text))
		}
		if got, err := m.Find(text); !slices.Equal(got, re.FindIndex(text)) || err != nil {
			t.Errorf("Find(%q, %q) = %v, %v, want %v", pattern, text, got, err, re.FindIndex(text))
		}
	}
}

// FindAll returns the matches of regexp, or only the first ones if finding all could take long.
func TestMatcherFindAll(t *testing.T) {
	line := []byte(strings.Repeat("ab", 1000))
	for pattern, want := range map[string]int{"ab": 1000, "a[b]": 1000, `a|b(?:.?){900}\x00`: 37, "x": 0} {
		re := regexp.MustCompile(pattern)
		m := NewMatcher(t.Context(), re)
		m.limit = 1 << 22
		got, err := m.FindAll(line, -1)
		if err != nil || len(got) != want || !slices.EqualFunc(got, re.FindAllIndex(line, want), slices.Equal) {
			t.Errorf("FindAll(%s) = %d matches, %v, want %d", pattern, len(got), err, want)
		}
	}
	m := NewMatcher(t.Context(), regexp.MustCompile("a(?:.?){900}"))
	m.limit = 1
	if got, err := m.FindAll(line, -1); got != nil || err != nil {
		t.Errorf("FindAll of what takes too long = %d matches, %v, want none", len(got), err)
	}
}

// ending is a context that ends after a number of checks.
type ending struct {
	context.Context
	cancel context.CancelFunc
	left   atomic.Int64
}

func endsAfter(t *testing.T, checks int64) *ending {
	ctx, cancel := context.WithCancel(t.Context())
	e := &ending{Context: ctx, cancel: cancel}
	e.left.Store(checks)
	t.Cleanup(cancel)
	return e
}

func (e *ending) Err() error {
	if e.left.Add(-1) < 0 {
		e.cancel()
	}
	return e.Context.Err()
}

// costly takes minutes for a line of 4 MB.
const costly = `(?:.?){990}\x00`

// Fault: a costly pattern on a long line or on many short lines could not be stopped. Now it ends at
// the next check without a result for the line.
func TestMatcherStops(t *testing.T) {
	line := bytes.Repeat([]byte("a"), 4<<20)
	re := regexp.MustCompile(costly)
	ctx := endsAfter(t, 3)
	m := NewMatcher(ctx, re)
	if got, err := m.Match(line); got || !errors.Is(err, context.Canceled) {
		t.Errorf("Match = %v, %v, want %v", got, err, context.Canceled)
	}
	if n := ctx.left.Load(); n < -2 {
		t.Errorf("it was asked %d times more after the end", -1-n)
	}
	if got, err := NewMatcher(endsAfter(t, 3), re).Find(line); got != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("Find = %v, %v, want %v", got, err, context.Canceled)
	}
	// A match that exists only because the line is cut does not count.
	if got, err := NewMatcher(endsAfter(t, 3), regexp.MustCompile(`^(?:a?){900}a*$`)).Match(line); got || !errors.Is(err, context.Canceled) {
		t.Errorf("Match of a cut line = %v, %v, want %v", got, err, context.Canceled)
	}
	m = NewMatcher(endsAfter(t, 3), re)
	short := bytes.Repeat([]byte(strings.Repeat("a", 100)+"\n"), 40_000)
	if got, err := m.matchAny(short); got || !errors.Is(err, context.Canceled) {
		t.Errorf("matchAny = %v, %v, want %v", got, err, context.Canceled)
	}
	r := m.reader(line)
	if r.every*m.cost > stepsPerCheck || r.every == 0 {
		t.Errorf("%d characters of %d steps between two checks, want at most %d steps", r.every, m.cost, stepsPerCheck)
	}
}

// Fault: the search of a disconnected client continued to the end of the line.
func TestGrepStopsInALine(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "archive.db"))
	must(t, err)
	defer d.Close()
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	must(t, err)
	s := version(1)
	s.Versions[0].Revision.Content.Bytes = bytes.Repeat([]byte("a"), 4<<20)
	must(t, d.Commit(t.Context(), s))
	h := archive(d)
	for _, q := range []Grep{{}, {Newest: true}, {Newest: true, MaxDocuments: 3}} {
		q.Pattern = costly
		_, err := h.Grep(endsAfter(t, 200), q, func(Found) error { return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Grep(%+v) = %v, want %v", q, err, context.Canceled)
		}
	}
}
