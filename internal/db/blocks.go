package db

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cocsync/internal/coc"
)

// Blocks contain each line of all archived versions of a document once. They are derived from
// the contents. A search uses them to find the few documents to read, so that its cost does
// not grow with the number of versions.

// linesAlgorithm is the version of putLines and folded. Increase it when their results change;
// Open then rebuilds all blocks.
const linesAlgorithm = 1

const (
	// openBlocks is the number of blocks that are indexed together, which is much cheaper
	// than one by one. Searches read open blocks without the index.
	openBlocks = 256
	// blockSize is the maximum size of a block, unless a single line is longer. Such a
	// block is not indexed: the index would be too large for its use.
	blockSize = 1 << 20
)

// putLines stores the lines of the contents that are new for the document. isNew means that
// the document has no lines yet.
func (t *tx) putLines(document coc.Key, isNew bool, contents []hashed) {
	if len(contents) == 0 {
		return
	}
	known := map[string]struct{}{}
	if !isNew {
		t.addLines(known, document)
	}
	var block []byte
	for _, c := range contents {
		for line := range bytes.Lines(c.Bytes) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if _, ok := known[string(line)]; ok {
				continue
			}
			known[string(line)] = struct{}{}
			if len(block)+len(line) >= blockSize {
				t.putBlock(document, block)
				block = block[:0]
			}
			block = append(append(block, line...), '\n')
		}
	}
	t.putBlock(document, block)
}

// addLines adds the lines of all archived versions of the document.
func (t *tx) addLines(known map[string]struct{}, document coc.Key) {
	for _, frame := range list[[]byte](t, `SELECT frame FROM blocks WHERE account_id = ? AND document_id = ?`, document) {
		block, err := t.s.packs.unpack(frame, nil)
		if err != nil {
			continue // storing a line twice is harmless
		}
		for line := range strings.Lines(string(block)) {
			known[strings.TrimSuffix(line, "\n")] = struct{}{}
		}
	}
}

// putBlock stores a block, unless it is empty.
func (t *tx) putBlock(document coc.Key, block []byte) {
	if len(block) == 0 {
		return
	}
	state := "open"
	if len(block) > blockSize {
		state = "large"
	}
	id := t.insert("blocks", "account_id, document_id, size, frame, state", document, len(block), t.s.packs.pack(block), state)
	if id%openBlocks == 0 {
		t.indexBlocks()
	}
}

// indexBlocks indexes the open blocks. The second condition on the state makes SQLite use the
// partial index of blocks that are not indexed.
func (t *tx) indexBlocks() {
	t.forTexts(`INSERT INTO trigrams (rowid, text) VALUES (?, ?)`, `b.state = 'open' AND b.state <> 'indexed'`)
	t.exec(`UPDATE blocks SET state = 'indexed' WHERE state = 'open' AND state <> 'indexed'`)
}

// forTexts runs a statement with the id and the indexed text of each selected block b.
func (t *tx) forTexts(statement, where string, args ...any) {
	// In the order of ids: otherwise FTS5 writes a segment for each row.
	for _, b := range list[block](t, blockRows+`blocks b WHERE `+where+` ORDER BY b.id`, args...) {
		lines, err := t.s.packs.unpack(b.Frame, nil)
		if err != nil {
			t.fail(damaged("block %d of lines: %w", b.ID, err))
		}
		t.exec(statement, b.ID, indexed(lines))
	}
}

