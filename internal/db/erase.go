package db

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// Erasure is a content with its uses in the archive.
type Erasure struct {
	Hash     coc.Hash
	Size     int
	ErasedAt time.Time // zero if it is not erased
	Reason   string
	Places   []Place  // revisions with the content
	Changes  int      // changes that compare it
	Sent     int      // sent messages about these changes
	Waiting  int      // pending messages, which are composed again without it
	Copies   []string // backups from before migrations
}

// Place is a revision of a document.
type Place struct{ Account, DocumentID, Name, Version string }

// The changes that compare a content and the messages about them: those with deliveries of
// these changes, and their child messages without deliveries, such as files and the details
// of a digest.
const (
	erasedChanges = `
		WITH gone (account_id, id) AS (SELECT r.account_id, r.id FROM accounts a JOIN contents t ON t.account_id = a.id
				JOIN revisions r ON r.account_id = t.account_id AND r.content_id = t.id WHERE t.sha256 = ?1),
			touched (account_id, id) AS (SELECT account_id, id FROM changes
				WHERE (account_id, from_revision) IN (SELECT account_id, id FROM gone) OR (account_id, to_revision) IN (SELECT account_id, id FROM gone))`
	erasedMessages = erasedChanges + `,
			direct (id) AS (SELECT DISTINCT message_id FROM deliveries
				WHERE message_id IS NOT NULL AND (account_id, change_id) IN (SELECT account_id, id FROM touched)),
			about (id) AS (SELECT id FROM direct UNION SELECT m.id FROM messages m JOIN direct d ON d.id = m.parent_id
				WHERE NOT EXISTS (SELECT 1 FROM deliveries x WHERE x.message_id = m.id))`
)

// Erasure returns the uses of a content. The error is coc.ErrNotFound if it is unknown.
func (a *Archive) Erasure(ctx context.Context, hash coc.Hash) (e Erasure, err error) {
	defer wrap(&err, "content %.12s", hash)
	e.Hash = hash
	err = a.read.row(ctx, `
		SELECT c.size, c.erased_at, coalesce(c.erased_reason, '') FROM accounts a JOIN contents c ON c.account_id = a.id
		WHERE c.sha256 = ? ORDER BY c.erased_at IS NOT NULL LIMIT 1`, hash).Scan(&e.Size, &e.ErasedAt, &e.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		err = coc.ErrNotFound
	}
	if err != nil {
		return e, err
	}
	e.Places, err = collect(ctx, a.read, func(row scanner) (p Place, err error) {
		var label string
		var number, all int
		err = row.Scan(&p.Account, &p.DocumentID, &p.Name, &label, &number, &all)
		p.Version = coc.RevisionLabel(label, number, all)
		return p, err
	}, `
		SELECT a.name, d.document_id, d.name, v.label, r.number,
			(SELECT count(*) FROM revisions n WHERE n.account_id = v.account_id AND n.version_id = v.id)
		FROM accounts a JOIN contents t ON t.account_id = a.id
		JOIN revisions r ON r.account_id = t.account_id AND r.content_id = t.id
		JOIN versions v ON v.account_id = r.account_id AND v.id = r.version_id
		JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id
		WHERE t.sha256 = ? ORDER BY d.name, a.name, r.id`, hash)
	if err != nil {
		return e, err
	}
	err = a.read.row(ctx, erasedMessages+`
		SELECT (SELECT count(*) FROM touched),
			(SELECT count(*) FROM messages WHERE id IN (SELECT id FROM about) AND state <> 'waiting'),
			(SELECT count(*) FROM messages WHERE id IN (SELECT id FROM about) AND state = 'waiting')`, hash).
		Scan(&e.Changes, &e.Sent, &e.Waiting)
	if err != nil {
		return e, err
	}
	// Backups from before migrations are next to the file.
	e.Copies, err = filepath.Glob(globbed(a.path) + ".schema*")
	return e, err
}

// globbed returns a pattern that matches only path.
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

// Erase removes a content from all accounts, with everything derived from it: its lines, the
// differences of changes, and the messages about them. Hash, size and reason remain. Pending
// messages are composed again without it. The file may contain the bytes until Scrub.
func (a *Archive) Erase(ctx context.Context, hash coc.Hash, reason string, now time.Time) (err error) {
	defer wrap(&err, "erase %.12s", hash)
	return a.update(ctx, func(t tx) error {
		contents, err := list(t, scan[coc.Key], `
			SELECT c.account_id, c.id FROM accounts a JOIN contents c ON c.account_id = a.id WHERE c.sha256 = ?`, hash)
		if err == nil {
			err = t.eraseMessages(hash)
		}
		if err == nil {
			err = t.eraseDifferences(hash)
		}
		for _, key := range contents {
			if err == nil {
				err = t.eraseContent(key, hash, reason, now)
			}
		}
		if err != nil {
			return err
		}
		// The index keeps deleted text until its segments are merged.
		return t.exec(`INSERT INTO trigrams (trigrams) VALUES ('optimize')`)
	})
}

