package db

import (
	"bytes"
	"unicode/utf8"
)

// A block is searched for in the index by the last sampleRunes characters of indexSamples of its
// lines. The time of a search grows with both and with the number of blocks.
const (
	indexSamples = 4
	sampleRunes  = 6
)

// blockFaults finds blocks that are not what their rows say, or that the index does not have.
// It searches some lines of each block: the index does not contain the text itself.
func (a *Archive) blockFaults(r reader, fault faultFunc) error {
	type row struct {
		block
		Size  int
		State string
	}
	for b, err := range pages(linesBatch, func(last row) ([]row, error) {
		return collect[row](r, `SELECT b.account_id, b.document_id, b.id, b.frame, b.size, b.state FROM blocks b
			WHERE b.id > ? ORDER BY b.id LIMIT ?`,
			last.ID, linesBatch)
	}) {
		if err != nil {
			return err
		}
		lines, err := a.packs.unpack(b.Frame, nil)
		switch {
		case err != nil || !a.isFrame(b.Frame, b.Size) || len(lines) == 0 || lines[len(lines)-1] != '\n' ||
			(b.State == "large") != (len(lines) > blockSize):
			fault("the line index: block %d is not what its row says", b.ID)
			continue
		case b.State == "large":
			continue
		}
		need := samples(lines)
		if need.match() == "" {
			continue // no line is long enough
		}
		in, err := first[bool](r, `SELECT count(*) > 0 FROM trigrams WHERE trigrams MATCH ? AND rowid = ?`, need.match(), b.ID)
		if err != nil {
			return err
		}
		if in != (b.State == "indexed") {
			fault("the line index: block %d is %s, which its trigrams contradict", b.ID, b.State)
		}
	}
	return nil
}

// samples returns a need that some lines of a block meet together, among them the first and the
// last that is long enough.
func samples(block []byte) (n Need) {
	var lines [][]byte
	for line := range bytes.Lines(block) {
		if line = bytes.Trim(line, " \t\r\n"); utf8.RuneCount(line) >= sampleRunes {
			lines = append(lines, line)
		}
	}
	for i := range min(indexSamples, len(lines)) {
		line := lines[i*(len(lines)-1)/max(1, min(indexSamples, len(lines))-1)]
		text := []rune(string(line))
		n.All = append(n.All, Need{Text: string(text[max(0, len(text)-sampleRunes):])})
	}
	return n
}
