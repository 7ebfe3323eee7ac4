-- object index blocks_document blocks
CREATE INDEX blocks_document ON blocks (account_id, document_id);
-- object index blocks_state blocks
CREATE INDEX blocks_state ON blocks (state) WHERE state <> 'indexed';
-- object index changes_at changes
CREATE INDEX changes_at ON changes (at);
-- object index changes_deleted changes
CREATE INDEX changes_deleted ON changes (account_id, document_id, at) WHERE kind IN ('deleted', 'restored');
-- object index changes_document changes
CREATE INDEX changes_document ON changes (account_id, document_id, at);
-- object index changes_observed changes
CREATE INDEX changes_observed ON changes (account_id, id) WHERE backfill = 0;
-- object index changes_rare changes
CREATE INDEX changes_rare ON changes (at) WHERE kind IN ('rewritten', 'withdrawn', 'deleted', 'restored');
-- object index coverages_watch coverages
CREATE INDEX coverages_watch ON coverages (account_id, watch, last_cycle);
-- object index cycles_running cycles
CREATE INDEX cycles_running ON cycles (watch) WHERE outcome = 'running';
-- object index cycles_watch cycles
CREATE INDEX cycles_watch ON cycles (watch, account_id, id);
-- object index deliveries_message deliveries
CREATE INDEX deliveries_message ON deliveries (message_id) WHERE message_id IS NOT NULL;
-- object index deliveries_notice deliveries
CREATE INDEX deliveries_notice ON deliveries (notice_id) WHERE notice_id IS NOT NULL;
-- object index deliveries_notifier deliveries
CREATE INDEX deliveries_notifier ON deliveries (notifier);
-- object index deliveries_open deliveries
CREATE INDEX deliveries_open ON deliveries (notifier, due_at) WHERE state IN ('waiting', 'claimed');
-- object index deliveries_record deliveries
CREATE INDEX deliveries_record ON deliveries (record_id, account_id) WHERE record_id IS NOT NULL;
-- object index deliveries_unrecorded deliveries
CREATE INDEX deliveries_unrecorded ON deliveries (account_id) WHERE state = 'sent' AND record_id IS NULL AND account_id IS NOT NULL;
-- object index deliveries_waiting deliveries
CREATE INDEX deliveries_waiting ON deliveries (notifier, due_at) WHERE state = 'waiting';
-- object index diffs_partial diffs
CREATE INDEX diffs_partial ON diffs (change_id) WHERE partial = 1;
-- object index document_states_document document_states
CREATE INDEX document_states_document ON document_states (account_id, document_id, seen_at);
-- object index document_states_name document_states
CREATE INDEX document_states_name ON document_states (name);
-- object index documents_deleted documents
CREATE INDEX documents_deleted ON documents (first_seen_at) WHERE state = 'deleted';
-- object index documents_lines_version documents
CREATE INDEX documents_lines_version ON documents (lines_version);
-- object index documents_listed documents
CREATE INDEX documents_listed ON documents (first_seen_at) WHERE state = 'listed';
-- object index documents_name documents
CREATE INDEX documents_name ON documents (name, document_id);
-- object index erasure_requests_open erasure_requests
CREATE INDEX erasure_requests_open ON erasure_requests (at) WHERE state <> 'failed';
-- object index erasures_content erasures
CREATE INDEX erasures_content ON erasures (account_id, content_id);
-- object index erasures_keyed_hash erasures
CREATE INDEX erasures_keyed_hash ON erasures (account_id, keyed_hash);
-- object index items_old_path items
CREATE INDEX items_old_path ON items (old_path) WHERE old_path IS NOT NULL;
-- object index items_old_task items
CREATE INDEX items_old_task ON items (old_task) WHERE old_task IS NOT NULL;
-- object index items_path items
CREATE INDEX items_path ON items (path);
-- object index items_task items
CREATE INDEX items_task ON items (task);
-- object index leaves_row leaves
CREATE INDEX leaves_row ON leaves (ref, type, account_id);
-- object index listings_version listings
CREATE INDEX listings_version ON listings (account_id, version_id);
-- object index memberships_document memberships
CREATE INDEX memberships_document ON memberships (account_id, document_id, watch, until, since);
-- object index memberships_watch memberships
CREATE INDEX memberships_watch ON memberships (watch, until);
-- object index messages_failed messages
CREATE INDEX messages_failed ON messages (notifier) WHERE state = 'failed';
-- object index messages_parent messages
CREATE INDEX messages_parent ON messages (parent_id) WHERE parent_id IS NOT NULL;
-- object index messages_plain messages
CREATE INDEX messages_plain ON messages (notifier, sent_at) WHERE plain = 1;
-- object index messages_thread messages
CREATE INDEX messages_thread ON messages (account_id, document_id, notifier, created_at) WHERE kind = 'root';
-- object index messages_unsent messages
CREATE INDEX messages_unsent ON messages (id) WHERE state <> 'sent';
-- object index messages_waiting messages
CREATE INDEX messages_waiting ON messages (notifier, id) WHERE state = 'waiting';
-- object index packs_document packs
CREATE INDEX packs_document ON packs (account_id, document_id, id);
-- object index revisions_author revisions
CREATE INDEX revisions_author ON revisions (author) WHERE author IS NOT NULL;
-- object index sqlite_autoindex_accounts_1 accounts
;
-- object index sqlite_autoindex_contents_2 contents
;
-- object index sqlite_autoindex_deliveries_1 deliveries
;
-- object index sqlite_autoindex_documents_2 documents
;
-- object index sqlite_autoindex_erasures_2 erasures
;
-- object index sqlite_autoindex_logs_1 logs
;
-- object index sqlite_autoindex_membership_ends_2 membership_ends
;
-- object index sqlite_autoindex_packs_1 packs
;
-- object index sqlite_autoindex_revisions_2 revisions
;
-- object index sqlite_autoindex_versions_2 versions
;
-- object index sqlite_autoindex_words_2 words
;
-- object index versions_checked versions
CREATE INDEX versions_checked ON versions (checked_at) WHERE checked_at IS NOT NULL;
-- object index versions_document versions
CREATE INDEX versions_document ON versions (account_id, document_id, made_at, withdrawn_at, state, label);
-- object index versions_pending versions
CREATE INDEX versions_pending ON versions (account_id, document_id) WHERE state = 'pending';
-- object index versions_unavailable versions
CREATE INDEX versions_unavailable ON versions (account_id, document_id) WHERE state = 'unavailable';
-- object table accounts accounts
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
-- object table archive archive
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
-- object table blocks blocks
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
-- object table changes changes
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
-- object table checkpoints checkpoints
CREATE TABLE checkpoints (
	account_id INTEGER NOT NULL,
	log_id INTEGER NOT NULL,
	size INTEGER NOT NULL,
	at INTEGER NOT NULL,
	note BLOB NOT NULL,
	PRIMARY KEY (account_id, log_id, size),
	FOREIGN KEY (account_id, log_id) REFERENCES logs (account_id, id)
) STRICT, WITHOUT ROWID;
-- object table contents contents
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
-- object table cosignatures cosignatures
CREATE TABLE cosignatures (
	account_id INTEGER NOT NULL,
	log_id INTEGER NOT NULL,
	size INTEGER NOT NULL,
	witness TEXT NOT NULL,   -- its verifier key
	signature BLOB NOT NULL, -- the time in seconds (8 bytes), and the Ed25519 signature
	PRIMARY KEY (account_id, log_id, size, witness),
	FOREIGN KEY (account_id, log_id, size) REFERENCES checkpoints (account_id, log_id, size)
) STRICT, WITHOUT ROWID;
-- object table counters counters
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
-- object table coverages coverages
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
-- object table cycle_failures cycle_failures
CREATE TABLE cycle_failures (
	account_id INTEGER NOT NULL,
	cycle_id INTEGER NOT NULL,
	document_id TEXT NOT NULL,
	name TEXT NOT NULL,
	error TEXT NOT NULL,
	PRIMARY KEY (cycle_id, account_id, document_id),
	FOREIGN KEY (account_id, cycle_id) REFERENCES cycles (account_id, id)
) STRICT, WITHOUT ROWID;
-- object table cycles cycles
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
-- object table deliveries deliveries
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
-- object table delivery_records delivery_records
CREATE TABLE delivery_records (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	-- 1: the process that sent them did not record them before it ended.
	unattested INTEGER NOT NULL CHECK (unattested IN (0, 1)),
	PRIMARY KEY (id, account_id)
) STRICT, WITHOUT ROWID;
-- object table diffs diffs
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
-- object table document_states document_states
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
-- object table documents documents
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
-- object table endpoints endpoints
CREATE TABLE endpoints (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	endpoint TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (id, account_id)
) STRICT, WITHOUT ROWID;
-- object table erasure_requests erasure_requests
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
-- object table erasures erasures
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
-- object table goose_db_version goose_db_version
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
-- object table holds holds
CREATE TABLE holds (
	notifier TEXT PRIMARY KEY,
	reason TEXT NOT NULL,
	since INTEGER NOT NULL,
	until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- object table items items
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
-- object table key_changes key_changes
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
-- object table leaves leaves
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
-- object table listings listings
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
-- object table logs logs
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
-- object table membership_ends membership_ends
CREATE TABLE membership_ends (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	membership_id INTEGER NOT NULL,
	until INTEGER NOT NULL,
	PRIMARY KEY (id, account_id),
	UNIQUE (account_id, membership_id),
	FOREIGN KEY (account_id, membership_id) REFERENCES memberships (account_id, id)
) STRICT, WITHOUT ROWID;
-- object table memberships memberships
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
-- object table messages messages
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
-- object table notices notices
CREATE TABLE notices (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL,
	watch TEXT NOT NULL,
	at INTEGER NOT NULL,
	title TEXT NOT NULL,
	lines TEXT NOT NULL -- a JSON array of strings
) STRICT;
-- object table packs packs
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
-- object table pauses pauses
CREATE TABLE pauses (
	notifier TEXT NOT NULL,
	reason TEXT NOT NULL CHECK (reason IN ('hours', 'rate')),
	until INTEGER NOT NULL,
	PRIMARY KEY (notifier, reason)
) STRICT, WITHOUT ROWID;
-- object table revisions revisions
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
-- object table sqlite_sequence sqlite_sequence
CREATE TABLE sqlite_sequence(name,seq);
-- object table trigrams trigrams
CREATE VIRTUAL TABLE trigrams USING fts5 (
	text, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1');
-- object table trigrams_config trigrams_config
CREATE TABLE 'trigrams_config'(k PRIMARY KEY, v) WITHOUT ROWID;
-- object table trigrams_data trigrams_data
CREATE TABLE 'trigrams_data'(id INTEGER PRIMARY KEY, block BLOB);
-- object table trigrams_idx trigrams_idx
CREATE TABLE 'trigrams_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
-- object table trusts trusts
CREATE TABLE trusts (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	person TEXT NOT NULL, -- the user and the host
	reason TEXT NOT NULL,
	checkpoint TEXT,      -- the one that it was compared with; null: none
	PRIMARY KEY (id, account_id)
) STRICT, WITHOUT ROWID;
-- object table unavailable_versions unavailable_versions
CREATE TABLE unavailable_versions (
	account_id INTEGER NOT NULL,
	id INTEGER NOT NULL,
	version_id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	error TEXT NOT NULL,
	PRIMARY KEY (id, account_id),
	FOREIGN KEY (account_id, version_id) REFERENCES versions (account_id, id)
) STRICT, WITHOUT ROWID;
-- object table versions versions
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
-- object table wal wal
CREATE TABLE wal (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	since INTEGER NOT NULL
) STRICT;
-- object table watch_starts watch_starts
CREATE TABLE watch_starts (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	watch TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (id, account_id)
) STRICT, WITHOUT ROWID;
-- object table watches watches
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
-- object table witness_logs witness_logs
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
-- object table words words
CREATE TABLE words (
	account_id INTEGER NOT NULL REFERENCES accounts,
	id INTEGER NOT NULL,
	text TEXT NOT NULL,
	PRIMARY KEY (id, account_id),
	UNIQUE (account_id, text)
) STRICT, WITHOUT ROWID;
