package diff

import (
	"bytes"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff/lines"
)

// classifier says by the text of changed lines what kind of formatting changed.
type classifier struct {
	old, new *lineCoverage
	// formattingOnly: there is no other difference, near which lines could have shifted.
	formattingOnly bool
	commentDelta   map[string]int // how many more times the new content has a comment
	whole          [2]map[string]bool
	noSpace        [2]map[string]bool // the same without white space
	bare           [2]map[string]bool // and of lines with a comment, without it
}

func newClassifier(old, new *lineCoverage, formattingOnly bool) *classifier {
	c := &classifier{old: old, new: new, formattingOnly: formattingOnly,
		commentDelta: map[string]int{}}
	for i := range old.Lines {
		if text := old.comment(i); text != "" {
			c.commentDelta[text]--
		}
	}
	for i := range new.Lines {
		if text := new.comment(i); text != "" {
			c.commentDelta[text]++
		}
	}
	return c
}

// comment returns the comment on a line, "" if there is none.
func (l *lineCoverage) comment(i int) string {
	if l.text[i] {
		return ""
	}
	return string(bytes.TrimSpace(l.Lines[i][commentAt(l.Lines[i]):]))
}

// bare returns a line without its comment and white space.
func (l *lineCoverage) bare(i int) string {
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
		bare := map[string]bool{} // the lines whose comments were added or removed
		commented := func(l *lineCoverage, i int) bool { return c.commentDelta[l.comment(i)] != 0 }
		note := func(l *lineCoverage, from, to int) {
			for i := from; i < to; i++ {
				if l.isOpen[i] && commented(l, i) {
					bare[l.bare(i)] = true
				}
			}
		}
		note(c.old, b.Old, b.OldEnd)
		note(c.new, b.New, b.NewEnd)
		if len(bare) == 0 {
			continue
		}
		delete(bare, "")
		found = c.add(found, b, comments, func(l *lineCoverage, i int) bool {
			return commented(l, i) || bare[l.bare(i)]
		})
	}
	return found
}

// lineTest reports whether a line has some property.
type lineTest func(l *lineCoverage, i int) bool

// runs returns the runs of open lines between two that pass.
func (l *lineCoverage) runs(from, to int, passes lineTest) (list []coc.Span) {
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

// rest returns a kind for every line that is still open.
func (c *classifier) rest(blocks []lines.Block) (found []coc.Formatting) {
	for s, l := range []*lineCoverage{c.old, c.new} {
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
			found = c.add(found, b, whiteSpace, func(*lineCoverage, int) bool { return true })
			continue
		}
		for _, kind := range []string{comments, layout, whiteSpace, shifted, spelling} {
			found = c.add(found, b, kind, func(l *lineCoverage, i int) bool { return c.kind(l, i) == kind })
		}
	}
	return found
}

// named returns why lines shifted if nothing else differs: comments that moved, or
// else white space.
func (c *classifier) named(found []coc.Formatting) []coc.Formatting {
	if !c.formattingOnly || len(kinds(found)) > 0 {
		return found
	}
	kind := whiteSpace
	if len(c.commentDelta) > 0 {
		kind = comments
	}
	for i := range found {
		found[i].Kind = kind
	}
	return found
}

// add adds the runs of a block's lines that pass, those of both sides in order.
func (c *classifier) add(found []coc.Formatting, b lines.Block, kind string, passes lineTest) []coc.Formatting {
	old, new := c.old.runs(b.Old, b.OldEnd, passes), c.new.runs(b.New, b.NewEnd, passes)
	for i := range max(len(old), len(new)) {
		f := coc.Formatting{Kind: kind}
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

// kind returns the kind of a single line.
func (c *classifier) kind(l *lineCoverage, i int) string {
	line, other := l.Lines[i], 1 // the side that it is not on
	if l == c.new {
		other = 0
	}
	text := nonSpace(line)
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
	case c.bare[other][l.bare(i)], l.comment(i) != "" && c.noSpace[other][l.bare(i)]:
		return comments
	}
	return spelling
}

// nonSpace returns what the open lines between two contain, without white space.
func (l *lineCoverage) nonSpace(from, to int) string {
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

// kinds lists the kinds of formatting in a fixed order, without shifted lines.
func kinds(all []coc.Formatting) []string {
	var list []string
	for _, kind := range []string{comments, anchors, keyOrder, quoting, spelling, layout, whiteSpace} {
		for _, f := range all {
			if f.Kind == kind {
				list = append(list, kind)
				break
			}
		}
	}
	return list
}
