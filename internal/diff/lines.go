package diff

import (
	"bytes"

	linediff "znkr.io/diff"
	"znkr.io/diff/textdiff"
)

// Op says what became of a line or a word.
type Op byte

// The values are the marks of a unified diff.
const (
	Same   Op = ' '
	Delete Op = '-'
	Insert Op = '+'
)

// Line is one line of a hunk.
type Line struct {
	Op       Op
	Old, New int    // its numbers, counted from 1; 0 on a side that lacks it
	Text     []byte // with its "\n", which only the last line of a content can lack
}

// Hunk is a run of changed lines with those around them. Starts count from 1;
// as in a unified diff, an empty side starts at the line before it.
type Hunk struct {
	OldStart, OldLines int
	NewStart, NewLines int
	Lines              []Line
}

// block is a run of lines old[old:oldEnd] that new[new:newEnd] replaces.
type block struct{ old, oldEnd, new, newEnd int }

// splitLines cuts a content into lines: the bytes up to and including "\n". A
// lone "\r" ends no line.
func splitLines(content []byte) [][]byte {
	lines := make([][]byte, 0, bytes.Count(content, []byte("\n"))+1)
	for len(content) > 0 {
		end := bytes.IndexByte(content, '\n') + 1
		if end == 0 {
			end = len(content)
		}
		lines = append(lines, content[:end:end])
		content = content[end:]
	}
	return lines
}

// changedBlocks returns the runs of lines that differ, in order. It always
// compares the lesser content with the greater one: the algorithm may choose
// differently in the other direction, and a diff read backwards must be the
// mirror of the diff read forwards.
func changedBlocks(old, new *Text) []block {
	swap := bytes.Compare(old.content, new.content) > 0
	if swap {
		old, new = new, old
	}
	hunks := textdiff.Hunks(old.content, new.content, linediff.Context(0), textdiff.IndentHeuristic())
	blocks := make([]block, len(hunks))
	for i, h := range hunks {
		blocks[i] = block{h.LineNoX, h.EndLineNoX, h.LineNoY, h.EndLineNoY}
		if swap {
			blocks[i] = block{h.LineNoY, h.EndLineNoY, h.LineNoX, h.EndLineNoX}
		}
	}
	return blocks
}

// maxIndent bounds what evenSpace keeps of an indentation. A reader sees no
// difference beyond, and lines that repeat can't blow a text up.
const maxIndent = 80

// evenSpace returns both texts with each line's white space left out, so that
// lines that differ in nothing else are equal. Their indentation stays, for it
// tells where a change had best begin: all equal lines get that of the first
// one, and the lesser text comes first, as in changedBlocks.
func evenSpace(old, new *Text) (evenOld, evenNew *Text) {
	if bytes.Compare(old.content, new.content) > 0 {
		evenNew, evenOld = evenSpace(new, old)
		return evenOld, evenNew
	}
	indents := map[string][]byte{"": nil}
	even := func(t *Text) *Text {
		var out []byte
		for _, line := range t.lines {
			bare := string(withoutSpace(line))
			if _, ok := indents[bare]; !ok {
				indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
				indents[bare] = indent[:min(len(indent), maxIndent)]
			}
			out = append(out, indents[bare]...)
			out = append(append(out, bare...), '\n')
		}
		return Read(out)
	}
	return even(old), even(new)
}

// withoutSpace returns a line without any of what git takes for white space.
func withoutSpace(line []byte) []byte {
	bare := make([]byte, 0, len(line))
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			bare = append(bare, c)
		}
	}
	return bare
}

// Options say how a line diff is shown. The zero value shows the changed lines
// alone.
type Options struct {
	Context int // unchanged lines on either side of a change
	// IgnoreSpace takes lines for equal that differ in white space only, as git
	// does with -w: in spaces, tabs, "\r" and a last "\n". An unchanged line is
	// shown as new has it; a blank line that came or went is a change. What comes
	// of it is for reading: it is no patch.
	IgnoreSpace bool
}

// Hunks returns the changed lines with up to o.Context unchanged ones on either
// side; changes that close together share a hunk. A nil Text counts as empty.
// There are none when the contents are equal. The lines alias the contents.
func Hunks(old, new *Text, o Options) []Hunk {
	if old == nil {
		old = Read(nil)
	}
	if new == nil {
		new = Read(nil)
	}
	// No text has more lines than bytes, so this bound changes nothing but
	// keeps the sums below from overflowing.
	context := min(max(o.Context, 0), len(old.content)+len(new.content))
	was, is := old, new
	if o.IgnoreSpace {
		was, is = evenSpace(old, new)
	}
	blocks := changedBlocks(was, is)
	var hunks []Hunk
	for len(blocks) > 0 {
		n := 1
		for n < len(blocks) && blocks[n].old-blocks[n-1].oldEnd <= 2*context {
			n++
		}
		hunks = append(hunks, hunk(old, new, blocks[:n], context))
		blocks = blocks[n:]
	}
	return hunks
}

// hunk makes one hunk of neighbouring blocks.
func hunk(old, new *Text, blocks []block, context int) Hunk {
	first, last := blocks[0], blocks[len(blocks)-1]
	before := min(context, first.old)
	i, j := first.old-before, first.new-before
	end := min(last.oldEnd+context, len(old.lines))
	h := Hunk{OldStart: i + 1, NewStart: j + 1}
	same := func(until int) {
		for ; i < until; i, j = i+1, j+1 {
			h.Lines = append(h.Lines, Line{Same, i + 1, j + 1, new.lines[j]})
		}
	}
	for _, b := range blocks {
		same(b.old)
		for ; i < b.oldEnd; i++ {
			h.Lines = append(h.Lines, Line{Delete, i + 1, 0, old.lines[i]})
		}
		for ; j < b.newEnd; j++ {
			h.Lines = append(h.Lines, Line{Insert, 0, j + 1, new.lines[j]})
		}
	}
	same(end)
	h.OldLines, h.NewLines = i+1-h.OldStart, j+1-h.NewStart
	if h.OldLines == 0 {
		h.OldStart--
	}
	if h.NewLines == 0 {
		h.NewStart--
	}
	return h
}
