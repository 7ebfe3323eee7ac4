package db

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// sizeStep is the unit of the size that the records have of a content: the exact one can reveal
// which password an erased content had.
const sizeStep = 256

func roundedSize(size int) int { return (size + sizeStep - 1) / sizeStep * sizeStep }

// roundedSizeOf is roundedSize of a content t.
const roundedSizeOf = `(t.size + 255) / 256 * 256`

// saltSize is the size of a salt in bytes: too many to try all.
const saltSize = 16

func newSalt() []byte {
	salt := make([]byte, saltSize)
	rand.Read(salt) // it never fails: https://pkg.go.dev/crypto/rand#Read
	return salt
}

// Keyed returns by what an erased content is recognized, if its key is there; zero if it is not.
func (s *store) Keyed(h coc.Hash) coc.Hash {
	if s.key == nil {
		return coc.Hash{}
	}
	return coc.Hash(s.key.Erased(h[:]))
}

// erasureKey returns the id of the key that recognizes erased contents; nil if it is missing.
func (s *store) erasureKey() []byte {
	if s.key == nil {
		return nil
	}
	return s.key.ErasureID()
}

// Erasure is a content of an account with its uses.
type Erasure struct {
	Content  coc.Key
	Account  string
	Hash     coc.Hash // of an erased one, the commitment
	Size     int
	ErasedAt time.Time // zero if it is not erased
	Person   string    // who erased it
	Reason   string
	Places   []Place  // revisions with the content
	Changes  int      // changes that compare it
	Sent     int      // sent messages about these changes
	Waiting  int      // pending messages, which are composed again without it
	Copies   []string // backups from before migrations
}

// Place is a revision of a document.
type Place struct{ DocumentID, Name, Version string }

// The changes that compare a content and the messages about them: those with deliveries of
// these changes, and their child messages without deliveries, such as files and the details
// of a digest.
const (
	erasedChanges = `
		WITH gone (id) AS (SELECT r.id FROM revisions r WHERE r.account_id = ?1 AND r.content_id = ?2),
			touched (account_id, id) AS (SELECT account_id, id FROM changes
				WHERE account_id = ?1 AND (from_revision IN (SELECT id FROM gone) OR to_revision IN (SELECT id FROM gone)))`
	erasedMessages = erasedChanges + `,
			direct (id) AS (SELECT DISTINCT message_id FROM deliveries
				WHERE message_id IS NOT NULL AND (account_id, change_id) IN (SELECT account_id, id FROM touched)),
			about (id) AS (SELECT id FROM direct UNION SELECT m.id FROM messages m JOIN direct d ON d.id = m.parent_id
				WHERE NOT EXISTS (SELECT 1 FROM deliveries x WHERE x.message_id = m.id))`
)

// Erasures returns the uses of the contents with a hash, by account. keyed is by what they are
// recognized if they are erased; zero if that is unknown.
func (a *Archive) Erasures(ctx context.Context, hash, keyed coc.Hash) (all []Erasure, err error) {
	r := a.reading(ctx, "erasures of a content")
	contents, err := collect[coc.Key](r, `
		SELECT a.id, c.id FROM accounts a JOIN contents c ON c.account_id = a.id
		WHERE c.hash = ?1 OR c.id IN (SELECT e.content_id FROM erasures e WHERE e.account_id = a.id AND e.keyed_hash = ?2)
		ORDER BY a.name, c.id`, hash, keyed)
	for _, content := range contents {
		if err == nil {
			var e Erasure
			e, err = a.Erasure(ctx, content)
			all = append(all, e)
		}
	}
	return all, err
}

