package diff

import (
	"bytes"
	"strings"

	"cocsync/internal/diff/lines"
)

// classifier says by their text what sort of formatting changed lines are.
type classifier struct {
	old, new *ledger
	remarks  map[string]int // how much more often a comment stands in the new content
	whole    [2]map[string]bool
	ink      [2]map[string]bool // the same without white space
}

func newClassifier(old, new *ledger) *classifier {
	c := &classifier{old: old, new: new, remarks: map[string]int{}}
	for _, line := range old.lines {
		if text := comment(line); text != "" {
			c.remarks[text]--
		}
	}
	for _, line := range new.lines {
		if text := comment(line); text != "" {
			c.remarks[text]++
		}
	}
	return c
}

// comment returns the comment on a line, if what begins with # is one.
func comment(line []byte) string { return string(bytes.TrimSpace(line[commentAt(line):])) }

// bare is a line without its comment and white space.
func bare(line []byte) string { return ink(line[:commentAt(line)]) }

// commentAt returns where the comment on a line begins; its end if it has none.
func commentAt(line []byte) int {
	quote := byte(0)
	for i, b := range line {
		switch {
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return i
		case (b == '"' || b == '\'') && (i == 0 || bytes.IndexByte([]byte(" \t[{,:"), line[i-1]) >= 0):
			quote = b
		}
	}
	return len(line)
}

// comments returns the open lines whose comments came or went, and the same
// lines without them.
func (c *classifier) comments(blocks []lines.Block) (found []Formatting) {
	for _, b := range blocks {
		remarked := map[string]bool{}
		mine := func(line []byte) bool { return c.remarks[comment(line)] != 0 }
		note := func(line []byte) bool {
			if mine(line) {
				remarked[bare(line)] = true
			}
			return false
		}
		c.old.run(b.Old, b.OldEnd, note)
		c.new.run(b.New, b.NewEnd, note)
		if len(remarked) == 0 {
			continue
		}
		delete(remarked, "")
		is := func(line []byte) bool { return mine(line) || remarked[bare(line)] }
		found = c.add(found, b, comments, is, is)
	}
	return found
}

// run is the run from the first to the last open line between two that passes.
func (l *ledger) run(from, to int, passes func(line []byte) bool) (s Span) {
	for i := from; i < to; i++ {
		if l.isOpen[i] && passes(l.lines[i]) {
			if s.From == 0 {
				s.From = i + 1
			}
			s.To = i + 1
		}
	}
	return s
}

// rest returns a sort for every line that is still open.
func (c *classifier) rest(blocks []lines.Block) (found []Formatting) {
	for s, l := range []*ledger{c.old, c.new} {
		c.whole[s], c.ink[s] = map[string]bool{}, map[string]bool{}
		var buf []byte
		for _, line := range l.lines {
			if c.whole[s][string(line)] { // spares the keys that stand already
				continue
			}
			c.whole[s][string(line)] = true
			buf = appendInk(buf[:0], line)
			c.ink[s][string(buf)] = true
		}
	}
	for _, b := range blocks {
		all := func([]byte) bool { return true }
		if c.old.ink(b.Old, b.OldEnd) == c.new.ink(b.New, b.NewEnd) {
			found = c.add(found, b, whiteSpace, all, all)
			continue
		}
		for _, sort := range []string{layout, whiteSpace, shifted, spelling} {
			found = c.add(found, b, sort,
				func(line []byte) bool { return c.sort(line, 1) == sort },
				func(line []byte) bool { return c.sort(line, 0) == sort })
		}
	}
	return found
}

func (c *classifier) add(found []Formatting, b lines.Block, sort string, old, new func([]byte) bool) []Formatting {
	f := Formatting{sort, c.old.run(b.Old, b.OldEnd, old), c.new.run(b.New, b.NewEnd, new)}
	if f.OldLines.From == 0 && f.NewLines.From == 0 {
		return found
	}
	return append(found, f)
}

// sort is the sort of a line by itself; other is the side that it is not on.
func (c *classifier) sort(line []byte, other int) string {
	text := ink(line)
	switch {
	case text == "":
		return whiteSpace
	case c.whole[other][string(line)]:
		return shifted
	case strings.HasPrefix(text, "---"), text == "...", text[0] == '%',
		text[0] == '-' && c.ink[other][text[1:]], c.ink[other]["-"+text]: // a marker, a dash on a line of its own
		return layout
	case c.ink[other][text]:
		return whiteSpace
	}
	return spelling
}

// ink is what the open lines between two hold, without white space.
func (l *ledger) ink(from, to int) string {
	var buf []byte
	for i := from; i < to; i++ {
		if l.isOpen[i] {
			buf = appendInk(buf, l.lines[i])
		}
	}
	return string(buf)
}

// ink is a text without its white space and byte order mark.
func ink(text []byte) string { return string(appendInk(nil, text)) }

func appendInk(buf, text []byte) []byte {
	for len(text) > 0 {
		switch {
		case strings.IndexByte(" \t\r\n", text[0]) >= 0:
			text = text[1:]
		case bytes.HasPrefix(text, []byte("\ufeff")):
			text = text[len("\ufeff"):]
		default:
			buf, text = append(buf, text[0]), text[1:]
		}
	}
	return buf
}

// sorts lists the sorts of formatting in a fixed order, shifted left out.
func sorts(all []Formatting) []string {
	var list []string
	for _, sort := range []string{comments, anchors, keyOrder, quoting, spelling, layout, whiteSpace} {
		for _, f := range all {
			if f.Sort == sort {
				list = append(list, sort)
				break
			}
		}
	}
	return list
}
