package db

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
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
				WHERE (account_id, from_revision) IN (SELECT account_id, id FROM gone)
					OR (account_id, to_revision) IN (SELECT account_id, id FROM gone))`
	erasedMessages = erasedChanges + `,
			direct (id) AS (SELECT DISTINCT message_id FROM deliveries
				WHERE message_id IS NOT NULL AND (account_id, change_id) IN (SELECT account_id, id FROM touched)),
			about (id) AS (SELECT id FROM direct UNION SELECT m.id FROM messages m JOIN direct d ON d.id = m.parent_id
				WHERE NOT EXISTS (SELECT 1 FROM deliveries x WHERE x.message_id = m.id))`
)

// Erasure returns the uses of a content. The error is coc.ErrNotFound if it is unknown.
func (a *Archive) Erasure(ctx context.Context, hash coc.Hash) (Erasure, error) {
	r := a.reading(ctx, "content %.12s", hash)
	e, err := find[Erasure](r, erasedMessages+`
		SELECT c.sha256, c.size, e.at, coalesce(e.reason, ''), NULL, (SELECT count(*) FROM touched),
			(SELECT count(*) FROM messages WHERE id IN (SELECT id FROM about) AND state <> 'waiting'),
			(SELECT count(*) FROM messages WHERE id IN (SELECT id FROM about) AND state = 'waiting'), NULL
		FROM accounts a JOIN contents c ON c.account_id = a.id
		LEFT JOIN erasures e ON e.account_id = c.account_id AND e.content_id = c.id
		WHERE c.sha256 = ?1 ORDER BY e.at IS NOT NULL LIMIT 1`, hash)
	if err != nil {
		return e, err
	}
	e.Places, err = collect[Place](r, `
		SELECT a.name, d.document_id, d.name, `+revisionName("v.label", "r")+`
		FROM accounts a JOIN contents t ON t.account_id = a.id
		JOIN revisions r ON r.account_id = t.account_id AND r.content_id = t.id
		JOIN versions v ON v.account_id = r.account_id AND v.id = r.version_id
		JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id
		WHERE t.sha256 = ? ORDER BY d.name, a.name, r.id`, hash)
	if err != nil {
		return e, err
	}
	// Backups from before migrations are next to the file.
	e.Copies, err = filepath.Glob(globbed(a.path) + ".schema*")
	return e, err
}

// globbed returns a pattern that matches only path.
func globbed(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// Erase removes a content from all accounts, with everything derived from it: its lines, the
// differences of changes, and the messages about them. Hash, size and reason remain. Pending
// messages are composed again without it. The file may contain the bytes until Scrub.
func (a *Archive) Erase(ctx context.Context, hash coc.Hash, reason string, now time.Time) error {
	return a.update(ctx, fmt.Sprintf("erase %.12s", hash), func(t *tx) {
		for _, message := range list[int64](t, erasedMessages+` SELECT id FROM about ORDER BY id DESC`, hash) {
			t.eraseMessage(message)
		}
		t.eraseDifferences(hash)
		for _, c := range list[struct {
			Key     coc.Key
			Account string
			Size    int64
		}](t, `
			SELECT c.account_id, c.id, a.name, c.size FROM accounts a JOIN contents c ON c.account_id = a.id
			WHERE c.sha256 = ? AND c.pack_id IS NOT NULL`, hash) {
			t.eraseBytes(c.Key)
			t.exec(`UPDATE contents SET pack_id = NULL, start = 0 WHERE account_id = ? AND id = ?`, c.Key)
			t.eraseLines(c.Key)
			key := t.add(c.Key.Account, "erasures", "content_id, at, reason", c.Key.ID, now, reason)
			t.leaf(key, audit.NewRecord(audit.TypeErasure, "account", c.Account, "sha256", hash[:], "size", c.Size, "at", now, "reason", reason))
		}
		// The index keeps deleted text until its segments are merged.
		t.exec(`INSERT INTO trigrams (trigrams) VALUES ('optimize')`)
	})
}

// erasedText replaces a message about an erased content.
const erasedText = "This message was erased from the archive together with the content that it described."

// eraseMessage removes a pending message without replies, whose deliveries are composed again,
// and the text of any other.
func (t *tx) eraseMessage(id int64) {
	t.exec(`UPDATE messages SET body = x'5b5d', text = ?, plain = CASE state WHEN 'waiting' THEN 1 ELSE plain END,
		code = CASE state WHEN 'sent' THEN code END WHERE id = ?`, erasedText, id)
	const fresh = `(SELECT m.id FROM messages m WHERE m.id = ? AND m.state = 'waiting'
		AND NOT EXISTS (SELECT 1 FROM messages c WHERE c.parent_id = m.id))`
	t.exec(`UPDATE deliveries SET state = 'waiting', message_id = NULL WHERE message_id IN `+fresh, id)
	t.exec(`DELETE FROM messages WHERE id IN `+fresh, id)
}

// eraseDifferences removes all text of the contents from the stored differences.
func (t *tx) eraseDifferences(hash coc.Hash) {
	const touched = ` WHERE (account_id, change_id) IN (SELECT account_id, id FROM touched)`
	t.exec(erasedChanges+` UPDATE diffs SET class = ?2, omitted = 0, cut = 0, formatting = '[]', summary = ?3,
		reason = '', partial = 1`+touched,
		hash, coc.ClassErased, coc.ErasedDifference(0, nil).Summary)
	t.exec(erasedChanges+` DELETE FROM items`+touched, hash)
	t.exec(`DELETE FROM words AS x WHERE ` + unused)
}

// eraseBytes removes a content from its pack.
func (t *tx) eraseBytes(key coc.Key) {
	c, ok := get[packed](t, `SELECT `+packedColumns+` FROM contents c WHERE c.account_id = ? AND c.id = ? AND c.pack_id IS NOT NULL`, key)
	if !ok {
		return // already erased
	}
	p, _ := get[packRow](t, `SELECT account_id, id, count, size, frame FROM packs WHERE account_id = ? AND id = ?`, c.Pack)
	data, err := t.s.packs.unpack(p.Frame, nil)
	if err != nil {
		err = damaged("pack %d: %w", p.ID, err)
	}
	if t.fail(cmp.Or(err, c.check(data))); t.err != nil {
		return
	}
	// Two contents have the same start if one is empty: only later contents move.
	t.exec(`UPDATE contents SET start = start - ?1 WHERE account_id = ?2 AND pack_id = ?3 AND start >= ?4 + ?1 AND id <> ?5`,
		c.Size, c.Pack, c.Start, key.ID)
	p.Count--
	t.savePack(pack{p, slices.Delete(data, int(c.Start), int(c.Start+c.Size))})
}

// eraseLines rebuilds the blocks of the account's documents that contained the content.
func (t *tx) eraseLines(content coc.Key) {
	for _, document := range list[coc.Key](t, `
		SELECT DISTINCT v.account_id, v.document_id FROM revisions r JOIN versions v ON v.account_id = r.account_id AND v.id = r.version_id
		WHERE r.account_id = ? AND r.content_id = ?`, content) {
		t.forTexts(`INSERT INTO trigrams (trigrams, rowid, text) VALUES ('delete', ?, ?)`,
			`b.state = 'indexed' AND b.account_id = ? AND b.document_id = ?`, document)
		t.exec(`DELETE FROM blocks WHERE account_id = ? AND document_id = ?`, document)
		t.putLines(document, true, t.contentsOf(document))
	}
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
