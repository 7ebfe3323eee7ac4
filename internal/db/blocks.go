package db

import (
	"bytes"
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"cocsync/internal/coc"
)

// The blocks of a document hold each line that it ever had. A search finds in them the few
// documents that are worth reading, so its cost is that of what it finds, not versions
// times size. They are derived from the contents.

// linesAlgorithm is the version of putLines and folded. It is raised whenever their result
// could change; then Open rebuilds all blocks.
const linesAlgorithm = 1

const (
	// openBlocks is after how many blocks the open ones are indexed together, which costs a
	// fraction of one by one; meanwhile searches read them.
	openBlocks = 256
	// blockSize bounds a block, unless one line is longer. Such a block is not indexed:
	// what it would find is not worth its size.
	blockSize = 1 << 20
)

// putLines stores those lines of the contents that the document never had. isNew says that
// it had none.
func (t tx) putLines(document coc.Key, isNew bool, contents []hashed) error {
	if len(contents) == 0 {
		return nil
	}
	known := map[string]struct{}{}
	if !isNew {
		var err error
		if known, err = t.lines(document); err != nil {
			return err
		}
	}
	var block []byte
	for _, c := range contents {
		for line := range bytes.Lines(c.Bytes) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if _, ok := known[string(line)]; ok {
				continue
			}
			known[string(line)] = struct{}{}
			if len(block) > 0 && len(block)+len(line) >= blockSize {
				if err := t.putBlock(document, block); err != nil {
					return err
				}
				block = block[:0]
			}
			block = append(append(block, line...), '\n')
		}
	}
	if len(block) == 0 {
		return nil
	}
	return t.putBlock(document, block)
}

// lines returns the lines that the document ever had.
func (t tx) lines(document coc.Key) (map[string]struct{}, error) {
	known := map[string]struct{}{}
	_, err := list(t, func(row scanner) (struct{}, error) {
		var frame []byte
		if err := row.Scan(&frame); err != nil {
			return struct{}{}, err
		}
		block, err := t.s.packs.unpack(frame, nil)
		if err != nil {
			return struct{}{}, nil // a line that is stored twice does no harm
		}
		for line := range strings.Lines(string(block)) {
			known[strings.TrimSuffix(line, "\n")] = struct{}{}
		}
		return struct{}{}, nil
	}, `SELECT frame FROM blocks WHERE account_id = ? AND document_id = ?`, document.Account, document.ID)
	return known, err
}

func (t tx) putBlock(document coc.Key, block []byte) error {
	state := "open"
	if len(block) > blockSize {
		state = "large"
	}
	id, err := t.insert(`INSERT INTO blocks (account_id, document_id, size, frame, state) VALUES (?, ?, ?, ?, ?) RETURNING id`,
		document.Account, document.ID, len(block), t.s.packs.pack(block, nil), state)
	if err == nil && id%openBlocks == 0 {
		err = t.indexBlocks()
	}
	return err
}

// indexBlocks indexes the open blocks. Its queries name the state twice so that SQLite
// uses the index of blocks that are not indexed.
func (t tx) indexBlocks() error {
	// In order: otherwise FTS5 writes a segment for each.
	texts, err := t.texts(`SELECT id, frame FROM blocks WHERE state = 'open' AND state <> 'indexed' ORDER BY id`)
	if err != nil {
		return err
	}
	for _, b := range texts {
		if err := t.exec(`INSERT INTO trigrams (rowid, text) VALUES (?, ?)`, b.id, b.text); err != nil {
			return err
		}
	}
	return t.exec(`UPDATE blocks SET state = 'indexed' WHERE state = 'open' AND state <> 'indexed'`)
}

// blockText is what of a block is indexed.
type blockText struct {
	id   int64
	text string
}

// texts runs a query of blocks.
func (t tx) texts(query string, args ...any) ([]blockText, error) {
	return list(t, func(row scanner) (b blockText, err error) {
		var frame []byte
		if err := row.Scan(&b.id, &frame); err != nil {
			return b, err
		}
		block, err := t.s.packs.unpack(frame, nil)
		if err != nil {
			return b, damaged("block %d of lines: %w", b.id, err)
		}
		b.text = indexed(block)
		return b, nil
	}, query, args...)
}

// indexed is the text of a block as the index has it: folded, each line without the white
// space around it, which is a fourth of it and selects nothing.
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

