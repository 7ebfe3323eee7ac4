package db

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// Erasure is a content and what in the archive comes of it.
type Erasure struct {
	Hash     coc.Hash
	Size     int
	ErasedAt time.Time // zero while it is there
	Why      string
	Places   []Place // where it stands
	Changes  int     // that compare it with another
	Sent     int     // messages that tell of these
	Waiting  int     // messages that will be written anew without it
	Copies   []string
}

// Place is a revision of a document.
type Place struct{ Account, DocumentID, Name, Version string }

// Hashes returns the contents, erased ones too, whose SHA-256 in hexadecimal begins
// so.
func (d *DB) Hashes(ctx context.Context, prefix string) (_ []coc.Hash, err error) {
	defer wrap(&err, "content %s", prefix)
	low, err := hex.DecodeString(prefix[:len(prefix)/2*2])
	if err != nil {
		return nil, fmt.Errorf("%q is no hexadecimal number", prefix)
	}
	list, err := collect(ctx, d.read, func(row scanner) (h coc.Hash, err error) {
		err = row.Scan((*hashColumn)(&h))
		return h, err
	}, `SELECT sha256 FROM contents WHERE sha256 >= ?1 AND substr(sha256, 1, length(?1)) = ?1 LIMIT 1000`, low)
	return slices.DeleteFunc(list, func(h coc.Hash) bool { return h.String()[:len(prefix)] != prefix }), err
}

// The changes that compare a content, and the messages that tell of them: those that
// claim their deliveries, and what stands below these without a delivery of its own,
// as files and the details of a digest do.
const (
	erasedChanges = `
		WITH gone (id) AS (SELECT r.id FROM revisions r JOIN contents t ON t.id = r.content_id WHERE t.sha256 = ?1),
			touched (id) AS (SELECT id FROM changes WHERE from_revision IN (SELECT id FROM gone) OR to_revision IN (SELECT id FROM gone))`
	erasedMessages = erasedChanges + `,
			direct (id) AS (SELECT DISTINCT message_id FROM deliveries
				WHERE message_id IS NOT NULL AND change_id IN (SELECT id FROM touched)),
			told (id) AS (SELECT id FROM direct UNION SELECT m.id FROM messages m JOIN direct d ON d.id = m.parent_id
				WHERE NOT EXISTS (SELECT 1 FROM deliveries x WHERE x.message_id = m.id))`
)

// Erasure returns what erasing a content touches; coc.ErrNotFound when there is none.
func (d *DB) Erasure(ctx context.Context, hash coc.Hash) (e Erasure, err error) {
	defer wrap(&err, "content %.12s", hash)
	e.Hash = hash
	var at sql.NullInt64
	err = d.read.row(ctx, `SELECT size, erased_at, coalesce(erased_reason, '') FROM contents WHERE sha256 = ?`, hash[:]).Scan(&e.Size, &at, &e.Why)
	if errors.Is(err, sql.ErrNoRows) {
		return e, coc.ErrNotFound
	}
	if err != nil {
		return e, explain(err)
	}
	e.ErasedAt = instant(at)
	e.Places, err = collect(ctx, d.read, func(row scanner) (p Place, err error) {
		var label string
		var number, all int
		err = row.Scan(&p.Account, &p.DocumentID, &p.Name, &label, &number, &all)
		p.Version = coc.RevisionLabel(label, number, all)
		return p, err
	}, `
		SELECT a.name, d.document_id, d.name, v.label, r.number, (SELECT count(*) FROM revisions WHERE version_id = v.id)
		FROM contents t JOIN revisions r ON r.content_id = t.id JOIN versions v ON v.id = r.version_id
		JOIN documents d ON d.id = v.document_id JOIN accounts a ON a.id = d.account_id
		WHERE t.sha256 = ? ORDER BY d.name, r.id`, hash[:])
	if err != nil {
		return e, err
	}
	err = d.read.row(ctx, erasedMessages+`
		SELECT (SELECT count(*) FROM touched),
			(SELECT count(*) FROM messages WHERE id IN (SELECT id FROM told) AND state <> 'waiting'),
			(SELECT count(*) FROM messages WHERE id IN (SELECT id FROM told) AND state = 'waiting')`, hash[:]).
		Scan(&e.Changes, &e.Sent, &e.Waiting)
	if err != nil {
		return e, explain(err)
	}
	// Copies that were made before migrations lie beside the file.
	e.Copies, err = filepath.Glob(globbed(d.path) + ".schema*")
	return e, err
}

