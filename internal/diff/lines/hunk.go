package lines

// Op is what happened to a line, or to a word in it.
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
	Old, New int    // its numbers, counted from 1; 0 on a side that does not have it
	Text     []byte // with its "\n", which only the last line of a content may not have
}

// Hunk is a run of changed lines with those around them. Starts count from 1; as in a
// unified diff, an empty side starts at the line before it.
type Hunk struct {
	OldStart, OldLines int
	NewStart, NewLines int
	Lines              []Line
	// Was are all lines of old if white space is ignored, because an unchanged line may
	// be written differently there; else nil.
	Was [][]byte
}

// AsOld returns an unchanged line of the hunk as old has it.
func (h Hunk) AsOld(l *Line) *Line {
	if h.Was == nil {
		return l
	}
	return &Line{Same, l.Old, l.New, h.Was[l.Old-1]}
}

// Options control a line diff. The zero value has only the changed lines.
type Options struct {
	Context int // unchanged lines on either side of a change
	// IgnoreSpace treats lines that differ only in white space as equal, as git does with
	// -w: in spaces, tabs, "\r" and a last "\n". An unchanged line is shown as new has
	// it; an added or removed blank line is a change. The result is for reading: it is
	// not a patch.
	IgnoreSpace bool
}

// Hunks returns the changed lines with up to o.Context unchanged ones on either side;
// adjacent changes share a hunk. The result is empty if the contents are equal. The
// lines alias the contents.
func Hunks(old, new *Text, o Options) []Hunk {
	// No text has more lines than bytes, so this bound changes nothing except that the
	// sums below do not overflow.
	context := min(max(o.Context, 0), len(old.Content)+len(new.Content))
	was, is := old, new
	if o.IgnoreSpace {
		was, is = evenSpace(old, new)
	}
	blocks := Changed(was, is)
	var hunks []Hunk
	for len(blocks) > 0 {
		n := 1
		for n < len(blocks) && blocks[n].Old-blocks[n-1].OldEnd <= 2*context {
			n++
		}
		h := hunk(old, new, blocks[:n], context)
		if o.IgnoreSpace {
			h.Was = old.Lines
		}
		hunks = append(hunks, h)
		blocks = blocks[n:]
	}
	return hunks
}

// hunk makes one hunk of adjacent blocks.
func hunk(old, new *Text, blocks []Block, context int) Hunk {
	first, last := blocks[0], blocks[len(blocks)-1]
	before := min(context, first.Old)
	i, j := first.Old-before, first.New-before
	end := min(last.OldEnd+context, len(old.Lines))
	size := end - i // all lines of old, and those that were added
	for _, b := range blocks {
		size += b.NewEnd - b.New
	}
	h := Hunk{OldStart: i + 1, NewStart: j + 1, Lines: make([]Line, 0, size)}
	same := func(until int) {
		for ; i < until; i, j = i+1, j+1 {
			h.Lines = append(h.Lines, Line{Same, i + 1, j + 1, new.Lines[j]})
		}
	}
	for _, b := range blocks {
		same(b.Old)
		for ; i < b.OldEnd; i++ {
			h.Lines = append(h.Lines, Line{Delete, i + 1, 0, old.Lines[i]})
		}
		for ; j < b.NewEnd; j++ {
			h.Lines = append(h.Lines, Line{Insert, 0, j + 1, new.Lines[j]})
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