func (t tx) eraseContent(key coc.Key, hash coc.Hash, reason string, now time.Time) error {
	if err := t.eraseBytes(key); err != nil {
		return err
	}
	err := t.exec(`UPDATE contents SET pack_id = NULL, start = 0, erased_at = ?, erased_reason = ? WHERE account_id = ? AND id = ?`,
		now, reason, key)
	if err != nil {
		return err
	}
	if err := t.eraseLines(key, hash); err != nil {
		return err
	}
	return t.leafOf(audit.TypeErasure, key)
}

func (t tx) eraseMessages(hash coc.Hash) error {
	ids, err := list(t, scan[int64], erasedMessages+` SELECT id FROM about ORDER BY id DESC`, hash)
	for _, id := range ids {
		if err == nil {
			err = t.eraseMessage(id)
		}
	}
	return err
}

func (t tx) eraseMessage(id int64) error {
	// A pending message without replies is removed: its deliveries are composed again.
	fresh, err := list(t, scan[int64], `
		SELECT id FROM messages m WHERE id = ? AND state = 'waiting'
			AND NOT EXISTS (SELECT 1 FROM messages c WHERE c.parent_id = m.id)`, id)
	if err != nil {
		return err
	}
	if len(fresh) == 0 {
		return t.exec(`
			UPDATE messages SET body = x'5b5d', text = ?, plain = CASE state WHEN 'waiting' THEN 1 ELSE plain END
			WHERE id = ?`, erasedText, id)
	}
	if err := t.exec(`UPDATE deliveries SET state = 'waiting', message_id = NULL WHERE message_id = ?`, id); err != nil {
		return err
	}
	return t.exec(`DELETE FROM messages WHERE id = ?`, id)
}

// erasedText replaces a message about an erased content.
const erasedText = "This message was erased from the archive together with the content that it described."

func (t tx) eraseDifferences(hash coc.Hash) error {
	keys, err := list(t, scan[coc.Key], erasedChanges+` SELECT account_id, id FROM touched`, hash)
	for _, key := range keys {
		if err == nil {
			err = t.eraseDifference(key)
		}
	}
	return err
}

// eraseBytes removes a content from its pack.
func (t tx) eraseBytes(key coc.Key) error {
	var p pack
	var c packed
	var frame []byte
	err := t.row(`
		SELECT p.account_id, p.document_id, p.id, p.count, p.frame, c.start, c.size FROM contents c
		JOIN packs p ON p.account_id = c.account_id AND p.id = c.pack_id
		WHERE c.account_id = ? AND c.id = ?`, key).Scan(&p.document, &p.id, &p.count, &frame, &c.start, &c.size)
	if err != nil {
		return ignore(err, sql.ErrNoRows) // already erased
	}
	data, err := t.s.packs.unpack(frame, nil)
	if err != nil {
		return damaged("pack %d: %w", p.id, err)
	}
	if !c.within(data) {
		return damaged("%d bytes at offset %d are outside of pack %d of %d bytes", c.size, c.start, p.id, len(data))
	}
	p.data = slices.Delete(data, int(c.start), int(c.start+c.size))
	p.count--
	// Two contents have the same start if one is empty: only later contents move.
	err = t.exec(`UPDATE contents SET start = start - ?1 WHERE account_id = ?2 AND pack_id = ?3 AND start >= ?4 + ?1 AND id <> ?5`,
		c.size, key.Account, p.id, c.start, key.ID)
	if err != nil {
		return err
	}
	return t.savePack(p)
}

// eraseLines rebuilds the blocks of the account's documents that contained the content.
func (t tx) eraseLines(content coc.Key, hash coc.Hash) error {
	documents, err := list(t, scan[coc.Key], `
		SELECT DISTINCT v.account_id, v.document_id FROM revisions r JOIN versions v ON v.account_id = r.account_id AND v.id = r.version_id
		WHERE r.account_id = ? AND r.content_id = ?`, content)
	if err != nil {
		return err
	}
	for _, document := range documents {
		err := t.forTexts(`INSERT INTO trigrams (trigrams, rowid, text) VALUES ('delete', ?, ?)`,
			`b.state = 'indexed' AND b.account_id = ? AND b.document_id = ?`, document)
		if err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM blocks WHERE account_id = ? AND document_id = ?`, document); err != nil {
			return err
		}
		contents, err := t.s.contentsOf(t.ctx, document, hash)
		if err != nil {
			return err
		}
		if err := t.putLines(document, true, contents); err != nil {
			return err
		}
	}
	return nil
}

// Scrub rewrites the file without removed data. It temporarily needs disk space for a second
// copy.
func (d *DB) Scrub(ctx context.Context) (err error) {
	defer wrap(&err, "rewrite %s", d.path)
	d.writing.Lock()
	defer d.writing.Unlock()
	for _, q := range []string{"VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := d.write.ExecContext(ctx, q); err != nil {
			return explain(err)
		}
	}
	return nil
}
