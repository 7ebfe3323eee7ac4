-- The archive. Times are Unix milliseconds UTC. Null means absent or unknown.
--
-- Ids are counters of the account (counters), advanced in the transaction that adds the
-- row: without gaps, in the order of the commits. The key of such a row is
-- (account_id, id), with id first in the index: it selects, account_id hardly does. Rows
-- that belong to no account have ids of the archive.
--
-- Observed rows are never rewritten, except for the columns marked "Progress", which
-- hold cocsync's progress. Rows marked "Derived" can be computed again.

-- +goose Up

-- Marks the file as cocsync's ("coc2").
PRAGMA application_id = 1668244274;

-- The archive: one row.
CREATE TABLE archive (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	name TEXT NOT NULL, -- random; the origins of its logs have it
	created_at INTEGER NOT NULL,
	public_key BLOB,    -- of the key that signs its logs; null before there was one
	-- Progress: why the head file could not be written; null if it could. And the version of
	-- the algorithm that made all differences, or an older one until they are rebuilt.
	head_error TEXT,
	diff_algorithm INTEGER NOT NULL DEFAULT 0,
	-- Progress: the id of the key that recognizes erased contents; null if it is missing.
	erasure_key BLOB
) STRICT;

-- One set of COC credentials and one endpoint. Its name is its identity.
CREATE TABLE accounts (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	endpoint TEXT NOT NULL, -- the newest of endpoints
	-- Progress: COC refused this key pair (a hash names it), or limits the rate.
	refused_key TEXT,
	refused_until INTEGER,
	refused_reason TEXT,
	paused_until INTEGER
) STRICT;

-- The newest id of an account in each table, which is also the number of its rows.
CREATE TABLE counters (
	account_id INTEGER PRIMARY KEY REFERENCES accounts,
	documents INTEGER NOT NULL DEFAULT 0,
	document_states INTEGER NOT NULL DEFAULT 0,
	versions INTEGER NOT NULL DEFAULT 0,
	revisions INTEGER NOT NULL DEFAULT 0,
	contents INTEGER NOT NULL DEFAULT 0,
	packs INTEGER NOT NULL DEFAULT 0,
	changes INTEGER NOT NULL DEFAULT 0,
	cycles INTEGER NOT NULL DEFAULT 0,
	unavailable_versions INTEGER NOT NULL DEFAULT 0,
	coverages INTEGER NOT NULL DEFAULT 0,
	endpoints INTEGER NOT NULL DEFAULT 0,
	watch_starts INTEGER NOT NULL DEFAULT 0,
	memberships INTEGER NOT NULL DEFAULT 0,
	membership_ends INTEGER NOT NULL DEFAULT 0,
	listings INTEGER NOT NULL DEFAULT 0,
	erasures INTEGER NOT NULL DEFAULT 0,
	trusts INTEGER NOT NULL DEFAULT 0,
	key_changes INTEGER NOT NULL DEFAULT 0,
	delivery_records INTEGER NOT NULL DEFAULT 0,
	words INTEGER NOT NULL DEFAULT 0,        -- an erasure removes some of their rows
	content_bytes INTEGER NOT NULL DEFAULT 0 -- the sum of the sizes of contents
) STRICT;

-- One endpoint of an account, from then on.
CREATE TABLE endpoints (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	endpoint TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (id, account_id)
) STRICT, WITHOUT ROWID;

-- One watch of the configuration, from the first time it ran.
CREATE TABLE watches (
	name TEXT PRIMARY KEY,
	account_id INTEGER NOT NULL REFERENCES accounts,
	-- Progress: its first complete list, its first summary, and when its failure was
	-- reported.
	first_listed_at INTEGER,
	summarized_at INTEGER,
	failure_at INTEGER,
	failure_whole INTEGER NOT NULL DEFAULT 0 CHECK (failure_whole IN (0, 1)), -- 1: the cycle failed, not only some documents
	-- Its schedule and time zone in the configuration that was loaded last, and the time
	-- between two of its cycles in milliseconds. Null in an archive that only sync writes.
	schedule TEXT,
	timezone TEXT,
	interval INTEGER,
	scheduled_at INTEGER, -- when a configuration last changed it
	-- Progress: the list has had fewer rows than its total since then, with these numbers.
	short_since INTEGER,
	short_listed INTEGER,
	short_total INTEGER
) STRICT, WITHOUT ROWID;

