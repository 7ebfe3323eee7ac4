package query

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// This is an independent verifier, written only from docs/audit-log.md. It shares no code with the
// program and reads the database tables directly.

// otherRecords are the records' fields as columns, null for omitted fields.
var otherRecords = map[string]string{
	"start": `SELECT '0/' || id, origin, public_key, at, old_origin, old_size, lower(hex(old_root)) AS old_root FROM generations`,
	"state": `SELECT s.account_id || '/' || s.id, a.name AS account, d.document_id, s.seen_at, s.name, s.description, s.risk_level, s.creator, s.modifier,
		s.enterprise_project_id, s.created_at, s.updated_at, s.extra AS others, nullif(s.request_id, '') AS request_id, s.answered_at
		FROM document_states s JOIN documents d ON d.id = s.document_id AND d.account_id = s.account_id JOIN accounts a ON a.id = d.account_id`,
	"revision": `SELECT r.account_id || '/' || r.id, a.name AS account, d.document_id, v.label AS version, r.number AS revision, nullif(r.version_uuid, '') AS version_uuid,
		lower(hex(t.sha256)) AS sha256, t.size, iif(t.form = 1, 1, NULL) AS raw_token, r.made_at, r.seen_at, r.author,
		r.previous_checked_at, nullif(r.request_id, '') AS request_id, r.answered_at
		FROM revisions r JOIN versions v ON v.id = r.version_id AND v.account_id = r.account_id JOIN documents d ON d.id = v.document_id AND d.account_id = v.account_id
		JOIN accounts a ON a.id = d.account_id JOIN contents t ON t.id = r.content_id AND t.account_id = r.account_id`,
	"unavailable": `SELECT l.account_id || '/' || l.id, a.name AS account, d.document_id, v.label AS version, l.at AS seen_at, nullif(l.error, '') AS error
		FROM unavailable_versions l JOIN versions v ON v.id = l.version_id AND v.account_id = l.account_id JOIN documents d ON d.id = v.document_id AND d.account_id = v.account_id JOIN accounts a ON a.id = d.account_id`,
	"change": `SELECT c.account_id || '/' || c.id, a.name AS account, d.document_id, c.id AS change, c.kind, vf.label AS from_version, rf.number AS from_revision,
		lower(hex(tf.sha256)) AS from_sha256, vt.label AS to_version, rt.number AS to_revision, lower(hex(tt.sha256)) AS to_sha256, v.label AS version,
		iif(c.to_state IS NULL, NULL, coalesce(c.from_state, 0)) AS from_state, c.to_state, c.at, c.seen_at,
		nullif(c.backfill, 0) AS backfill, nullif(c.late, 0) AS late
		FROM changes c JOIN documents d ON d.id = c.document_id AND d.account_id = c.account_id JOIN accounts a ON a.id = d.account_id
		LEFT JOIN revisions rf ON rf.id = c.from_revision AND rf.account_id = c.account_id LEFT JOIN versions vf ON vf.id = rf.version_id AND vf.account_id = rf.account_id LEFT JOIN contents tf ON tf.id = rf.content_id AND tf.account_id = rf.account_id
		LEFT JOIN revisions rt ON rt.id = c.to_revision AND rt.account_id = c.account_id LEFT JOIN versions vt ON vt.id = rt.version_id AND vt.account_id = rt.account_id LEFT JOIN contents tt ON tt.id = rt.content_id AND tt.account_id = rt.account_id
		LEFT JOIN versions v ON v.id = c.version_id AND v.account_id = c.account_id`,
	"erasure": `SELECT c.account_id || '/' || c.id, a.name AS account, lower(hex(c.sha256)) AS sha256, c.size, c.erased_at AS at, c.erased_reason AS reason
		FROM contents c JOIN accounts a ON a.id = c.account_id WHERE c.erased_at IS NOT NULL`,
	"coverage": `SELECT g.account_id || '/' || g.id, a.name AS account, g.watch, min(c.started_at) AS started_at, max(c.ended_at) AS ended_at, count(*) AS cycles,
		sum(c.outcome = 'good') AS good, sum(c.complete) AS complete, sum(c.requests) AS requests, max(c.listed) AS listed, nullif(sum(c.missed), 0) AS missed,
		group_concat(nullif(c.error, ''), '; ') AS errors
		FROM coverages g JOIN cycles c ON c.watch = g.watch AND c.account_id = g.account_id AND c.id BETWEEN g.first_cycle AND g.last_cycle AND c.partial = 0
		JOIN accounts a ON a.id = c.account_id GROUP BY g.account_id, g.id`,
}

