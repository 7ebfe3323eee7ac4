package query

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Verify blames what was altered.
func TestBlame(t *testing.T) {
	w := &walk{master: everything(t)}
	path := filepath.Join(t.TempDir(), "copy.db")
	for _, tt := range []struct{ name, sql, want string }{
		{"a document's id", `UPDATE documents SET document_id = 'DM9' WHERE document_id = 'DM2'`, "document prod/DM9: it is not what was logged"},
		{"a document's account", `UPDATE documents SET account_id = 2, id = 3 WHERE document_id = 'DM2'`, "the document 2 of leaf"},
		{"a document more", `INSERT INTO documents (account_id, id, document_id, document_type, first_seen_at, state, name, checked_at) VALUES (1, 3, 'DM9', '', 1, 'listed', 'x', 1)`, "document prod/DM9: it was never logged"},
		{"a document's type", `UPDATE documents SET document_type = 'PUBLIC' WHERE document_id = 'DM2'`,
			"document prod/DM2: it is not what was logged"},
		{"when a document was first seen",
			`UPDATE documents SET first_seen_at = first_seen_at - 31536000000 WHERE document_id = 'DM2'`,
			"document prod/DM2: it is not what was logged"},
		{"a document that is not deleted", `UPDATE documents SET state = 'deleted' WHERE document_id = 'DM2'`,
			"document DM2 of account prod: its state is deleted, which its changes contradict"},
		{"a document that would be new", `UPDATE documents SET state = 'listed' WHERE document_id = 'DM2'`,
			"document DM2 of account prod: its state is listed, which its changes contradict"},
		{"a document's name", `UPDATE documents SET name = 'x' WHERE document_id = 'DM2'`,
			"document DM2 of account prod: its name is not that of its newest state"},
		{"a newest version that is withdrawn", `UPDATE documents SET newest = 'v1' WHERE document_id = 'DM2'`,
			"document DM2 of account prod: its newest version is not listed"},
		{"the order of versions", `UPDATE documents SET numbered = 0 WHERE document_id = 'DM2'`,
			"document DM2 of account prod: the order of its versions"},
		{"an account's name", `UPDATE accounts SET name = 'x' WHERE id = 2`, "log cocsync/"},
		{"an account more", `INSERT INTO accounts (id, name, endpoint) VALUES (3, 'more', 'https://coc.example')`, "account more has no log"},
		{"a watch more", `INSERT INTO watches (name, account_id) VALUES ('more', 1)`, "watch more was never started in its account"},
		{"a membership less", `DELETE FROM memberships WHERE id = 2`, "the member 2 of leaf"},
		{"the end of a membership", `UPDATE memberships SET until = 1 WHERE id = 2`, "membership 2 of account prod: its end"},
		{"an initial membership", `UPDATE memberships SET initial = 1 - initial WHERE id = 2`,
			"the membership of prod/DM2 in watch all: it is not what was logged"},
		{"a state's description", `UPDATE document_states SET description = '' WHERE description IS NULL AND id = 1`, "state "},
		{"a state of another document", `UPDATE document_states SET document_id = 1 WHERE id = 6`, "of prod/DM1: it is not what was logged"},
		{"a state less", `DELETE FROM document_states WHERE id = 6`, "the state 6 of leaf"},
		{"two labels", `UPDATE versions SET label = 'x' WHERE id = 6; UPDATE versions SET label = 'v1' WHERE id = 7; UPDATE versions SET label = 'v2' WHERE id = 6`, "of prod/DM2: it is not what was logged"},
		{"a create_time", `UPDATE versions SET made_at = made_at + 1 WHERE id = 2`, "of versions of prod/DM1: it is not what was logged"},
		{"a version_uuid", `UPDATE versions SET version_uuid = 'x' WHERE id = 2`, "of versions of prod/DM1: it is not what was logged"},
		{"when a version was listed", `UPDATE versions SET listed_at = listed_at + 1 WHERE id = 2`,
			"of versions of prod/DM1: it is not what was logged"},
		{"a backfill", `UPDATE versions SET backfill = 1 WHERE id = 2`, "of versions of prod/DM1: it is not what was logged"},
		{"a withdrawal", `UPDATE versions SET withdrawn_at = 1 WHERE id = 2`, "version 2 of account prod: whether it is withdrawn"},
		{"an archived version", `UPDATE versions SET state = 'unavailable' WHERE id = 2`,
			"version 2 of account prod: its state is unavailable, which its revisions contradict"},
		{"an unavailable version", `UPDATE versions SET state = 'pending' WHERE id = 4`,
			"version 4 of account prod: its state is pending, which is not what was recorded"},
		{"a version that is never compared", `UPDATE versions SET checked_at = NULL WHERE id = 2`,
			"version 2 of account prod would never be compared"},
		{"a version more", `INSERT INTO versions (account_id, id, document_id, label, version_uuid, listed_at, backfill, listed, state) VALUES (1, 99, 1, 'v99', '', 1, 0, 1, 'unavailable')`, "the listing at 1970-01-01T00:00:00Z of versions of prod/DM1: it was never logged"},
		{"an empty author", `UPDATE revisions SET author = '' WHERE id = 1`, "revision 1 of account prod has an empty author"},
		{"two contents", `UPDATE revisions SET content_id = 5 - content_id WHERE content_id IN (2, 3) AND account_id = 1`,
			"of prod/DM1: it is not what was logged"},
		{"a revision more", `INSERT INTO revisions SELECT account_id, 99, version_id, 7, version_uuid, content_id, made_at, seen_at, author, previous_checked_at, request_id, answered_at FROM revisions WHERE id = 3 AND account_id = 1`, "v3#7 of prod/DM1: it was never logged"},
		{"a content's form", `UPDATE contents SET form = 1 WHERE id = 3 AND account_id = 1`, "its bytes do not have its SHA-256"},
		{"where a content starts", `UPDATE contents SET start = start + 1 WHERE id = 2 AND account_id = 1`, "content "},
		{"the size of a content", `UPDATE contents SET size = size - 1 WHERE id = 2 AND account_id = 1`, "content "},
		{"a hash with a byte more", `UPDATE contents SET hash = CAST(hash || x'00' AS BLOB) WHERE id = 2 AND account_id = 1`, "a hash of 33 bytes"},
		{"an erasure more", `INSERT INTO erasures VALUES (1, 2, 3, 3, 1, 'x', 'x', x'00', x'00')`, "the erasure of"},
		{"an erasure less", `DELETE FROM erasures`, "has no bytes, and no one erased it"},
		{"a content more", `INSERT INTO contents SELECT account_id, 99, randomblob(32), salt, 0, 0, pack_id, 0 FROM contents WHERE id = 2 AND account_id = 1`, "belongs to no version"},
		{"a pack's document", `UPDATE packs SET document_id = 3 - document_id WHERE id = 1 AND account_id = 1`, "pack 1 of account prod has contents of other documents"},
		{"a pack's count", `UPDATE packs SET count = count + 1 WHERE id = 1 AND account_id = 1`, "pack 1 of account 1 has bytes"},
		{"a pack's size", `UPDATE packs SET size = size + 1 WHERE id = 1 AND account_id = 1`, "pack 1 of account 1 has bytes"},
		{"a skippable frame", `UPDATE packs SET frame = CAST(frame || x'502a4d180400000061626364' AS BLOB) WHERE id = 1 AND account_id = 1`, "pack 1 of account 1 has bytes"},
		{"an empty frame", `UPDATE packs SET frame = CAST(frame || x'28b52ffd2000010000' AS BLOB) WHERE id = 1 AND account_id = 1`, "pack 1 of account 1 has bytes"},
		{"a pack less", `DELETE FROM packs WHERE id = 1 AND account_id = 1`, "its pack 1 is missing"},
		{"a change's cycle", `UPDATE changes SET cycle_id = 1 WHERE id = 7 AND account_id = 1`,
			"change 7 (metadata) of prod/DM2: it is not what was logged"},
		{"no cycle", `UPDATE changes SET cycle_id = NULL WHERE id = 7 AND account_id = 1`,
			"change 7 (metadata) of prod/DM2: it is not what was logged"},
		{"a state of a version", `UPDATE changes SET from_state = 1 WHERE id = 2 AND account_id = 1`,
			"change 2 of account prod has a state before it"},
		{"from and to", `UPDATE changes SET from_revision = to_revision, to_revision = from_revision WHERE id = 3 AND account_id = 1`, "change 3 (version) of prod/DM1: it is not what was logged"},
		{"two numbers", `UPDATE changes SET id = -2 WHERE id = 2 AND account_id = 1; UPDATE changes SET id = 2 WHERE id = 3 AND account_id = 1; UPDATE changes SET id = 3 WHERE id = -2`, "change 2 (version) of prod/DM1: it is not what was logged"},
		{"a change and its leaf", `DELETE FROM leaves WHERE type = 'change' AND ref = 3 AND account_id = 1; DELETE FROM changes WHERE id = 3 AND account_id = 1`, "is missing"},
		{"a summary", `UPDATE diffs SET summary = 'x' WHERE change_id = 8 AND account_id = 1`, "change prod/8: the stored difference"},
		{"a difference less", `DELETE FROM diffs WHERE change_id = 8 AND account_id = 1`, "change 8 of account prod has no difference"},
		{"the reason of a difference", `UPDATE diffs SET reason = 'x' WHERE change_id = 13 AND account_id = 1`,
			"change prod/13: the stored difference"},
		{"versions that were skipped", `UPDATE diffs SET skipped = '[]', partial = 0 WHERE change_id = 13 AND account_id = 1`,
			"change 13 of account prod: the versions between"},
		{"the summary of a metadata change", `UPDATE diffs SET summary = 'x' WHERE change_id = 7 AND account_id = 1`,
			"change prod/7: the stored difference"},
		{"an item", `UPDATE items SET new = 'x' WHERE change_id = 9 AND account_id = 1`, "change prod/9: the stored difference"},
		{"no items", `DELETE FROM items WHERE change_id = 9 AND account_id = 1`, "change prod/9: the stored difference"},
		{"an item of a metadata change", `UPDATE items SET new = 'x' WHERE change_id = 7 AND account_id = 1`,
			"change prod/7: the stored difference"},
		{"a former task", `UPDATE items SET old_task = task WHERE old_task IS NOT NULL`, "change 9 of account prod: the former path or task"},
		{"the blocks of a document", `DELETE FROM blocks WHERE document_id = 2 AND account_id = 1`,
			"the line index: a line of v1 of restart is missing"},
		{"the blocks of another document", `UPDATE blocks SET document_id = 1 WHERE document_id = 2 AND account_id = 1`,
			"the line index: a line of v1 of restart is missing"},
		{"an empty index", `INSERT INTO trigrams (trigrams) VALUES ('delete-all')`, "is indexed, which its trigrams contradict"},
		{"a line more", `UPDATE blocks SET document_id = 2, account_id = 1 WHERE document_id = 1 AND account_id = 2`, "the line index"},
		{"messages and deliveries less", `DELETE FROM messages`, "which its message contradicts"},
		{"a delivery that was sent", `UPDATE deliveries SET state = 'dropped' WHERE state = 'sent'`, "which its message contradicts"},
		{"a message that was sent", `UPDATE messages SET state = 'waiting' WHERE id = 1`, "which its message contradicts"},
		{"when it was sent", `UPDATE messages SET sent_at = sent_at - 1 WHERE id = 1`, "the deliveries of account prod that were recorded at "},
		{"where it was sent", `UPDATE messages SET channel = 'C2' WHERE id = 1`, "it is not what was logged"},
		{"as which message", `UPDATE messages SET ts = '1.9' WHERE id = 1`, "it is not what was logged"},
		{"to whom it was sent", `UPDATE deliveries SET notifier = 'boss' WHERE message_id = 1; UPDATE messages SET notifier = 'boss' WHERE id = 1`, "it is not what was logged"},
		{"which change was sent", `UPDATE deliveries SET change_id = 7 WHERE message_id = 1`, "it is not what was logged"},
		{"a delivery that was sent less", `DELETE FROM deliveries WHERE message_id = 1`, "it is not what was logged"},
		{"a delivery in no record", `UPDATE deliveries SET record_id = NULL WHERE message_id = 1`, "it is not what was logged"},
		{"a delivery that was not sent in a record", `UPDATE deliveries SET record_id = 1 WHERE state = 'dropped'`,
			"it is recorded, and was not sent"},
		{"a message to someone else", `UPDATE messages SET notifier = 'boss' WHERE id = 1`, "its message is to boss"},
		{"deliveries that no process recorded", `UPDATE delivery_records SET unattested = 1 - unattested`, "it is not what was logged"},
		{"a delivery record less", `DELETE FROM delivery_records`, "the delivery 1 of leaf"},
		{"a failed cycle", `UPDATE cycles SET outcome = 'good' WHERE outcome = 'failed'`, "cycle 2 of watch all: it is not what was logged"},
		{"a cycle's error", `UPDATE cycles SET error = 'x' WHERE outcome = 'failed'`, "cycle 2 of watch all: it is not what was logged"},
		{"a cycle within a coverage",
			`UPDATE cycles SET ended_at = ended_at + 1, cause = 'start', documents = 1, versions = 1, changes = 1 WHERE id = 1 AND account_id = 1`, "cycles of watch all from"},
		{"requests of two cycles", `UPDATE cycles SET requests = requests + CASE id WHEN 1 THEN 1 ELSE -1 END WHERE id IN (1, 3) AND account_id = 1`, "cycles of watch all from"},
		{"a cycle that fails", `UPDATE cycles SET outcome = 'failed', error = 'x' WHERE id = 8 AND account_id = 1`,
			"cycle 8 of account prod of watch all was never recorded"},
		{"the newest cycle less", `DELETE FROM cycles WHERE id = 8 AND account_id = 1`, "account prod: its counter of cycles"},
		{"a partial cycle", `UPDATE cycles SET partial = 1 WHERE id = 1 AND account_id = 1`, "it is not what was logged"},
		{"a failure of a good cycle", `INSERT INTO cycle_failures VALUES (1, 1, 'DM2', 'x', 'y')`,
			"the failure of document DM2 in cycle 1 of account prod is not that of a failed cycle"},
		{"a failure of a failed cycle", `INSERT INTO cycle_failures VALUES (1, 2, 'DM2', 'x', 'y')`,
			"cycle 2 of watch all: it is not what was logged"},
		{"a failure less", `DELETE FROM cycle_failures`, "of watch all: it is not what was logged"},
		{"the end of a coverage", `UPDATE coverages SET last_cycle = last_cycle + 1 WHERE id = 1 AND account_id = 1`,
			"it is not what was logged"},
		{"a coverage less", `DELETE FROM coverages WHERE id = 1 AND account_id = 1`, "the coverage 1 of leaf"},
		{"an account of the past", `UPDATE accounts SET id = 3 WHERE id = 1; UPDATE accounts SET id = 1 WHERE id = 2; UPDATE accounts SET id = 2 WHERE id = 3`, "cycles were recorded when the archive had 1 accounts"},
		{"a leaf with a byte more", `UPDATE leaves SET hashes = CAST(hashes || x'00' AS BLOB) WHERE id = 4 AND account_id = 1`, "the hashes of leaf 4"},
		{"a leaf's type", `UPDATE leaves SET type = 'change' WHERE id = 4 AND account_id = 1`,
			"leaf 4 names the change 1, and has the hash of state"},
		{"which row a leaf names", `UPDATE leaves SET ref = 9 WHERE type = 'change' AND ref = 3 AND account_id = 1`,
			"names the change 9, and has the hash of change 3 (version) of prod/DM1"},
		{"the rows of two leaves", `UPDATE leaves SET ref = CASE ref WHEN 2 THEN 3 ELSE 2 END WHERE type = 'change' AND ref IN (2, 3) AND account_id = 1`, "names the change 3, and has the hash of change 2 (version) of prod/DM1"},
		{"the hash of a leaf", `UPDATE leaves SET hashes = CAST(randomblob(32) || substr(hashes, 33) AS BLOB) WHERE type = 'change' AND ref = 2 AND account_id = 1`, "was altered; change 2 (version) of prod/DM1 is what was logged"},
		{"an edge's size", `UPDATE logs SET size = size - 1 WHERE account_id = 1`, "signed are"},
		{"an edge", `UPDATE logs SET peaks = randomblob(length(peaks)) WHERE account_id = 1`, "its right edge is not that of its records"},
		{"a log's origin", `UPDATE logs SET origin = origin || 'x' WHERE account_id = 1`,
			"the start of the log of account prod: it is not what was logged"},
		{"a log's start", `UPDATE logs SET started_at = 1 WHERE account_id = 1`,
			"the start of the log of account prod: it is not what was logged"},
		{"an older log", `UPDATE logs SET old_size = 9 WHERE account_id = 1`, "the start of the log of account prod: it is not what was logged"},
		{"a log more", `INSERT INTO logs SELECT account_id, 2, origin || '/2', public_key, started_at, origin, size, x'', NULL, NULL, NULL, NULL, 0, 0, x'', note
			FROM logs WHERE account_id = 1`, "the start of the log of account prod: it was never logged"},
		{"the archive's key", `UPDATE archive SET public_key = randomblob(32)`, "the key of the archive is not that of its newest logs"},
		{"the version of the schema", `INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, 0)`, "the versions of the schema"},
		{"the number of the user", `PRAGMA user_version = 7`, "user_version"},
	} {
		found, err := w.run(t.Context(), path, tt.sql)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if all := strings.Join(found, "\n"); !strings.Contains(all, tt.want) {
			t.Errorf("%s: Verify finds\n%s\nwant %q", tt.name, all, tt.want)
		}
	}
}

// Bytes after the last page, which SQLite ignores, are found.
func TestTrailingBytes(t *testing.T) {
	master, _ := logged(t)
	path := copyOf(t, master)
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, append(b, "hidden"...), 0o600))
	if _, faults := verify(t, path, false); !strings.Contains(faults, "the file: it has") {
		t.Errorf("Verify finds %q", faults)
	}
}