// folded returns the one rune that represents all that differ from it only in case. What
// FTS5 does not accept becomes the replacement character, as bytes that are not UTF-8 do.
func folded(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z':
		return r - 'a' + 'A'
	case r == 0:
		return utf8.RuneError
	case r < 0x80:
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// Need is what a line must contain to be worth reading, as far as that is known. Every line
// meets the zero Need.
type Need struct {
	Text string // in any case
	All  []Need // each of these
	Any  []Need // one of these
}

// maxGrams bounds the trigrams of one text in a query: further ones would exclude next to
// nothing.
const maxGrams = 32

// match is the need as a query of FTS5; "" for one that every line meets.
func (n Need) match() string {
	var parts []string
	text := []rune(strings.Trim(n.Text, " \t\r\n"))
	for i := 0; i+3 <= len(text) && i < maxGrams; i++ {
		gram := string([]rune{folded(text[i]), folded(text[i+1]), folded(text[i+2])})
		parts = append(parts, `"`+strings.ReplaceAll(gram, `"`, `""`)+`"`)
	}
	for _, a := range n.All {
		if m := a.match(); m != "" {
			parts = append(parts, m)
		}
	}
	var or []string
	for _, a := range n.Any {
		m := a.match()
		if m == "" {
			or = nil
			break
		}
		or = append(or, m)
	}
	if len(or) > 0 {
		parts = append(parts, "("+strings.Join(or, " OR ")+")")
	}
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

// linesBatch is how many blocks are read at a time.
const linesBatch = 64

// block is a block with its lines.
type block struct {
	document coc.Key
	id       int64
	frame    []byte
}

func scanBlock(row scanner) (b block, err error) {
	err = row.Scan(&b.document.Account, &b.document.ID, &b.id, &b.frame)
	return b, err
}

// Lines calls f with lines of documents, among which are all that meet the need; a document
// may come several times, with other lines. Nil lines are those of a document whose blocks
// are not built. No transaction is open while f runs.
func (a *Archive) Lines(ctx context.Context, n Need, f func(document coc.Key, lines []byte) error) (err error) {
	defer wrap(&err, "lines")
	const rows = `SELECT b.account_id, b.document_id, b.id, b.frame FROM `
	match := n.match()
	queries := []string{rows + `blocks b WHERE b.id > ?1 ORDER BY b.id LIMIT ?2`}
	if match != "" {
		queries = []string{
			rows + `trigrams JOIN blocks b ON b.id = trigrams.rowid WHERE trigrams MATCH ?3 AND trigrams.rowid > ?1 ORDER BY trigrams.rowid LIMIT ?2`,
			rows + `blocks b WHERE b.state <> 'indexed' AND b.id > ?1 ORDER BY b.id LIMIT ?2`,
		}
	}
	var lines []byte
	for i, query := range queries {
		for last := int64(0); ; {
			args := []any{last, linesBatch}
			if match != "" && i == 0 {
				args = append(args, match)
			}
			batch, err := collect(ctx, a.read, scanBlock, query, args...)
			if err != nil {
				return err
			}
			for _, b := range batch {
				if lines, err = a.packs.unpack(b.frame, lines[:0]); err != nil {
					return damaged("block %d of lines: %w", b.id, err)
				}
				if err := f(b.document, lines); err != nil {
					return err
				}
				last = b.id
			}
			if len(batch) < linesBatch {
				break
			}
		}
	}
	others, err := collect(ctx, a.read, scanKey, `SELECT account_id, id FROM documents WHERE lines_version < ?1 OR lines_version > ?1`, linesAlgorithm)
	for _, document := range others {
		if err == nil {
			err = f(document, nil)
		}
	}
	return err
}

// LinesOf returns the lines that a document ever had, each once.
func (a *Archive) LinesOf(ctx context.Context, document coc.Key) (lines []byte, err error) {
	defer wrap(&err, "lines of a document")
	for b, err := range stream(ctx, a.read, scanBlock, `
		SELECT account_id, document_id, id, frame FROM blocks WHERE account_id = ? AND document_id = ? ORDER BY id`, document.Account, document.ID) {
		if err == nil {
			lines, err = a.packs.unpack(b.frame, lines)
		}
		if err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// buildLines builds the blocks that are missing: after a migration, or when another
// algorithm made them. It continues where it was stopped.
func (s *store) buildLines(ctx context.Context) (err error) {
	defer wrap(&err, "build the line index")
	err = s.update(ctx, func(t tx) error {
		var other int
		err := t.row(`SELECT count(*) FROM documents WHERE lines_version NOT IN (0, ?)`, linesAlgorithm).Scan(&other)
		if err != nil || other == 0 {
			return err
		}
		for _, q := range []string{`INSERT INTO trigrams (trigrams) VALUES ('delete-all')`, `DELETE FROM blocks`, `UPDATE documents SET lines_version = 0`} {
			if err := t.exec(q); err != nil {
				return err
			}
		}
		return nil
	})
	for err == nil {
		var keys []coc.Key
		keys, err = collect(ctx, s.read, scanKey, `SELECT account_id, id FROM documents WHERE lines_version = 0 LIMIT ?`, openBlocks)
		if err != nil || len(keys) == 0 {
			return err
		}
		err = s.update(ctx, func(t tx) error {
			for _, key := range keys {
				if err := t.buildLines(key); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}

// buildLines builds the blocks of a document, which has none.
func (t tx) buildLines(document coc.Key) error {
	contents, err := t.s.contentsOf(t.ctx, document, coc.Hash{})
	if err == nil {
		err = t.putLines(document, true, contents)
	}
	if err == nil {
		err = t.exec(`UPDATE documents SET lines_version = ? WHERE account_id = ? AND id = ?`, linesAlgorithm, document.Account, document.ID)
	}
	return err
}

// contentsOf returns the contents of a document that can be read, as committed, except for
// the one of a hash.
func (s *store) contentsOf(ctx context.Context, document coc.Key, except coc.Hash) (contents []hashed, err error) {
	hashes, err := collect(ctx, s.read, func(row scanner) (h coc.Hash, err error) {
		err = row.Scan((*hashColumn)(&h))
		return h, err
	}, `
		SELECT c.sha256 FROM contents c JOIN (
			SELECT r.account_id, r.content_id, min(r.id) AS first FROM versions v
			JOIN revisions r ON r.account_id = v.account_id AND r.version_id = v.id
			WHERE v.account_id = ? AND v.document_id = ? GROUP BY r.account_id, r.content_id) f
		ON c.account_id = f.account_id AND c.id = f.content_id
		WHERE c.erased_at IS NULL ORDER BY f.first`, document.Account, document.ID)
	if err != nil {
		return nil, err
	}
	u := &Unpacker{s: s}
	for _, h := range hashes {
		if h == except {
			continue
		}
		// A damaged one is reported where it is read, and has no lines.
		if c, err := u.Content(ctx, document.Account, h); err == nil {
			contents = append(contents, hashed{h, c})
		}
	}
	return contents, ctx.Err()
}