// otherVerify checks an archive's rows against its leaves, and these against its newest
// checkpoint.
func otherVerify(t *testing.T, path string) error {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	must(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	hashes := map[string][]byte{} // by type and row
	for typ, query := range otherRecords {
		for _, row := range otherRows(t, db, query) {
			var record bytes.Buffer
			fmt.Fprintf(&record, "%s\n", typ)
			for _, c := range row[1:] {
				// hex(NULL) is empty, and no hash is.
				if c.Valid && (c.String != "" || !strings.HasSuffix(c.name, "sha256") && c.name != "old_root") {
					fmt.Fprintf(&record, "%s %d:%s\n", c.name, len(c.String), c.String)
				}
			}
			h := sha256.Sum256(append([]byte{0}, record.Bytes()...))
			hashes[typ+" "+row[0].String] = h[:]
		}
	}
	var leaves [][]byte
	for i, row := range otherRows(t, db, `SELECT id, type, account_id || '/' || ref, hash FROM leaves ORDER BY id`) {
		event := row[1].String + " " + row[2].String
		if row[0].String != fmt.Sprint(i) {
			return fmt.Errorf("leaf %d is missing", i)
		}
		if row[3].String != string(hashes[event]) {
			return fmt.Errorf("leaf %d is not that of %s", i, event)
		}
		delete(hashes, event)
		leaves = append(leaves, []byte(row[3].String))
	}
	for row := range hashes {
		return fmt.Errorf("%s has no leaf", row)
	}
	var note, public string
	must(t, db.QueryRow(`SELECT CAST(note AS TEXT) FROM checkpoints ORDER BY size DESC LIMIT 1`).Scan(&note))
	must(t, db.QueryRow(`SELECT public_key FROM generations ORDER BY id DESC LIMIT 1`).Scan(&public))
	return otherCheckpoint(note, public, leaves)
}

// otherColumn is a value with its name.
type otherColumn struct {
	name string
	sql.NullString
}

func otherRows(t *testing.T, db *sql.DB, query string) (list [][]otherColumn) {
	t.Helper()
	rows, err := db.Query(query)
	must(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		row, dest := make([]otherColumn, len(names)), make([]any, len(names))
		for i, name := range names {
			row[i].name, dest[i] = name, &row[i].NullString
		}
		must(t, rows.Scan(dest...))
		list = append(list, row)
	}
	must(t, rows.Err())
	return list
}

// otherCheckpoint checks a signed checkpoint, and its root against the leaves.
func otherCheckpoint(note, public string, leaves [][]byte) error {
	text, signature, ok := strings.Cut(note, "\n\n")
	lines := strings.Split(text, "\n")
	if !ok || len(lines) != 3 {
		return errors.New("the checkpoint is none")
	}
	parts := strings.SplitN(public, "+", 3)
	if len(parts) != 3 || parts[0] != lines[0] {
		return errors.New("the key is not this log's")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 33 || key[0] != 1 {
		return errors.New("the key is no Ed25519 key")
	}
	encoded, ok := strings.CutPrefix(signature, "— "+parts[0]+" ")
	signed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if !ok || err != nil || len(signed) != 68 || fmt.Sprintf("%x", signed[:4]) != parts[1] {
		return errors.New("the signature is none of this key")
	}
	if !ed25519.Verify(key[1:], []byte(text+"\n"), signed[4:]) {
		return errors.New("the signature is wrong")
	}
	var size int
	if _, err := fmt.Sscan(lines[1], &size); err != nil || size > len(leaves) {
		return errors.New("there are fewer leaves than were signed")
	}
	if root := base64.StdEncoding.EncodeToString(otherRoot(leaves[:size])); root != lines[2] {
		return errors.New("the root is another one")
	}
	return nil
}

// otherRoot is RFC 6962 2.1.
func otherRoot(leaves [][]byte) []byte {
	switch len(leaves) {
	case 0:
		h := sha256.Sum256(nil)
		return h[:]
	case 1:
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	h := sha256.Sum256(append(append([]byte{1}, otherRoot(leaves[:k])...), otherRoot(leaves[k:])...))
	return h[:]
}

// An independent verifier has the same results.
func TestAnotherVerifier(t *testing.T) {
	path, _ := logged(t)
	if err := otherVerify(t, path); err != nil {
		t.Errorf("a good archive: %v", err)
	}
	for name, statements := range map[string]string{
		"an author":             `UPDATE revisions SET author = 'COC-somebody' WHERE id = 2`,
		"a time":                `UPDATE changes SET at = at + 1 WHERE id = 3`,
		"a failed cycle":        `UPDATE cycles SET outcome = 'good' WHERE outcome = 'failed'`,
		"a state":               `UPDATE document_states SET name = 'other' WHERE id = 1`,
		"a leaf":                `UPDATE leaves SET hash = randomblob(32) WHERE id = 4`,
		"a leaf and its change": `PRAGMA foreign_keys = 0; DELETE FROM changes WHERE id = 5; DELETE FROM leaves WHERE type = 'change' AND ref = 5`,
		"a change more":         `INSERT INTO changes SELECT account_id, 99, document_id, cycle_id, kind, from_revision, to_revision, from_state, to_state, version_id, at, seen_at, backfill, late FROM changes WHERE id = 3`,
		"a signature":           `UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), substr(CAST(note AS TEXT), -20, 4), 'AAAA') AS BLOB)`,
	} {
		bad := copyOf(t, path)
		tamper(t, bad, statements)
		if err := otherVerify(t, bad); err == nil {
			t.Errorf("%s was altered, and is accepted", name)
		}
		if _, faults := verify(t, bad, false); faults == "" {
			t.Errorf("%s was altered, and verify accepts it", name)
		}
	}
}