-- One start of a watch in an account: when it was first configured or ran there.
CREATE TABLE watch_starts (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	watch TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (id, account_id)
) STRICT, WITHOUT ROWID;

-- One COC custom job, by its document_id in an account.
CREATE TABLE documents (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	document_id TEXT NOT NULL,
	document_type TEXT NOT NULL, -- '' for a private one, or PUBLIC
	first_seen_at INTEGER NOT NULL,
	-- Progress: its state, its newest name and version, when COC last confirmed it, and the
	-- fingerprint of the list row whose response is archived completely.
	state TEXT NOT NULL CHECK (state IN ('listed', 'present', 'deleted')),
	name TEXT NOT NULL,
	newest TEXT NOT NULL DEFAULT '',
	numbered INTEGER NOT NULL DEFAULT 1 CHECK (numbered IN (0, 1)), -- 0: a label is not vN with a usable N, so create_time orders them
	checked_at INTEGER NOT NULL,
	fingerprint BLOB,
	-- Progress: the version of the algorithm that made the document's blocks; 0: none yet.
	lines_version INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (id, account_id),
	UNIQUE (account_id, document_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX documents_name ON documents (name, document_id);
CREATE INDEX documents_lines_version ON documents (lines_version);
-- To count the few that are not present without reading the others.
CREATE INDEX documents_listed ON documents (first_seen_at) WHERE state = 'listed';
CREATE INDEX documents_deleted ON documents (first_seen_at) WHERE state = 'deleted';

-- Which watch followed which document, and when.
CREATE TABLE memberships (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	document_id INTEGER NOT NULL,
	watch TEXT NOT NULL REFERENCES watches,
	since INTEGER NOT NULL,
	until INTEGER, -- that of membership_ends
	-- 1 for a document of the watch's first complete list: its history is not notified.
	initial INTEGER NOT NULL CHECK (initial IN (0, 1)),
	-- Progress: it has been missing from the list since then, together with too many others
	-- to conclude that it was deleted.
	missing_at INTEGER,
	PRIMARY KEY (id, account_id),
	FOREIGN KEY (account_id, document_id) REFERENCES documents (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_document ON memberships (account_id, document_id, watch, until, since);
CREATE INDEX memberships_watch ON memberships (watch, until);

-- One end of a membership.
CREATE TABLE membership_ends (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	membership_id INTEGER NOT NULL,
	until INTEGER NOT NULL,
	PRIMARY KEY (id, account_id),
	UNIQUE (account_id, membership_id),
	FOREIGN KEY (account_id, membership_id) REFERENCES memberships (account_id, id)
) STRICT, WITHOUT ROWID;

-- One cycle: a pass over a watch.
CREATE TABLE cycles (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	watch TEXT NOT NULL,
	cause TEXT NOT NULL, -- schedule, start, signal, sync
	started_at INTEGER NOT NULL,
	partial INTEGER NOT NULL CHECK (partial IN (0, 1)), -- 1: of named documents, not of the whole watch
	ended_at INTEGER, -- null: running, or its process died
	outcome TEXT NOT NULL CHECK (outcome IN ('running', 'good', 'failed', 'stopped')),
	complete INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)), -- 1: the whole list was read and was stable
	requests INTEGER NOT NULL DEFAULT 0,
	listed INTEGER NOT NULL DEFAULT 0,
	documents INTEGER NOT NULL DEFAULT 0,
	versions INTEGER NOT NULL DEFAULT 0,
	changes INTEGER NOT NULL DEFAULT 0,
	error TEXT NOT NULL DEFAULT '',
	missed INTEGER NOT NULL DEFAULT 0 CHECK (missed >= 0), -- cycles that were due before it and did not run
	total INTEGER NOT NULL DEFAULT 0,   -- of the list, as COC gave it
	skipped INTEGER NOT NULL DEFAULT 0, -- rows of the list that could not be read
	responded_at INTEGER,               -- of a running cycle: COC's last response, up to a minute old
	PRIMARY KEY (id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cycles_watch ON cycles (watch, account_id, id);
CREATE INDEX cycles_running ON cycles (watch) WHERE outcome = 'running';

-- One document that a cycle could not update.
CREATE TABLE cycle_failures (
	account_id INTEGER NOT NULL,
	cycle_id INTEGER NOT NULL,
	document_id TEXT NOT NULL,
	name TEXT NOT NULL,
	error TEXT NOT NULL,
	PRIMARY KEY (cycle_id, account_id, document_id),
	FOREIGN KEY (account_id, cycle_id) REFERENCES cycles (account_id, id)
) STRICT, WITHOUT ROWID;

-- One distinct state of a document's fields other than content. Null: absent.
CREATE TABLE document_states (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	document_id INTEGER NOT NULL,
	seen_at INTEGER NOT NULL,
	name TEXT,
	description TEXT,
	risk_level TEXT,
	creator TEXT,
	modifier TEXT,
	enterprise_project_id TEXT,
	created_at INTEGER,
	updated_at INTEGER,
	extra TEXT NOT NULL, -- fields that cocsync does not know, as canonical JSON
	request_id TEXT NOT NULL,
	answered_at INTEGER,
	PRIMARY KEY (id, account_id),
	FOREIGN KEY (account_id, document_id) REFERENCES documents (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_states_document ON document_states (account_id, document_id, seen_at);
CREATE INDEX document_states_name ON document_states (name);

-- One listed version label of a document.
CREATE TABLE versions (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	document_id INTEGER NOT NULL,
	label TEXT NOT NULL,
	made_at INTEGER,            -- COC's create_time
	version_uuid TEXT NOT NULL, -- as first listed; '' when absent
	listed_at INTEGER NOT NULL,
	-- 1 when the document's first response listed it.
	backfill INTEGER NOT NULL CHECK (backfill IN (0, 1)),
	-- Of the first of the versions that were listed together: their number. They have
	-- consecutive ids and one record. 0 for the others.
	listed INTEGER NOT NULL CHECK (listed BETWEEN 0 AND 100),
	withdrawn_at INTEGER,       -- since then it is not listed
	-- Progress: whether its content is here, whether a change records it, and when its
	-- content was last compared with COC's (null: there is nothing to compare).
	state TEXT NOT NULL CHECK (state IN ('pending', 'archived', 'unavailable')),
	failures INTEGER NOT NULL DEFAULT 0, -- cycles in a row
	failed_cycle INTEGER NOT NULL DEFAULT 0,
	error TEXT NOT NULL DEFAULT '',
	recorded INTEGER NOT NULL DEFAULT 0 CHECK (recorded IN (0, 1)),
	checked_at INTEGER,
	-- Progress: since when every request for its content has failed, and when the next is
	-- due; null where none failed.
	failed_since INTEGER,
	retry_at INTEGER,
	PRIMARY KEY (id, account_id),
	UNIQUE (account_id, document_id, label),
	FOREIGN KEY (account_id, document_id) REFERENCES documents (account_id, id)
) STRICT, WITHOUT ROWID;
-- So that the versions of a time are found without reading the rows.
CREATE INDEX versions_document ON versions (account_id, document_id, made_at, withdrawn_at, state, label);
CREATE INDEX versions_pending ON versions (account_id, document_id) WHERE state = 'pending';
CREATE INDEX versions_unavailable ON versions (account_id, document_id) WHERE state = 'unavailable';
CREATE INDEX versions_checked ON versions (checked_at) WHERE checked_at IS NOT NULL;

-- One later change of how a version is listed: it was withdrawn, is listed again, or has
-- a create_time now.
CREATE TABLE listings (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	version_id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	withdrawn INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),
	made_at INTEGER, -- the create_time, if it was unknown before
	PRIMARY KEY (id, account_id),
	FOREIGN KEY (account_id, version_id) REFERENCES versions (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX listings_version ON listings (account_id, version_id);

-- One observed state of a version label: 1, unless COC's copy was rewritten.
CREATE TABLE revisions (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	version_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	version_uuid TEXT, -- null when it is that of the version; '' when absent
	content_id INTEGER NOT NULL,
	made_at INTEGER,
	seen_at INTEGER NOT NULL,
	author TEXT, -- null: unknown
	-- Of a rewritten one: when the previous bytes were last compared with COC's.
	previous_checked_at INTEGER,
	request_id TEXT NOT NULL,
	answered_at INTEGER,
	PRIMARY KEY (id, account_id),
	UNIQUE (account_id, version_id, number),
	FOREIGN KEY (account_id, version_id) REFERENCES versions (account_id, id),
	FOREIGN KEY (account_id, content_id) REFERENCES contents (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX revisions_author ON revisions (author) WHERE author IS NOT NULL;

-- One distinct text of an account. The records have a commitment to it: SHA-256 of salt and
-- hash. Erasing it clears pack_id, start and salt, replaces hash and rounds size up.
CREATE TABLE contents (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	hash BLOB NOT NULL, -- SHA-256; of an erased one, the commitment
	salt BLOB,          -- 16 random bytes; null when it is erased
	size INTEGER NOT NULL,
	form INTEGER NOT NULL CHECK (form IN (0, 1)), -- 1: the raw JSON token
	pack_id INTEGER,
	start INTEGER NOT NULL, -- its offset in the unpacked frame
	PRIMARY KEY (id, account_id),
	UNIQUE (account_id, hash),
	FOREIGN KEY (account_id, pack_id) REFERENCES packs (account_id, id)
) STRICT, WITHOUT ROWID;

-- One revision whose content a person erased.
CREATE TABLE erasures (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	revision_id INTEGER NOT NULL,
	content_id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	person TEXT NOT NULL, -- the user and the host
	reason TEXT NOT NULL,
	-- HMAC of the SHA-256, by which the content is recognized, and the id of its key.
	keyed_hash BLOB NOT NULL,
	key_id BLOB NOT NULL,
	PRIMARY KEY (id, account_id),
	UNIQUE (account_id, revision_id),
	FOREIGN KEY (account_id, revision_id) REFERENCES revisions (account_id, id),
	FOREIGN KEY (account_id, content_id) REFERENCES contents (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX erasures_content ON erasures (account_id, content_id);
CREATE INDEX erasures_keyed_hash ON erasures (account_id, keyed_hash);

-- A person asks the process that keeps the logs to erase a content of an account.
CREATE TABLE erasure_requests (
	account_id INTEGER NOT NULL,
	content_id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	person TEXT NOT NULL,
	reason TEXT NOT NULL,
	code BLOB NOT NULL, -- HMAC with a key of the key file
	-- erased: the file is still to be rewritten without the bytes. error says why that, or the
	-- erasure, failed.
	state TEXT NOT NULL CHECK (state IN ('requested', 'erased', 'failed')),
	error TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (account_id, content_id),
	FOREIGN KEY (account_id, content_id) REFERENCES contents (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX erasure_requests_open ON erasure_requests (at) WHERE state <> 'failed';

-- Up to sixteen consecutive contents of one document in one zstd frame.
CREATE TABLE packs (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	document_id INTEGER NOT NULL,
	count INTEGER NOT NULL,
	size INTEGER NOT NULL, -- unpacked
	frame BLOB NOT NULL,
	PRIMARY KEY (id, account_id),
	FOREIGN KEY (account_id, document_id) REFERENCES documents (account_id, id)
) STRICT;
CREATE INDEX packs_document ON packs (account_id, document_id, id);

-- One observed event of a document. It names the two revisions or the two states that it
-- compares; nothing is inferred from order.
CREATE TABLE changes (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	document_id INTEGER NOT NULL,
	cycle_id INTEGER,
	kind TEXT NOT NULL CHECK (kind IN
		('new', 'version', 'rewritten', 'metadata', 'withdrawn', 'deleted', 'restored')),
	from_revision INTEGER,
	to_revision INTEGER,
	from_state INTEGER,
	to_state INTEGER,
	version_id INTEGER, -- of a withdrawn version
	at INTEGER NOT NULL, -- made_at for a first revision, else seen_at
	seen_at INTEGER NOT NULL,
	backfill INTEGER NOT NULL CHECK (backfill IN (0, 1)),
	late INTEGER NOT NULL CHECK (late IN (0, 1)),
	PRIMARY KEY (id, account_id),
	FOREIGN KEY (account_id, document_id) REFERENCES documents (account_id, id),
	FOREIGN KEY (account_id, cycle_id) REFERENCES cycles (account_id, id),
	FOREIGN KEY (account_id, from_revision) REFERENCES revisions (account_id, id),
	FOREIGN KEY (account_id, to_revision) REFERENCES revisions (account_id, id),
	FOREIGN KEY (account_id, from_state) REFERENCES document_states (account_id, id),
	FOREIGN KEY (account_id, to_state) REFERENCES document_states (account_id, id),
	FOREIGN KEY (account_id, version_id) REFERENCES versions (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_document ON changes (account_id, document_id, at);
CREATE INDEX changes_at ON changes (at);
CREATE INDEX changes_rare ON changes (at) WHERE kind IN ('rewritten', 'withdrawn', 'deleted', 'restored');
CREATE INDEX changes_deleted ON changes (account_id, document_id, at) WHERE kind IN ('deleted', 'restored');
CREATE INDEX changes_observed ON changes (account_id, id) WHERE backfill = 0;

-- Derived: the difference of a change.
CREATE TABLE diffs (
	account_id INTEGER NOT NULL,
	change_id INTEGER NOT NULL,
	algorithm INTEGER NOT NULL, -- its version; 0 for what was not computed from contents
	class TEXT NOT NULL CHECK (class IN ('', 'unchanged', 'formatting', 'structural', 'unreadable', 'erased')),
	added INTEGER NOT NULL,   -- lines
	removed INTEGER NOT NULL, -- lines
	omitted INTEGER NOT NULL, -- structural differences that are not in items
	cut INTEGER NOT NULL CHECK (cut IN (0, 1)), -- 1: a path or a task in items is truncated
	skipped TEXT NOT NULL,    -- labels of the versions between the two that were not available, as a JSON array
	formatting TEXT NOT NULL, -- lines that differ in writing and not in meaning, as JSON
	summary TEXT NOT NULL,    -- for people
	reason TEXT NOT NULL,     -- why the structure could not be read; '' where it was
	partial INTEGER NOT NULL CHECK (partial IN (0, 1)), -- 1: items has not all structural differences
	PRIMARY KEY (change_id, account_id),
	FOREIGN KEY (account_id, change_id) REFERENCES changes (account_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX diffs_partial ON diffs (change_id) WHERE partial = 1;

-- Derived: a path or a task in items.
CREATE TABLE words (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	text TEXT NOT NULL,
	PRIMARY KEY (id, account_id),
	UNIQUE (account_id, text)
) STRICT, WITHOUT ROWID;

-- Derived: one structural difference of a change.
CREATE TABLE items (
	account_id INTEGER NOT NULL,
	change_id INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	op TEXT NOT NULL,
	path INTEGER NOT NULL, -- a word
	step TEXT NOT NULL,
	task INTEGER NOT NULL, -- a word
	old_path INTEGER, -- a word: the former path of something that was renamed
	old_task INTEGER, -- a word: the task that was replaced
	old TEXT NOT NULL,
	new TEXT NOT NULL,
	-- The lines in both versions, from 1; 0 on a side without it.
	old_from INTEGER NOT NULL,
	old_to INTEGER NOT NULL,
	new_from INTEGER NOT NULL,
	new_to INTEGER NOT NULL,
	PRIMARY KEY (change_id, account_id, seq),
	FOREIGN KEY (account_id, change_id) REFERENCES changes (account_id, id),
	FOREIGN KEY (account_id, path) REFERENCES words (account_id, id),
	FOREIGN KEY (account_id, task) REFERENCES words (account_id, id),
	FOREIGN KEY (account_id, old_path) REFERENCES words (account_id, id),
	FOREIGN KEY (account_id, old_task) REFERENCES words (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX items_path ON items (path);
CREATE INDEX items_task ON items (task);
CREATE INDEX items_old_path ON items (old_path) WHERE old_path IS NOT NULL;
CREATE INDEX items_old_task ON items (old_task) WHERE old_task IS NOT NULL;

-- The outbox: a message that is not about a change of a document.
CREATE TABLE notices (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL,
	watch TEXT NOT NULL,
	at INTEGER NOT NULL,
	title TEXT NOT NULL,
	lines TEXT NOT NULL -- a JSON array of strings
) STRICT;

-- Deliveries of changes that are recorded together: at most 100, of about an hour.
CREATE TABLE delivery_records (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	-- 1: the process that sent them did not record them before it ended.
	unattested INTEGER NOT NULL CHECK (unattested IN (0, 1)),
	PRIMARY KEY (id, account_id)
) STRICT, WITHOUT ROWID;

-- The outbox: one change or notice for one notifier.
CREATE TABLE deliveries (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	notifier TEXT NOT NULL,
	account_id INTEGER, -- null with a notice
	change_id INTEGER,
	notice_id INTEGER REFERENCES notices,
	cycle_id INTEGER,
	state TEXT NOT NULL CHECK (state IN ('waiting', 'claimed', 'sent', 'failed', 'dropped')),
	due_at INTEGER NOT NULL,
	message_id INTEGER REFERENCES messages,
	-- 1: no watch of the document names the notifier, only a route does.
	routed INTEGER NOT NULL DEFAULT 0 CHECK (routed IN (0, 1)),
	record_id INTEGER, -- of delivery_records; null: not recorded
	UNIQUE (account_id, change_id, notifier),
	FOREIGN KEY (account_id, change_id) REFERENCES changes (account_id, id),
	FOREIGN KEY (account_id, record_id) REFERENCES delivery_records (account_id, id),
	CHECK ((change_id IS NULL) <> (notice_id IS NULL)),
	CHECK ((account_id IS NULL) = (change_id IS NULL))
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (notifier, due_at) WHERE state = 'waiting';
CREATE INDEX deliveries_notifier ON deliveries (notifier);
CREATE INDEX deliveries_open ON deliveries (notifier, due_at) WHERE state IN ('waiting', 'claimed');
CREATE INDEX deliveries_record ON deliveries (record_id, account_id) WHERE record_id IS NOT NULL;
CREATE INDEX deliveries_unrecorded ON deliveries (account_id) WHERE state = 'sent' AND record_id IS NULL AND account_id IS NOT NULL;
CREATE INDEX deliveries_notice ON deliveries (notice_id) WHERE notice_id IS NOT NULL;
CREATE INDEX deliveries_message ON deliveries (message_id) WHERE message_id IS NOT NULL;

-- The outbox: one API call to one channel, frozen before the first attempt.
CREATE TABLE messages (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	notifier TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('root', 'reply', 'digest', 'file', 'notice')),
	account_id INTEGER, -- null: of several documents or of none
	document_id INTEGER,
	parent_id INTEGER REFERENCES messages,
	body BLOB NOT NULL,
	text TEXT NOT NULL,     -- the plain-text fallback
	plain INTEGER NOT NULL CHECK (plain IN (0, 1)), -- 1: the body was refused
	state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
	attempts INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	first_at INTEGER,       -- first attempt
	next_at INTEGER NOT NULL,
	sent_at INTEGER,
	channel TEXT NOT NULL,  -- where it was posted
	ts TEXT NOT NULL,       -- Slack's id of it
	error TEXT NOT NULL,
	-- Of the root of a thread, 1: the thread no longer exists.
	closed INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1)),
	-- HMAC with a key of the key file: of a pending message over what is sent, of a sent one
	-- over where it was posted. Null: there was no key.
	code BLOB,
	FOREIGN KEY (account_id, document_id) REFERENCES documents (account_id, id)
) STRICT;
CREATE INDEX messages_waiting ON messages (notifier, id) WHERE state = 'waiting';
CREATE INDEX messages_thread ON messages (account_id, document_id, notifier, created_at) WHERE kind = 'root';
CREATE INDEX messages_parent ON messages (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX messages_plain ON messages (notifier, sent_at) WHERE plain = 1;
CREATE INDEX messages_unsent ON messages (id) WHERE state <> 'sent';
CREATE INDEX messages_failed ON messages (notifier) WHERE state = 'failed';

-- The outbox: a channel that refused everything. Its messages are pending until then.
CREATE TABLE holds (
	notifier TEXT PRIMARY KEY,
	reason TEXT NOT NULL,
	since INTEGER NOT NULL,
	until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The outbox: a notifier that is paused by its quiet hours or by Slack's rate limit.
CREATE TABLE pauses (
	notifier TEXT NOT NULL,
	reason TEXT NOT NULL CHECK (reason IN ('hours', 'rate')),
	until INTEGER NOT NULL,
	PRIMARY KEY (notifier, reason)
) STRICT, WITHOUT ROWID;

-- Derived: lines of a document: those that the contents of one commit have and no earlier
-- content has. The blocks of a document hold each line that it ever had once. The id is
-- one of the line index, and of this file only.
CREATE TABLE blocks (
	id INTEGER PRIMARY KEY,
	account_id INTEGER NOT NULL,
	document_id INTEGER NOT NULL,
	size INTEGER NOT NULL, -- unpacked
	frame BLOB NOT NULL,   -- zstd; each line ends with a line feed
	-- open: not in trigrams yet; large: too large for it. Searches read these.
	state TEXT NOT NULL CHECK (state IN ('open', 'indexed', 'large')),
	FOREIGN KEY (account_id, document_id) REFERENCES documents (account_id, id)
) STRICT;
CREATE INDEX blocks_document ON blocks (account_id, document_id);
CREATE INDEX blocks_state ON blocks (state) WHERE state <> 'indexed';

-- Derived: which three consecutive characters are in which block, by its id. The text
-- itself is not stored here.
CREATE VIRTUAL TABLE trigrams USING fts5 (
	text, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1');

-- One log that proves the rows of an account: docs/audit-log.md.
CREATE TABLE logs (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	origin TEXT NOT NULL UNIQUE,
	public_key BLOB, -- of the key that signs it; null: there is none
	started_at INTEGER NOT NULL,
	-- The log that it continues, which has no more records; null for the first.
	old_origin TEXT,
	old_size INTEGER,
	old_root BLOB,
	-- Of a log that a restore started: who restored, the newest checkpoint of which records were
	-- lost (null: it is unknown whether any were), and how many numbers of changes are not used,
	-- because changes that were lost may have had them.
	person TEXT,
	lost_origin TEXT,
	lost_size INTEGER,
	lost_root BLOB,
	skipped_changes INTEGER NOT NULL DEFAULT 0,
	-- Progress: its number of leaves, the hashes of its right edge, and its newest
	-- checkpoint, which is signed if there is a key.
	size INTEGER NOT NULL,
	peaks BLOB NOT NULL,
	note BLOB NOT NULL,
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;

-- One change of the key that signs a log, by a person. Its record is the first that the new key
-- signs. Both keys sign the checkpoint that ends with it, which checkpoints has, unless the old
-- one is lost.
CREATE TABLE key_changes (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	person TEXT NOT NULL,
	old_key BLOB NOT NULL,
	new_key BLOB NOT NULL,
	lost INTEGER NOT NULL CHECK (lost IN (0, 1)), -- 1: the old key signed nothing of it
	PRIMARY KEY (id, account_id),
	FOREIGN KEY (account_id) REFERENCES accounts (id)
) STRICT, WITHOUT ROWID;

-- One leaf of a log for each event. Its record is not stored: it is built from the row that
-- the leaf names, so a row that was altered no longer matches its leaf.
CREATE TABLE leaves (
	account_id INTEGER NOT NULL,
	log_id INTEGER NOT NULL,
	id INTEGER NOT NULL,  -- its index, from 0
	type TEXT NOT NULL,   -- of the record, which says the table
	ref INTEGER NOT NULL, -- the id of the row
	hashes BLOB NOT NULL, -- of the record, then of each subtree of 8 or more leaves that it ends (RFC 6962)
	PRIMARY KEY (account_id, log_id, id),
	FOREIGN KEY (account_id, log_id) REFERENCES logs (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX leaves_row ON leaves (ref, type, account_id);

-- One checkpoint that was sent or printed.
CREATE TABLE checkpoints (
	account_id INTEGER NOT NULL,
	log_id INTEGER NOT NULL,
	size INTEGER NOT NULL,
	at INTEGER NOT NULL,
	note BLOB NOT NULL,
	PRIMARY KEY (account_id, log_id, size),
	FOREIGN KEY (account_id, log_id) REFERENCES logs (account_id, id)
) STRICT, WITHOUT ROWID;

-- One cosignature of a checkpoint by a witness.
CREATE TABLE cosignatures (
	account_id INTEGER NOT NULL,
	log_id INTEGER NOT NULL,
	size INTEGER NOT NULL,
	witness TEXT NOT NULL,   -- its verifier key
	signature BLOB NOT NULL, -- the time in seconds (8 bytes), and the Ed25519 signature
	PRIMARY KEY (account_id, log_id, size, witness),
	FOREIGN KEY (account_id, log_id, size) REFERENCES checkpoints (account_id, log_id, size)
) STRICT, WITHOUT ROWID;

-- Progress: one log at one configured witness.
CREATE TABLE witness_logs (
	witness TEXT NOT NULL, -- its verifier key
	account_id INTEGER NOT NULL,
	log_id INTEGER NOT NULL,
	url TEXT NOT NULL,
	size INTEGER NOT NULL, -- of the newest head that it is known to have cosigned; 0: none
	tried_at INTEGER NOT NULL,
	-- Why the newest attempt failed, and since when it fails; null: it did not.
	failure TEXT CHECK (failure IN ('unreachable', 'unknown', 'conflict', 'invalid')),
	error TEXT,
	failing_since INTEGER,
	PRIMARY KEY (witness, account_id, log_id),
	FOREIGN KEY (account_id, log_id) REFERENCES logs (account_id, id)
) STRICT, WITHOUT ROWID;

-- One decision of a person to continue a log without its head file.
CREATE TABLE trusts (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	person TEXT NOT NULL, -- the user and the host
	reason TEXT NOT NULL,
	checkpoint TEXT,      -- the one that it was compared with; null: none
	PRIMARY KEY (id, account_id)
) STRICT, WITHOUT ROWID;

-- One version that COC listed and did not serve.
CREATE TABLE unavailable_versions (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	version_id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	error TEXT NOT NULL,
	PRIMARY KEY (id, account_id),
	FOREIGN KEY (account_id, version_id) REFERENCES versions (account_id, id)
) STRICT, WITHOUT ROWID;

-- Consecutive cycles of a watch that are recorded together: good ones of an hour (coverage),
-- one other cycle (cycle), or those of a process that ended before it recorded them
-- (unattested).
CREATE TABLE coverages (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	watch TEXT NOT NULL,
	type TEXT NOT NULL CHECK (type IN ('coverage', 'cycle', 'unattested')),
	first_cycle INTEGER NOT NULL,
	last_cycle INTEGER NOT NULL,
	-- Of the accounts in the archive: their number, and a hash of their names.
	accounts INTEGER NOT NULL,
	names BLOB NOT NULL,
	PRIMARY KEY (id, account_id),
	FOREIGN KEY (account_id, first_cycle) REFERENCES cycles (account_id, id),
	FOREIGN KEY (account_id, last_cycle) REFERENCES cycles (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX coverages_watch ON coverages (account_id, watch, last_cycle);

-- Progress: when the first commit was made after the write-ahead log was last copied into
-- the file as a whole: one row.
CREATE TABLE wal (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	since INTEGER NOT NULL
) STRICT;