// Erasure returns the uses of a content.
func (a *Archive) Erasure(ctx context.Context, content coc.Key) (Erasure, error) {
	r := a.reading(ctx, "content %d", content.ID)
	e, err := find[Erasure](r, erasedMessages+`
		SELECT c.account_id, c.id, a.name, c.hash, c.size, e.at, coalesce(e.person, ''), coalesce(e.reason, ''), NULL,
			(SELECT count(*) FROM touched),
			(SELECT count(*) FROM messages WHERE id IN (SELECT id FROM about) AND state <> 'waiting'),
			(SELECT count(*) FROM messages WHERE id IN (SELECT id FROM about) AND state = 'waiting'), NULL
		FROM contents c JOIN accounts a ON a.id = c.account_id
		LEFT JOIN erasures e ON `+isErasureOf("c")+`
		WHERE c.account_id = ?1 AND c.id = ?2`, content)
	if err != nil {
		return e, err
	}
	e.Places, err = collect[Place](r, `
		SELECT d.document_id, d.name, `+revisionName("v.label", "r")+`
		FROM revisions r JOIN versions v ON v.account_id = r.account_id AND v.id = r.version_id
		JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id
		WHERE r.account_id = ? AND r.content_id = ? ORDER BY d.name, r.id`, content)
	if err != nil {
		return e, err
	}
	// Backups from before migrations are next to the file.
	e.Copies, err = filepath.Glob(globbed(a.path) + ".schema*")
	return e, err
}

// isErasureOf is the condition that a row e of erasures is the first one of a content.
func isErasureOf(content string) string {
	return strings.ReplaceAll(`e.account_id = c.account_id
		AND e.id = (SELECT min(n.id) FROM erasures n WHERE n.account_id = c.account_id AND n.content_id = c.id)`,
		"c.", content+".")
}

