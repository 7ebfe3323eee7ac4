// Package lines computes which lines of two contents differ, as bytes, and writes that
// as a patch.
//
// It is the record of a difference. It knows only bytes: no parser and no part of the
// DSL influences it, so a patch is right for any content. Package diff explains the
// differences.
package lines

import (
	"bytes"

	linediff "znkr.io/diff"
	"znkr.io/diff/textdiff"
)

// Text is a content and its lines, neither of which may be altered.
type Text struct {
	Content []byte
	Lines   [][]byte // up to and including "\n", which only the last may not have
}

// Read splits a content into lines. A lone "\r" does not end a line.
func Read(content []byte) *Text {
	return &Text{Content: content, Lines: split(content)}
}

// Block is a run of lines Old to OldEnd, counted from 0 and without the end, that
// lines New to NewEnd of the other content replace.
type Block struct{ Old, OldEnd, New, NewEnd int }

func split(content []byte) [][]byte {
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

// Changed returns the runs of lines that differ, in order. It always compares the
// lesser content with the greater one: the algorithm may choose differently in the
// other direction, and a reversed diff must be the mirror of the diff.
func Changed(old, new *Text) []Block {
	swap := bytes.Compare(old.Content, new.Content) > 0
	if swap {
		old, new = new, old
	}
	options := []linediff.Option{linediff.Context(0), textdiff.IndentHeuristic()}
	if differing(old, new) > maxProduct {
		options = append(options, linediff.Fast()) // by lines that are unique on either side
	}
	hunks := textdiff.Hunks(old.Content, new.Content, options...)
	blocks := make([]Block, len(hunks))
	for i, h := range hunks {
		blocks[i] = Block{h.LineNoX, h.EndLineNoX, h.LineNoY, h.EndLineNoY}
		if swap {
			blocks[i] = Block{h.LineNoY, h.EndLineNoY, h.LineNoX, h.EndLineNoX}
		}
	}
	return blocks
}

// maxProduct bounds the lines of one side times those of the other that are compared
// by the best algorithm, which takes about 50 milliseconds for lines that repeat
// everywhere. A content of 64 KB reaches it if its lines have 23 bytes on average and
// the first and the last line differ.
const maxProduct = 8 << 20

// differing returns the product of the numbers of lines on both sides between the first
// and the last line that differ.
func differing(old, new *Text) int {
	a, b := old.Lines, new.Lines
	for len(a) > 0 && len(b) > 0 && string(a[0]) == string(b[0]) {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && string(a[len(a)-1]) == string(b[len(b)-1]) {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) * len(b)
}
