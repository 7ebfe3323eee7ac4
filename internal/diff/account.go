package diff

import "cocsync/internal/diff/lines"

// account says to what the changed lines belong that no item has: each of them
// lies in one of the runs that it returns.
func (w *walker) account(blocks []lines.Block) []Formatting {
	old, new := newLedger(w.a.Lines), newLedger(w.b.Lines)
	for _, b := range blocks {
		old.open(b.Old, b.OldEnd)
		new.open(b.New, b.NewEnd)
	}
	for _, s := range w.spans {
		old.cover(s.old)
		new.cover(s.new)
	}
	if old.settle()+new.settle() == 0 {
		return nil
	}
	c := newClassifier(old, new)
	found := c.comments(blocks)
	for _, f := range w.forms {
		if old.touches(f.OldLines) || new.touches(f.NewLines) {
			found = append(found, f)
		}
	}
	for _, f := range found {
		old.cover(f.OldLines)
		new.cover(f.NewLines)
	}
	if old.settle()+new.settle() == 0 {
		return found
	}
	return append(found, c.rest(blocks)...)
}

// ledger has the lines of a content, and which of them are still open: changed,
// and not accounted for.
type ledger struct {
	lines  [][]byte
	isOpen []bool
	covers []int // how many runs begin at a line, less those that ended before it
	before []int // open lines before a line
}

func newLedger(lines [][]byte) *ledger {
	n := len(lines)
	return &ledger{lines, make([]bool, n), make([]int, n+1), make([]int, n+1)}
}

func (l *ledger) open(from, to int) {
	for i := from; i < to; i++ {
		l.isOpen[i] = true
	}
}

// cover takes in a run of lines; settle closes those that are open.
func (l *ledger) cover(s Span) {
	if s.From > 0 && s.From <= len(l.lines) {
		l.covers[s.From-1]++
		l.covers[min(max(s.From, s.To), len(l.lines))]--
	}
}

// settle closes the lines that were covered and returns how many are open.
func (l *ledger) settle() int {
	depth := 0
	for i := range l.lines {
		depth += l.covers[i]
		l.isOpen[i] = l.isOpen[i] && depth == 0
		l.before[i+1] = l.before[i]
		if l.isOpen[i] {
			l.before[i+1]++
		}
	}
	return l.before[len(l.lines)]
}

// touches reports whether a run had an open line when the ledger was settled.
func (l *ledger) touches(s Span) bool {
	return s.From > 0 && s.From <= len(l.lines) && l.before[min(s.To, len(l.lines))] > l.before[s.From-1]
}
