package diff

import (
	"bytes"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff/lines"
)

// classifier says by the text of changed lines what sort of formatting changed.
type classifier struct {
	old, new *ledger
	calm     bool           // there is no other difference, near which lines could have shifted
	remarks  map[string]int // how many more times the new content has a comment
	whole    [2]map[string]bool
	noSpace  [2]map[string]bool // the same without white space
	bare     [2]map[string]bool // and of lines with a comment, without it
}

func newClassifier(old, new *ledger, calm bool) *classifier {
	c := &classifier{old: old, new: new, calm: calm, remarks: map[string]int{}}
	for i := range old.Lines {
		if text := old.comment(i); text != "" {
			c.remarks[text]--
		}
	}
	for i := range new.Lines {
		if text := new.comment(i); text != "" {
			c.remarks[text]++
		}
	}
	return c
}

// comment returns the comment on a line, "" if there is none.
func (l *ledger) comment(i int) string {
	if l.text[i] {
		return ""
	}
	return string(bytes.TrimSpace(l.Lines[i][commentAt(l.Lines[i]):]))
}

// bare returns a line without its comment and white space.
func (l *ledger) bare(i int) string {
	line := l.Lines[i]
	if !l.text[i] {
		line = line[:commentAt(line)]
	}
	return nonSpace(line)
}

// commentAt returns where the comment on a line starts; the line's end if it has none.
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

// comments returns the open lines whose comments were added or removed, and the same
// lines without them.
func (c *classifier) comments(blocks []lines.Block) (found []coc.Formatting) {
	for _, b := range blocks {
		remarked := map[string]bool{}
		mine := func(l *ledger, i int) bool { return c.remarks[l.comment(i)] != 0 }
		note := func(l *ledger, from, to int) {
			for i := from; i < to; i++ {
				if l.isOpen[i] && mine(l, i) {
					remarked[l.bare(i)] = true
				}
			}
		}
		note(c.old, b.Old, b.OldEnd)
		note(c.new, b.New, b.NewEnd)
		if len(remarked) == 0 {
			continue
		}
		delete(remarked, "")
		found = c.add(found, b, comments, func(l *ledger, i int) bool { return mine(l, i) || remarked[l.bare(i)] })
	}
	return found
}

// runs returns the runs of open lines between two that pass.
func (l *ledger) runs(from, to int, passes func(l *ledger, i int) bool) (list []coc.Span) {
	going := false
	for i := from; i < to; i++ {
		passed := l.isOpen[i] && passes(l, i)
		switch {
		case passed && going:
			list[len(list)-1].To = i + 1
		case passed:
			list = append(list, coc.Span{From: i + 1, To: i + 1})
		}
		going = passed
	}
	return list
}

// rest returns a sort for every line that is still open.
func (c *classifier) rest(blocks []lines.Block) (found []coc.Formatting) {
	for s, l := range []*ledger{c.old, c.new} {
		c.whole[s], c.noSpace[s], c.bare[s] = map[string]bool{}, map[string]bool{}, map[string]bool{}
		var buf []byte
		for i, line := range l.Lines {
			if c.whole[s][string(line)] { // avoids the lookup of existing keys
				continue
			}
			c.whole[s][string(line)] = true
			buf = appendNonSpace(buf[:0], line)
			c.noSpace[s][string(buf)] = true
			if l.comment(i) != "" {
				c.bare[s][l.bare(i)] = true
			}
		}
	}
	for _, b := range blocks {
		if c.old.nonSpace(b.Old, b.OldEnd) == c.new.nonSpace(b.New, b.NewEnd) {
			found = c.add(found, b, whiteSpace, func(*ledger, int) bool { return true })
			continue
		}
		for _, sort := range []string{comments, layout, whiteSpace, shifted, spelling} {
			found = c.add(found, b, sort, func(l *ledger, i int) bool { return c.sort(l, i) == sort })
		}
	}
	return found
}

// named returns why lines shifted if nothing else differs: comments that moved, or
// else white space.
func (c *classifier) named(found []coc.Formatting) []coc.Formatting {
	if !c.calm || len(sorts(found)) > 0 {
		return found
	}
	sort := whiteSpace
	if len(c.remarks) > 0 {
		sort = comments
	}
	for i := range found {
		found[i].Sort = sort
	}
	return found
}

// add adds the runs of a block's lines that pass, those of both sides in order.
func (c *classifier) add(found []coc.Formatting, b lines.Block, sort string, passes func(l *ledger, i int) bool) []coc.Formatting {
	old, new := c.old.runs(b.Old, b.OldEnd, passes), c.new.runs(b.New, b.NewEnd, passes)
	for i := range max(len(old), len(new)) {
		f := coc.Formatting{Sort: sort}
		if i < len(old) {
			f.OldLines = old[i]
		}
		if i < len(new) {
			f.NewLines = new[i]
		}
		found = append(found, f)
	}
	return found
}

// sort returns the sort of a single line.
func (c *classifier) sort(l *ledger, i int) string {
	line, other := l.Lines[i], 1 // the side that it is not on
	if l == c.new {
		other = 0
	}
	text := nonSpace(line)
	remark := l.comment(i)
	switch {
	case text == "":
		return whiteSpace
	case c.whole[other][string(line)]:
		return shifted
	case strings.HasPrefix(text, "---"), text == "...", text[0] == '%',
		text[0] == '-' && c.noSpace[other][text[1:]], c.noSpace[other]["-"+text], // a marker, a dash on its own line
		c.noSpace[other][text+","], c.noSpace[other][strings.TrimSuffix(text, ",")] && text[len(text)-1] == ',':
		return layout
	case c.noSpace[other][text]:
		return whiteSpace
	case c.bare[other][l.bare(i)], remark != "" && c.noSpace[other][l.bare(i)]:
		return comments
	}
	return spelling
}

// nonSpace returns what the open lines between two contain, without white space.
func (l *ledger) nonSpace(from, to int) string {
	var buf []byte
	for i := from; i < to; i++ {
		if l.isOpen[i] {
			buf = appendNonSpace(buf, l.Lines[i])
		}
	}
	return string(buf)
}

// nonSpace returns a text without its white space and byte order mark.
func nonSpace(text []byte) string { return string(appendNonSpace(nil, text)) }

func appendNonSpace(buf, text []byte) []byte {
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

// sorts lists the sorts of formatting in a fixed order, without shifted lines.
func sorts(all []coc.Formatting) []string {
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
