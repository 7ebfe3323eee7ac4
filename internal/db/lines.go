package db

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cocsync/internal/coc"
)

// The line set says which lines ever occurred in which document. A search finds in
// it the few documents that are worth reading, so it costs what there is to find,
// not versions times size. It is derived: it can be made again of the contents.

// linesAlgorithm is the version of what putLines and folded make of contents. It
// goes up whenever they could make something else; then Open makes all of it again.
const linesAlgorithm = 1

const (
	// openBlocks is after how many blocks those that wait are indexed together, which
	// costs a fraction of one by one; meanwhile searches read them.
	openBlocks = 256
	// blockSize bounds a block, unless one line is longer. Such a one is not
	// indexed: what it would find is not worth its size.
	blockSize = 1 << 20
)

// putLines stores those lines of the contents that the document never had. first
// says that it had none.
func (t tx) putLines(document int64, first bool, contents []fresh) error {
	if len(contents) == 0 {
		return nil
	}
	known := map[string]struct{}{}
	if !first {
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
func (t tx) lines(document int64) (map[string]struct{}, error) {
	known := map[string]struct{}{}
	rows, err := t.rows(`SELECT frame FROM blocks WHERE document_id = ?`, document)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var frame []byte
		if err := rows.Scan(&frame); err != nil {
			return nil, rowError(t.ctx, rows, err)
		}
		block, err := t.d.packs.unpack(frame, nil)
		if err != nil {
			continue // a line that is stored twice does no harm
		}
		for line := range strings.Lines(string(block)) {
			known[strings.TrimSuffix(line, "\n")] = struct{}{}
		}
	}
	return known, rows.Err()
}

func (t tx) putBlock(document int64, block []byte) error {
	state := "open"
	if len(block) > blockSize {
		state = "large"
	}
	id, err := t.insert(`INSERT INTO blocks (document_id, size, frame, state) VALUES (?, ?, ?, ?)`,
		document, len(block), t.d.packs.pack(block, nil), state)
	if err == nil && id%openBlocks == 0 {
		err = t.indexBlocks()
	}
	return err
}

// indexBlocks indexes the open blocks. What its queries say twice of the state lets
// SQLite use the index that leaves the indexed out.
func (t tx) indexBlocks() error {
	// In order: out of it, FTS5 writes a part of its own for each.
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
func (t tx) texts(query string, args ...any) (texts []blockText, err error) {
	rows, err := t.rows(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var frame []byte
		if err := rows.Scan(&id, &frame); err != nil {
			return nil, rowError(t.ctx, rows, err)
		}
		block, err := t.d.packs.unpack(frame, nil)
		if err != nil {
			return nil, damaged("block %d of lines: %w", id, err)
		}
		texts = append(texts, blockText{id, indexed(block)})
	}
	return texts, rows.Err()
}

// indexed is the text of a block as the index has it: folded, each line without
// the white space around it, which is a fourth of it and tells nothing.
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

// folded returns the one rune that stands in the index for all that differ from it
// in case alone. What FTS5 can't take becomes the replacement character, which is
// also what a byte that is no UTF-8 is read as.
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

// Need says what a line must hold to be worth reading, as far as that is known. The
// zero Need is met by every line.
type Need struct {
	Text string // as it is but for case
	All  []Need // each of these
	Any  []Need // one of these
}

// maxGrams bounds the trigrams that are asked for of one text: each further one
// would exclude next to nothing.
const maxGrams = 32

// match is the need as a query of FTS5; "" is met by every line.
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

// linesBatch is how many blocks are read at once.
const linesBatch = 64

// block names a block; id is 0 for a document whose line set is not there.
type block struct{ document, id int64 }

// Lines calls f with lines of documents, among which are all that meet the need; a
// document may come several times, with other lines. Nil lines are those of a document
// whose line set is not there. No transaction is open while f runs.
func (d *DB) Lines(ctx context.Context, n Need, f func(document int64, lines []byte) error) (err error) {
	defer wrap(&err, "lines")
	query, args := `SELECT document_id, id FROM blocks`, []any{linesAlgorithm}
	if match := n.match(); match != "" {
		query, args = `
			SELECT b.document_id, b.id FROM trigrams JOIN blocks b ON b.id = trigrams.rowid WHERE trigrams MATCH ?2
			UNION ALL SELECT document_id, id FROM blocks WHERE state <> 'indexed'`, append(args, match)
	}
	query += ` UNION ALL SELECT id, 0 FROM documents WHERE lines_version < ?1 OR lines_version > ?1`
	blocks, err := collect(ctx, d.read, func(row scanner) (b block, err error) {
		err = row.Scan(&b.document, &b.id)
		return b, err
	}, query, args...)
	if err != nil {
		return err
	}
	var lines []byte
	for batch := range slices.Chunk(blocks, linesBatch) {
		frames, err := d.frames(ctx, batch)
		if err != nil {
			return err
		}
		for _, b := range batch {
			frame, ok := frames[b.id]
			if !ok { // it was made again meanwhile: the whole document is worth reading
				err = f(b.document, nil)
			} else if lines, err = d.packs.unpack(frame, lines[:0]); err != nil {
				err = damaged("block %d of lines of document %d: %w", b.id, b.document, err)
			} else {
				err = f(b.document, lines)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// frames returns the frames of blocks by their ids.
func (d *DB) frames(ctx context.Context, blocks []block) (map[int64][]byte, error) {
	ids := make([]int64, len(blocks))
	for i, b := range blocks {
		ids[i] = b.id
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return byKey(ctx, d.read, func(row scanner) (id int64, frame []byte, err error) {
		err = row.Scan(&id, &frame)
		return id, frame, err
	}, `SELECT id, frame FROM blocks WHERE id IN (SELECT value FROM json_each(?))`, string(list))
}

// lineUp makes the line sets that are missing: after a migration, or when another
// algorithm made them. It goes on from where it was stopped.
func (d *DB) lineUp(ctx context.Context) (err error) {
	defer wrap(&err, "build the line index")
	err = d.update(ctx, func(t tx) error {
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
		var ids []int64
		ids, err = collect(ctx, d.read, scanID, `SELECT id FROM documents WHERE lines_version = 0 LIMIT ?`, openBlocks)
		if err != nil || len(ids) == 0 {
			return err
		}
		err = d.update(ctx, func(t tx) error {
			for _, id := range ids {
				if err := t.lineUp(id); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}

// lineUp makes the line set of a document, which has none.
func (t tx) lineUp(document int64) error {
	contents, err := t.d.contentsOf(t.ctx, document, coc.Hash{})
	if err == nil {
		err = t.putLines(document, true, contents)
	}
	if err == nil {
		err = t.exec(`UPDATE documents SET lines_version = ? WHERE id = ?`, linesAlgorithm, document)
	}
	return err
}

// contentsOf returns the contents of a document that can be read, as committed, but for
// the one of a hash.
func (d *DB) contentsOf(ctx context.Context, document int64, but coc.Hash) ([]fresh, error) {
	hashes, err := collect(ctx, d.read, func(row scanner) (h coc.Hash, err error) {
		err = row.Scan((*hashColumn)(&h))
		return h, err
	}, `
		SELECT c.sha256 FROM versions v JOIN revisions r ON r.version_id = v.id JOIN contents c ON c.id = r.content_id
		WHERE v.document_id = ? AND c.erased_at IS NULL GROUP BY c.id ORDER BY min(r.id)`, document)
	if err != nil {
		return nil, err
	}
	var list []fresh
	u := d.Unpacker()
	for _, h := range hashes {
		if h == but {
			continue
		}
		// A damaged one is told by whoever asks for it, and has no lines.
		if c, err := u.Content(ctx, h); err == nil {
			list = append(list, fresh{h, c})
		}
	}
	return list, ctx.Err()
}

func scanID(row scanner) (id int64, err error) {
	err = row.Scan(&id)
	return id, err
}