// globbed is a path as a pattern that fits it alone.
func globbed(path string) string {
	var b []byte
	for _, c := range []byte(path) {
		if c == '*' || c == '?' || c == '[' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return string(b)
}

// Erase removes a content and all that was derived from it: its lines, what became
// of it in changes, and the messages that tell of them. Hash, size and why stay.
// Messages that wait are written anew, without it. The bytes are gone from the file
// once Scrub was called.
func (d *DB) Erase(ctx context.Context, hash coc.Hash, why string, now time.Time) (err error) {
	defer wrap(&err, "erase %.12s", hash)
	return d.update(ctx, func(t tx) error {
		for _, do := range []func(coc.Hash) error{t.eraseMessages, t.eraseDifferences, t.eraseBytes} {
			if err := do(hash); err != nil {
				return err
			}
		}
		err := t.exec(`UPDATE contents SET pack_id = NULL, start = 0, erased_at = ?, erased_reason = ? WHERE sha256 = ?`,
			now.UnixMilli(), why, hash[:])
		if err != nil {
			return err
		}
		if err := t.eraseLines(hash); err != nil {
			return err
		}
		ref, record, err := scanErasureRecord(t.row(erasureQuery+` AND c.sha256 = ?`, hash[:]))
		if err != nil {
			return err
		}
		return t.leaf(audit.TypeErasure, ref, record)
	})
}

func (t tx) eraseMessages(hash coc.Hash) error {
	ids, err := t.ids(erasedMessages+` SELECT id FROM told ORDER BY id DESC`, hash[:])
	if err != nil {
		return err
	}
	for _, id := range ids {
		// A message that waits, and that nothing waits below, is taken back: its
		// deliveries are told anew.
		fresh, err := t.ids(`
			SELECT id FROM messages m WHERE id = ? AND state = 'waiting'
				AND NOT EXISTS (SELECT 1 FROM messages c WHERE c.parent_id = m.id)`, id)
		if err != nil {
			return err
		}
		if len(fresh) > 0 {
			if err := t.exec(`UPDATE deliveries SET state = 'waiting', message_id = NULL WHERE message_id = ?`, id); err != nil {
				return err
			}
			if err := t.exec(`DELETE FROM messages WHERE id = ?`, id); err != nil {
				return err
			}
			continue
		}
		err = t.exec(`UPDATE messages SET body = x'5b5d', text = ?, plain = iif(state = 'waiting', 1, plain), stale = 0 WHERE id = ?`, erasedText, id)
		if err != nil {
			return err
		}
	}
	return nil
}

// erasedText stands where a message told of an erased content.
const erasedText = "What this message said was erased from the archive, with the content that it told of."

func (t tx) eraseDifferences(hash coc.Hash) error {
	ids, err := t.ids(erasedChanges+` SELECT id FROM touched`, hash[:])
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := t.eraseDifference(id); err != nil {
			return err
		}
	}
	return nil
}

// eraseBytes takes a content out of its pack.
func (t tx) eraseBytes(hash coc.Hash) error {
	var p pack
	var start, size int64
	var frame []byte
	err := t.row(`
		SELECT p.id, p.count, p.frame, c.start, c.size FROM contents c JOIN packs p ON p.id = c.pack_id
		WHERE c.sha256 = ?`, hash[:]).Scan(&p.id, &p.count, &frame, &start, &size)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // it was erased before
	}
	if err != nil {
		return err
	}
	data, err := t.d.packs.unpack(frame, nil)
	if err != nil {
		return damaged("pack %d: %w", p.id, err)
	}
	if _, ok := part(data, start, size); !ok {
		return damaged("%d bytes from %d on lie outside of pack %d, of %d bytes", size, start, p.id, len(data))
	}
	p.data = slices.Delete(data, int(start), int(start+size))
	p.count--
	// Of two contents at one place one is empty: only what lies behind moves.
	if err := t.exec(`UPDATE contents SET start = start - ?1 WHERE pack_id = ?2 AND start >= ?3 + ?1 AND sha256 <> ?4`,
		size, p.id, start, hash[:]); err != nil {
		return err
	}
	return t.savePack(p)
}

// eraseLines makes the line sets of the documents anew that had the content.
func (t tx) eraseLines(hash coc.Hash) error {
	documents, err := t.ids(`
		SELECT DISTINCT v.document_id FROM contents c JOIN revisions r ON r.content_id = c.id JOIN versions v ON v.id = r.version_id
		WHERE c.sha256 = ?`, hash[:])
	if err != nil {
		return err
	}
	for _, document := range documents {
		blocks, err := t.texts(`SELECT id, frame FROM blocks WHERE state = 'indexed' AND document_id = ?`, document)
		if err != nil {
			return err
		}
		for _, b := range blocks {
			if err := t.exec(`INSERT INTO trigrams (trigrams, rowid, text) VALUES ('delete', ?, ?)`, b.id, b.text); err != nil {
				return err
			}
		}
		if err := t.exec(`DELETE FROM blocks WHERE document_id = ?`, document); err != nil {
			return err
		}
		contents, err := t.d.contentsOf(t.ctx, document, hash)
		if err != nil {
			return err
		}
		if err := t.putLines(document, true, contents); err != nil {
			return err
		}
	}
	// What was deleted from the index is in it until its parts are merged.
	return t.exec(`INSERT INTO trigrams (trigrams) VALUES ('optimize')`)
}

// Scrub writes the file anew, so that nothing is left in it of what was removed. It
// takes as much room again meanwhile.
func (d *DB) Scrub(ctx context.Context) (err error) {
	defer wrap(&err, "write %s anew", d.path)
	d.writing.Lock()
	defer d.writing.Unlock()
	for _, q := range []string{"VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := d.write.ExecContext(ctx, q); err != nil {
			return explain(err)
		}
	}
	return nil
}

// ids runs a query of ids.
func (t tx) ids(query string, args ...any) (ids []int64, err error) {
	rows, err := t.rows(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, rowError(t.ctx, rows, err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