// globbed returns a pattern that matches only path.
func globbed(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// ErasureRequest asks the process that keeps the logs to erase a content.
type ErasureRequest struct {
	Content    coc.Key
	Account    string
	Salt, Hash []byte // of the content
	At         time.Time
	Person     string
	Reason     string
	Code       []byte
	State      ErasureState
	Err        string // why it failed, or why the file still contains the bytes
	Erased     bool   // the content is erased, whatever State says
}

// ErasureState is the state of a request. A finished one is removed.
type ErasureState string

// The states of requests.
const (
	ErasureRequested ErasureState = "requested"
	ErasureErased    ErasureState = "erased" // the file is still to be rewritten
	ErasureFailed    ErasureState = "failed"
)

// code authenticates a request: who can write only the database cannot have a content erased.
func (q *ErasureRequest) code(key *audit.Key) []byte {
	r := audit.NewRecord("erase", "account", q.Content.Account, "content", q.Content.ID, "commitment", commitment(q.Salt, q.Hash),
		"at", q.At, "person", q.Person, "reason", q.Reason)
	return key.Authenticate(r.Encode())
}

// authentic reports whether the key made the request's code.
func (q *ErasureRequest) authentic(key *audit.Key) bool {
	return key != nil && hmac.Equal(q.Code, q.code(key))
}

// ErrAskedToErase means that a request to erase the content exists.
var ErrAskedToErase = errors.New("its erasure was requested before")

// RequestErasure asks the process that keeps the logs to erase a content. key is that of the archive;
// nil for that of this process.
func (a *Archive) RequestErasure(ctx context.Context, key *audit.Key, content coc.Key, person, reason string, now time.Time) error {
	if key = cmp.Or(key, a.key); key == nil {
		return a.errNoErasureKey()
	}
	if n := max(utf8.RuneCountInString(person), utf8.RuneCountInString(reason)); n > maxReason {
		return fmt.Errorf("the reason has %d characters; the maximum is %d", n, maxReason)
	}
	return a.update(ctx, "request an erasure", func(t *tx) {
		c, ok := get[struct{ Salt, Hash []byte }](t, `SELECT salt, hash FROM contents WHERE account_id = ? AND id = ?`, content)
		if !ok {
			t.fail(coc.ErrNotFound)
		}
		old, exists := get[ErasureRequest](t, erasureRequests+` WHERE q.account_id = ? AND q.content_id = ?`, content)
		if exists && old.State != ErasureFailed && old.authentic(key) {
			t.fail(ErrAskedToErase)
		}
		q := ErasureRequest{Content: content, Salt: c.Salt, Hash: c.Hash, At: now.Truncate(time.Millisecond), Person: person, Reason: reason}
		t.exec(`DELETE FROM erasure_requests WHERE account_id = ? AND content_id = ?`, content)
		t.exec(insertInto("erasure_requests", "account_id, content_id, at, person, reason, code, state"),
			content, q.At, person, reason, q.code(key), ErasureRequested)
	})
}

// maxReason is the maximum length of a reason, and of the name of a person.
const maxReason = 10_000

// erasureRequests selects requests q. Anyone who can write the database can add long ones.
const erasureRequests = `
	SELECT q.account_id, q.content_id, a.name, c.salt, c.hash, q.at, substr(q.person, 1, 10000), substr(q.reason, 1, 10000),
		substr(q.code, 1, 100), q.state, substr(q.error, 1, 10000), c.pack_id IS NULL
	FROM erasure_requests q JOIN accounts a ON a.id = q.account_id
	JOIN contents c ON c.account_id = q.account_id AND c.id = q.content_id`

// ErasureRequests returns the requests that are not finished, at most limit: first those that have not
// failed, oldest first. all is their number.
func (a *Archive) ErasureRequests(ctx context.Context, limit int) (list []ErasureRequest, all int, err error) {
	r := a.reading(ctx, "requested erasures")
	if all, err = first[int](r, `SELECT count(*) FROM erasure_requests`); err == nil && all > 0 {
		list, err = collect[ErasureRequest](r, erasureRequests+`
			ORDER BY q.state = 'failed', q.at, q.account_id, q.content_id LIMIT ?`, limit)
	}
	return list, all, err
}

// ErasureRequest returns the request for a content; coc.ErrNotFound if there is none that is not finished.
func (a *Archive) ErasureRequest(ctx context.Context, content coc.Key) (ErasureRequest, error) {
	return find[ErasureRequest](a.reading(ctx, "requested erasure"), erasureRequests+` WHERE q.account_id = ? AND q.content_id = ?`, content)
}

// DueErasures returns the requests to do, oldest first, and those whose content is erased in the
// database only. The others have failed then, because they are not authentic: refused is their number.
func (a *Archive) DueErasures(ctx context.Context) (due []ErasureRequest, refused int, err error) {
	const open = erasureRequests + ` WHERE q.state <> 'failed' ORDER BY q.at, q.account_id, q.content_id`
	all, err := collect[ErasureRequest](a.reading(ctx, "requested erasures"), open)
	forged := func(q ErasureRequest) bool { return !q.authentic(a.key) && !(q.Erased && q.State == ErasureErased) }
	if err != nil || !slices.ContainsFunc(all, forged) {
		return all, 0, err
	}
	why := cmp.Or(a.errNoErasureKey(), errNotAuthentic)
	err = a.update(ctx, "refuse erasures", func(t *tx) {
		all = list[ErasureRequest](t, open)
		for _, q := range all {
			if forged(q) {
				refused++
				t.exec(`UPDATE erasure_requests SET state = 'failed', error = ? WHERE account_id = ? AND content_id = ?`, why.Error(), q.Content)
			}
		}
	})
	return slices.DeleteFunc(all, forged), refused, err
}

// SetErasureError records why a request failed; one that is erased remains so.
func (a *Archive) SetErasureError(ctx context.Context, content coc.Key, why error) error {
	return a.exec(ctx, "record the failure of an erasure", `UPDATE erasure_requests SET error = ?,
		state = CASE state WHEN 'erased' THEN 'erased' ELSE 'failed' END WHERE account_id = ? AND content_id = ?`, why.Error(), content)
}

// RemoveErasureRequests removes the requests for contents that are erased.
func (a *Archive) RemoveErasureRequests(ctx context.Context, contents []coc.Key) error {
	return a.update(ctx, "remove requested erasures", func(t *tx) {
		for _, c := range contents {
			t.exec(`DELETE FROM erasure_requests WHERE state = 'erased' AND account_id = ? AND content_id = ?`, c)
		}
	})
}

// errNoErasureKey returns an error if the key is missing.
func (s *store) errNoErasureKey() error {
	if s.key != nil {
		return nil
	}
	return hint.Wrap(fmt.Errorf("the key %s is missing: it signs an erasure, and recognizes the content if COC still serves it", s.keyPath),
		"put the key back; if it is lost: `cocsync audit rotate-key --lost`")
}

// errNotAuthentic is the error of a request without a valid code.
var errNotAuthentic = errors.New("the request is not signed with the key of the archive: the key was replaced since, it was altered, " +
	"or someone else wrote it")

// Erase does what a request asks for: it removes a content of an account with everything derived
// from it, its lines, the differences of changes, and the messages about them. Its commitment, the
// rounded size, who erased it and why remain. Pending messages are composed again without it. The
// file may contain the bytes until Rewrite and EmptyWAL.
func (a *Archive) Erase(ctx context.Context, q ErasureRequest, notice coc.NewNotice, now time.Time) error {
	if err := a.errNoErasureKey(); err != nil {
		return err
	}
	if !q.authentic(a.key) {
		return errNotAuthentic
	}
	return a.update(ctx, "erase a content", func(t *tx) {
		t.exec(`UPDATE erasure_requests SET state = 'erased', error = '' WHERE account_id = ? AND content_id = ?`, q.Content)
		if !t.eraseContent(q, now) {
			return // it is erased already
		}
		t.addNotice(notice)
	})
}

// eraseContent erases the content of a request, and reports whether it was not erased before.
func (t *tx) eraseContent(q ErasureRequest, now time.Time) bool {
	c, ok := get[packed](t, `
		SELECT `+packedColumns+` FROM contents c WHERE c.account_id = ? AND c.id = ? AND c.pack_id IS NOT NULL`, q.Content)
	if !ok {
		return false
	}
	for _, message := range list[int64](t, erasedMessages+` SELECT id FROM about ORDER BY id DESC`, q.Content) {
		t.eraseMessage(message)
	}
	t.renewDeliveries(q.Content)
	t.eraseDifferences(q.Content)
	t.eraseBytes(q.Content, c)
	committed, keyed, size := commitment(q.Salt, q.Hash), t.s.Keyed(c.Hash), roundedSize(int(c.Size))
	t.exec(`UPDATE contents SET hash = ?, salt = NULL, size = ?, pack_id = NULL, start = 0 WHERE account_id = ? AND id = ?`,
		committed, size, q.Content)
	*t.count(q.Content.Account, "content_bytes") += int64(size) - c.Size
	t.eraseLines(q.Content)
	for _, p := range list[struct {
		Revision            int64
		DocumentID, Version string
		Number              int
	}](t, `
		SELECT r.id, d.document_id, v.label, r.number FROM revisions r JOIN versions v ON v.account_id = r.account_id AND v.id = r.version_id
		JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id
		WHERE r.account_id = ? AND r.content_id = ? ORDER BY r.id`, q.Content) {
		t.logged(audit.TypeRevision, coc.Key{Account: q.Content.Account, ID: p.Revision})
		key := t.add(q.Content.Account, "erasures", "revision_id, content_id, at, person, reason, keyed_hash, key_id",
			p.Revision, q.Content.ID, now, q.Person, q.Reason, keyed, t.s.erasureKey())
		t.leaf(key, audit.NewRecord(audit.TypeErasure, "account", q.Account, "document_id", p.DocumentID, "version", p.Version,
			"revision", p.Number, "commitment", committed, "size", size, "keyed_hash", keyed[:], "key_id", t.s.erasureKey(),
			"at", now, "person", q.Person, "reason", q.Reason))
	}
	// The index keeps deleted text until its segments are merged.
	t.exec(`INSERT INTO trigrams (trigrams) VALUES ('optimize')`)
	return true
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

// renewDeliveries replaces the deliveries that no message has claimed, so that one that is
// being composed now, with the content, cannot claim them.
func (t *tx) renewDeliveries(content coc.Key) {
	const waiting = `state = 'waiting' AND (account_id, change_id) IN (SELECT account_id, id FROM touched)`
	const columns = "notifier, account_id, change_id, cycle_id, routed, state, due_at"
	rows := list[struct {
		Notifier        string
		Account, Change int64
		Cycle           *int64
		Routed          bool
		State           coc.MessageState
		DueAt           time.Time
	}](t, erasedChanges+` SELECT `+columns+` FROM deliveries WHERE `+waiting+` ORDER BY id`, content)
	t.exec(erasedChanges+` DELETE FROM deliveries WHERE `+waiting, content)
	for _, d := range rows {
		t.exec(insertInto("deliveries", columns), d.Notifier, d.Account, d.Change, d.Cycle, d.Routed, d.State, d.DueAt)
	}
}

// eraseDifferences removes all text of a content from the stored differences.
func (t *tx) eraseDifferences(content coc.Key) {
	const touched = ` WHERE (account_id, change_id) IN (SELECT account_id, id FROM touched)`
	t.exec(erasedChanges+`
		UPDATE diffs SET class = ?3, omitted = 0, cut = 0, formatting = '[]', summary = ?4, reason = '', partial = 1`+touched,
		content, coc.ClassErased, coc.ErasedDifference(0, nil).Summary)
	t.exec(erasedChanges+` DELETE FROM items`+touched, content)
	t.exec(`DELETE FROM words AS x WHERE account_id = ? AND `+unused, content.Account)
}

// eraseBytes removes a content from its pack.
func (t *tx) eraseBytes(key coc.Key, c packed) {
	p, _ := get[packRow](t, `SELECT account_id, id, count, size, frame FROM packs WHERE account_id = ? AND id = ?`, c.Pack)
	if t.err != nil {
		return
	}
	data, err := t.s.packs.unpack(p.Frame, nil)
	if err != nil {
		err = damaged("pack %d: %w", p.ID, err)
	}
	if err == nil {
		_, err = c.of(data) // other bytes are of another content, and its own are elsewhere
	}
	if t.fail(err); t.err != nil {
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

// Rewrite rewrites the file without removed data. It temporarily needs disk space for two more
// copies, one of them in the write-ahead log, and other transactions wait for it.
func (d *DB) Rewrite(ctx context.Context) (err error) {
	defer wrap(&err, "rewrite %s", d.path)
	d.writing.Lock()
	defer d.writing.Unlock()
	d.rewriting.Store(true)
	defer d.rewriting.Store(false)
	// In a file, not in memory, and not in another folder, which may be unencrypted or small.
	for _, sql := range []string{"PRAGMA temp_store = FILE", "PRAGMA temp_store_directory = " + quoted(filepath.Dir(d.path)), "VACUUM"} {
		if _, err = d.write.ExecContext(ctx, sql); err != nil {
			break
		}
	}
	_, err2 := d.write.ExecContext(context.WithoutCancel(ctx), "PRAGMA temp_store = MEMORY")
	return explain(errors.Join(err, err2))
}

// quoted returns a text as an SQL literal.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// ErrReaders means that the write-ahead log cannot be emptied.
var ErrReaders = errors.New("a program keeps an older state of the archive open")

// EmptyWAL empties the write-ahead log, which may contain removed data. It fails with ErrReaders
// while a program reads an older state.
func (d *DB) EmptyWAL(ctx context.Context) (err error) {
	defer wrap(&err, "write-ahead log of %s", d.path)
	d.writing.Lock()
	defer d.writing.Unlock()
	var busy, log, copied int64
	err = d.write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &copied)
	if err == nil && busy != 0 {
		return ErrReaders
	}
	return explain(err)
}