// indexed returns the text of a block for the index: folded, and without leading and trailing
// white space, which is a quarter of the text and not useful for searching.
func indexed(block []byte) string {
	var b strings.Builder
	b.Grow(len(block))
	for line := range bytes.Lines(block) {
		for _, r := range string(bytes.Trim(line, " \t\r\n")) {
			b.WriteRune(folded(r))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// folded returns one rune for all runes that differ only in case. It replaces NUL, which FTS5
// does not accept, by U+FFFD, as Go does for invalid UTF-8.
func folded(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z':
		return r - 'a' + 'A'
	case r == 0:
		return utf8.RuneError
	case r < 0x80:
		return r
	}
	smallest := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		smallest = min(smallest, f)
	}
	return smallest
}

// Need is a necessary condition for a line to match a search. Every line meets the zero Need.
type Need struct {
	Text string // in any case
	All  []Need // all of these
	Any  []Need // at least one of these
}

// maxGrams is the maximum number of trigrams of one text in a query: further ones exclude
// almost no lines.
const maxGrams = 32

// match returns the need as an FTS5 query; "" if every line meets it.
func (n Need) match() string {
	var all, either []string
	text := []rune(strings.Trim(n.Text, " \t\r\n"))
	for i := 0; i+3 <= len(text) && i < maxGrams; i++ {
		gram := string([]rune{folded(text[i]), folded(text[i+1]), folded(text[i+2])})
		all = append(all, `"`+strings.ReplaceAll(gram, `"`, `""`)+`"`)
	}
	for _, a := range n.All {
		all = append(all, a.match())
	}
	for _, a := range n.Any {
		either = append(either, a.match())
	}
	if !slices.Contains(either, "") {
		all = append(all, joined(either, " OR "))
	}
	return joined(all, " AND ")
}

// joined joins the parts of a query that are not empty.
func joined(parts []string, operator string) string {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return "(" + strings.Join(parts, operator) + ")"
}

// linesBatch is the number of blocks per query.
const linesBatch = 64

// block is a block with its lines.
type block struct {
	Document coc.Key
	ID       int64
	Frame    []byte
}

const blockRows = `SELECT b.account_id, b.document_id, b.id, b.frame FROM `

// Lines calls f with lines of documents. They include all lines that meet the need, and
// others. f may be called several times for a document, with different lines. lines is nil
// for a document whose blocks are not built. No transaction is open while f runs.
func (a *Archive) Lines(ctx context.Context, n Need, f func(document coc.Key, lines []byte) error) (err error) {
	r := a.reading(ctx, "lines")
	queries := []string{blockRows + `blocks b WHERE b.id > ?1 ORDER BY b.id LIMIT ?2`}
	args := []any{nil, linesBatch}
	if match := n.match(); match != "" {
		args = append(args, match)
		queries = []string{
			blockRows + `trigrams JOIN blocks b ON b.id = trigrams.rowid WHERE trigrams MATCH ?3 AND trigrams.rowid > ?1
				ORDER BY trigrams.rowid LIMIT ?2`,
			blockRows + `blocks b WHERE b.state <> 'indexed' AND b.id > ?1 AND ?3 <> '' ORDER BY b.id LIMIT ?2`,
		}
	}
	var lines []byte
	for _, query := range queries {
		for b, err := range pages(linesBatch, func(last block) ([]block, error) {
			args[0] = last.ID
			return collect[block](r, query, args...)
		}) {
			if err != nil {
				return err
			}
			if lines, err = a.packs.unpack(b.Frame, lines[:0]); err != nil {
				return damaged("block %d of lines: %w", b.ID, err)
			}
			if err := f(b.Document, lines); err != nil {
				return err
			}
		}
	}
	others, err := collect[coc.Key](r, `SELECT account_id, id FROM documents WHERE lines_version < ?1 OR lines_version > ?1`, linesAlgorithm)
	for _, document := range others {
		if err == nil {
			err = f(document, nil)
		}
	}
	return err
}

// LinesOf returns the lines of all archived versions of a document, each once.
func (a *Archive) LinesOf(ctx context.Context, document coc.Key) (lines []byte, err error) {
	frames, err := collect[[]byte](a.reading(ctx, "lines of a document"), `
		SELECT frame FROM blocks WHERE account_id = ? AND document_id = ? ORDER BY id`, document)
	for _, frame := range frames {
		if err == nil {
			lines, err = a.packs.unpack(frame, lines)
		}
	}
	return lines, err
}

// otherLines finds a document whose blocks another version of the algorithm made.
const otherLines = `
	SELECT 1 FROM documents WHERE lines_version > ?1 UNION ALL SELECT 1 FROM documents WHERE lines_version > 0 AND lines_version < ?1
	UNION ALL SELECT 1 FROM documents WHERE lines_version < 0 LIMIT 1`

// buildLines builds missing blocks, after a migration or a change of linesAlgorithm. After an
// interruption it continues with the remaining documents.
func (s *store) buildLines(ctx context.Context) error {
	const what = "build the line index"
	err := s.update(ctx, what, func(t *tx) {
		if _, other := get[int](t, otherLines, linesAlgorithm); other {
			t.exec(`INSERT INTO trigrams (trigrams) VALUES ('delete-all')`)
			t.exec(`DELETE FROM blocks`)
			t.exec(`UPDATE documents SET lines_version = 0`)
		}
	})
	for more := true; more && err == nil; {
		err = s.update(ctx, what, func(t *tx) {
			documents := list[coc.Key](t, `SELECT account_id, id FROM documents WHERE lines_version = 0 LIMIT ?`, openBlocks)
			more = len(documents) > 0
			for _, document := range documents {
				t.putLines(document, true, t.contentsOf(document))
				t.exec(`UPDATE documents SET lines_version = ? WHERE account_id = ? AND id = ?`, linesAlgorithm, document)
			}
		})
	}
	return err
}

// contentsOf returns the readable contents of a document.
func (t *tx) contentsOf(document coc.Key) (contents []hashed) {
	u := &Unpacker{s: t.s}
	for _, hash := range list[coc.Hash](t, `
		SELECT c.hash FROM contents c JOIN (
			SELECT r.account_id, r.content_id, min(r.id) AS first FROM versions v
			JOIN revisions r ON r.account_id = v.account_id AND r.version_id = v.id
			WHERE v.account_id = ? AND v.document_id = ? GROUP BY r.account_id, r.content_id) f
		ON c.account_id = f.account_id AND c.id = f.content_id
		WHERE NOT `+isErased+` ORDER BY f.first`, document) {
		// Damaged contents are reported when they are read; they have no lines.
		if c, err := u.content(t.reader, document.Account, hash); err == nil {
			contents = append(contents, hashed{hash, c})
		}
	}
	return contents
}
