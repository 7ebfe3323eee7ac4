package diff

import (
	"go.yaml.in/yaml/v4"

	"cocsync/internal/coc"
	"cocsync/internal/diff/lines"
)

// explainLines classifies the changed lines that no item explains: each of them is in
// one of the runs that it returns.
func (w *walker) explainLines(blocks []lines.Block) []coc.Formatting {
	if w.covered(blocks) {
		return nil
	}
	old, new := newLineCoverage(w.a), newLineCoverage(w.b)
	for _, b := range blocks {
		old.markOpen(b.Old, b.OldEnd)
		new.markOpen(b.New, b.NewEnd)
	}
	for _, s := range w.spans {
		old.cover(s.old)
		new.cover(s.new)
	}
	if old.update()+new.update() == 0 {
		return nil
	}
	old.findTexts()
	new.findTexts()
	c := newClassifier(old, new, w.total == 0)
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
	if old.update()+new.update() == 0 {
		return found
	}
	return c.named(append(found, c.rest(blocks)...))
}

// maxCovered bounds the product of blocks and runs that are compared.
const maxCovered = 4096

// covered reports whether each side of each block is within a run of an item, as in
// most comparisons; a lineCoverage would cost more. False may also mean that
// there are too many to compare.
func (w *walker) covered(blocks []lines.Block) bool {
	if len(blocks)*len(w.spans) > maxCovered {
		return false
	}
	for _, b := range blocks {
		old, new := b.Old == b.OldEnd, b.New == b.NewEnd
		for _, s := range w.spans {
			old = old || s.old.From > 0 && s.old.From <= b.Old+1 && b.OldEnd <= s.old.To
			new = new || s.new.From > 0 && s.new.From <= b.New+1 && b.NewEnd <= s.new.To
			if old && new {
				break
			}
		}
		if !old || !new {
			return false
		}
	}
	return true
}

// lineCoverage has the lines of a content, and which of them are still open: changed,
// and not explained by an item.
type lineCoverage struct {
	*Text
	isOpen []bool
	covers []int  // how many runs start at a line, less those that ended before it
	before []int  // open lines before a line
	text   []bool // whether a line continues a text, so that it has no comment
}

func newLineCoverage(t *Text) *lineCoverage {
	n := len(t.Lines)
	return &lineCoverage{t, make([]bool, n), make([]int, n+1), make([]int, n+1), nil}
}

// markOpen marks the changed lines from one up to but not including another.
func (l *lineCoverage) markOpen(from, to int) {
	for i := from; i < to; i++ {
		l.isOpen[i] = true
	}
}

// cover adds a run of lines; update closes those that are open.
func (l *lineCoverage) cover(s coc.Span) {
	if s.From > 0 && s.From <= len(l.Lines) {
		l.covers[s.From-1]++
		l.covers[min(max(s.From, s.To), len(l.Lines))]--
	}
}

// update closes the lines that were covered and returns how many are open.
func (l *lineCoverage) update() int {
	depth := 0
	for i := range l.Lines {
		depth += l.covers[i]
		l.isOpen[i] = l.isOpen[i] && depth == 0
		l.before[i+1] = l.before[i]
		if l.isOpen[i] {
			l.before[i+1]++
		}
	}
	return l.before[len(l.Lines)]
}

// touches reports whether a run had an open line at the last update.
func (l *lineCoverage) touches(s coc.Span) bool {
	n := len(l.Lines)
	return s.From > 0 && s.From <= n && l.before[min(s.To, n)] > l.before[s.From-1]
}

// findTexts marks the lines that continue texts of several lines.
func (l *lineCoverage) findTexts() {
	l.text = make([]bool, len(l.Lines))
	tree, _ := l.structure()
	l.findIn(tree.root)
}

// findIn marks them in a value.
func (l *lineCoverage) findIn(n *node) {
	for i := range n.size() {
		s := n.slot(i)
		switch {
		case s.alias: // its text is elsewhere
		case s.value.kind == scalar:
			end := min(s.at+s.lines, len(l.text))
			if s.value.style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
				end-- // a comment can follow it
			}
			for line := s.first + 1; line < end; line++ {
				l.text[line] = true
			}
		default:
			l.findIn(s.value)
		}
	}
}
