-- The archive. Instants are Unix milliseconds UTC; null means not said or not
-- known. Rows of accounts to contents are observed and never rewritten, except
-- the marked working columns, which only say how far cocsync got.

-- +goose Up

-- Marks the file as cocsync's ("coc2").
PRAGMA application_id = 1668244274;

-- One set of COC credentials and one endpoint. Its name is its identity.
CREATE TABLE accounts (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	endpoint TEXT NOT NULL,
	-- Working: COC refused this key pair (a hash names it), or asked for quiet.
	refused_key TEXT,
	refused_until INTEGER,
	refused_reason TEXT,
	paused_until INTEGER
) STRICT;

-- One watch of the configuration, from the first time it ran.
CREATE TABLE watches (
	name TEXT PRIMARY KEY,
	account_id INTEGER NOT NULL REFERENCES accounts,
	-- Working: its first complete list; its first summary; trouble told.
	first_listed_at INTEGER,
	greeted_at INTEGER,
	trouble_at INTEGER,
	trouble_whole INTEGER NOT NULL DEFAULT 0, -- it was the whole cycle's
	-- Its schedule in the configuration that was loaded last, the time zone, and the pause
	-- between two of its cycles in milliseconds. Null in an archive that sync alone writes.
	schedule TEXT,
	timezone TEXT,
	interval INTEGER,
	scheduled_at INTEGER, -- when a configuration last set another: nothing was due by it before
	-- Working: the list has had fewer rows than its total since then, with these numbers.
	short_since INTEGER,
	short_listed INTEGER,
	short_total INTEGER
) STRICT, WITHOUT ROWID;

-- One COC custom job, by its document_id in an account.
CREATE TABLE documents (
	id INTEGER PRIMARY KEY,
	account_id INTEGER NOT NULL REFERENCES accounts,
	document_id TEXT NOT NULL,
	document_type TEXT NOT NULL, -- '' for a private one, or PUBLIC
	first_seen_at INTEGER NOT NULL,
	-- Working: how it stands, its newest name and version, when COC last spoke
	-- of it, and the fingerprint of the list row whose whole answer is archived.
	state TEXT NOT NULL CHECK (state IN ('listed', 'present', 'deleted')),
	name TEXT NOT NULL,
	newest TEXT NOT NULL DEFAULT '',
	checked_at INTEGER NOT NULL,
	fingerprint BLOB,
	-- Working: the version of the algorithm that made the document's blocks; 0: none yet.
	lines_version INTEGER NOT NULL DEFAULT 0,
	UNIQUE (account_id, document_id)
) STRICT;
CREATE INDEX documents_name ON documents (name);
CREATE INDEX documents_lines_version ON documents (lines_version);
-- So that what is still to be fetched can be counted without reading the rest.
CREATE INDEX documents_listed ON documents (first_seen_at) WHERE state = 'listed';

-- Which watch followed which document, and when.
CREATE TABLE memberships (
	watch TEXT NOT NULL REFERENCES watches,
	document_id INTEGER NOT NULL REFERENCES documents,
	since INTEGER NOT NULL,
	until INTEGER,
	-- 1 for a document of the watch's first complete list: its history is silent.
	first_contact INTEGER NOT NULL CHECK (first_contact IN (0, 1)),
	-- Working: since when it is missing together with too many others to believe.
	missing_at INTEGER,
	PRIMARY KEY (watch, document_id, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_document ON memberships (document_id);

-- One cycle: a pass over a watch.
CREATE TABLE cycles (
	id INTEGER PRIMARY KEY,
	watch TEXT NOT NULL,
	account_id INTEGER NOT NULL REFERENCES accounts,
	cause TEXT NOT NULL, -- schedule, start, signal, sync
	started_at INTEGER NOT NULL,
	partial INTEGER NOT NULL, -- 1: of some documents by name, which says nothing of the watch
	ended_at INTEGER,         -- null: running, or died without a word
	outcome TEXT NOT NULL CHECK (outcome IN ('running', 'good', 'failed', 'stopped')),
	complete INTEGER NOT NULL DEFAULT 0, -- the whole list was read and held still
	requests INTEGER NOT NULL DEFAULT 0,
	listed INTEGER NOT NULL DEFAULT 0,
	documents INTEGER NOT NULL DEFAULT 0,
	versions INTEGER NOT NULL DEFAULT 0,
	changes INTEGER NOT NULL DEFAULT 0,
	error TEXT NOT NULL DEFAULT '',
	missed INTEGER NOT NULL DEFAULT 0 CHECK (missed >= 0), -- cycles that were due before it and did not run
	total INTEGER NOT NULL DEFAULT 0,   -- that the list named
	skipped INTEGER NOT NULL DEFAULT 0, -- rows that could not be read
	responded_at INTEGER                -- of a running cycle: COC's last response, up to a minute old
) STRICT;
CREATE INDEX cycles_watch ON cycles (watch, id);

-- One document that a cycle could not bring up to date.
CREATE TABLE cycle_failures (
	cycle_id INTEGER NOT NULL REFERENCES cycles,
	document_id TEXT NOT NULL,
	name TEXT NOT NULL,
	error TEXT NOT NULL,
	PRIMARY KEY (cycle_id, document_id)
) STRICT, WITHOUT ROWID;

-- One distinct state of a document's fields other than content. Null: not said.
CREATE TABLE document_states (
	id INTEGER PRIMARY KEY,
	document_id INTEGER NOT NULL REFERENCES documents,
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
	answered_at INTEGER
) STRICT;
CREATE INDEX document_states_document ON document_states (document_id);

-- One listed version label of a document.
CREATE TABLE versions (
	id INTEGER PRIMARY KEY,
	document_id INTEGER NOT NULL REFERENCES documents,
	label TEXT NOT NULL,
	made_at INTEGER,            -- COC's create_time
	version_uuid TEXT NOT NULL, -- as first listed; '' when not said
	listed_at INTEGER NOT NULL,
	-- 1 when the document's first answer listed it: it was there before us.
	backfill INTEGER NOT NULL CHECK (backfill IN (0, 1)),
	withdrawn_at INTEGER,
	-- Working: how far we got with it, the change that recorded it, and when
	-- its content was last held against COC's (null: nothing to hold).
	state TEXT NOT NULL CHECK (state IN ('pending', 'archived', 'unavailable')),
	failures INTEGER NOT NULL DEFAULT 0, -- cycles in a row
	failed_cycle INTEGER NOT NULL DEFAULT 0,
	error TEXT NOT NULL DEFAULT '',
	recorded INTEGER NOT NULL DEFAULT 0 CHECK (recorded IN (0, 1)),
	checked_at INTEGER,
	-- Working: since when every request for its content has failed, and when the next is
	-- due; null where none failed.
	failed_since INTEGER,
	retry_at INTEGER,
	UNIQUE (document_id, label)
) STRICT;
CREATE INDEX versions_pending ON versions (document_id) WHERE state = 'pending';
CREATE INDEX versions_unavailable ON versions (document_id) WHERE state = 'unavailable';
CREATE INDEX versions_checked ON versions (checked_at) WHERE checked_at IS NOT NULL;

-- One observed state of a version label: 1, unless COC's copy was rewritten.
CREATE TABLE revisions (
	id INTEGER PRIMARY KEY,
	version_id INTEGER NOT NULL REFERENCES versions,
	number INTEGER NOT NULL,
	version_uuid TEXT NOT NULL, -- '' when not said
	content_id INTEGER NOT NULL REFERENCES contents,
	made_at INTEGER,
	seen_at INTEGER NOT NULL,
	author TEXT, -- null: unknown
	-- For a rewritten one: when the bytes before it were last seen to stand.
	previous_checked_at INTEGER,
	request_id TEXT NOT NULL,
	answered_at INTEGER,
	UNIQUE (version_id, number)
) STRICT;

-- One distinct text, by SHA-256. Erasing one clears pack_id and keeps the rest.
CREATE TABLE contents (
	id INTEGER PRIMARY KEY,
	sha256 BLOB NOT NULL UNIQUE,
	size INTEGER NOT NULL,
	form INTEGER NOT NULL CHECK (form IN (0, 1)), -- 1: the raw JSON token
	pack_id INTEGER REFERENCES packs,
	start INTEGER NOT NULL, -- where it begins in the unpacked frame
	erased_at INTEGER,
	erased_reason TEXT
) STRICT;

-- Up to sixteen consecutive contents of one document in one zstd frame.
CREATE TABLE packs (
	id INTEGER PRIMARY KEY,
	document_id INTEGER NOT NULL REFERENCES documents,
	count INTEGER NOT NULL,
	size INTEGER NOT NULL, -- unpacked
	frame BLOB NOT NULL
) STRICT;
CREATE INDEX packs_document ON packs (document_id, id);

-- One observed event of a document. It names the two revisions or the two
-- states that it compares; nothing is inferred from order.
CREATE TABLE changes (
	id INTEGER PRIMARY KEY,
	document_id INTEGER NOT NULL REFERENCES documents,
	cycle_id INTEGER REFERENCES cycles,
	kind TEXT NOT NULL CHECK (kind IN
		('new', 'version', 'rewritten', 'metadata', 'withdrawn', 'deleted', 'restored')),
	from_revision INTEGER REFERENCES revisions,
	to_revision INTEGER REFERENCES revisions,
	from_state INTEGER REFERENCES document_states,
	to_state INTEGER REFERENCES document_states,
	version_id INTEGER REFERENCES versions, -- of a withdrawn one
	at INTEGER NOT NULL, -- made_at for a first revision, else seen_at
	seen_at INTEGER NOT NULL,
	backfill INTEGER NOT NULL CHECK (backfill IN (0, 1)),
	late INTEGER NOT NULL CHECK (late IN (0, 1))
) STRICT;
CREATE INDEX changes_document ON changes (document_id, at);
CREATE INDEX changes_at ON changes (at);

-- Derived: the difference of a change. It can be computed again.
CREATE TABLE diffs (
	change_id INTEGER PRIMARY KEY REFERENCES changes,
	algorithm INTEGER NOT NULL, -- its version; 0 for what was not computed from contents
	class TEXT NOT NULL CHECK (class IN ('', 'unchanged', 'formatting', 'structural', 'unreadable', 'erased')),
	added INTEGER NOT NULL,   -- lines
	removed INTEGER NOT NULL, -- lines
	omitted INTEGER NOT NULL, -- differences of the structure that are not in items
	cut INTEGER NOT NULL CHECK (cut IN (0, 1)), -- 1: a path or a task in items is not whole
	skipped TEXT NOT NULL,    -- labels of the versions between the two that were not available, as a JSON array
	formatting TEXT NOT NULL, -- lines that are written differently and mean the same, as JSON
	summary TEXT NOT NULL,    -- for people
	reason TEXT NOT NULL      -- why the structure could not be read; '' where it was
) STRICT;

-- Derived: one structural difference of a change.
CREATE TABLE items (
	change_id INTEGER NOT NULL REFERENCES changes,
	seq INTEGER NOT NULL,
	op TEXT NOT NULL,
	path TEXT NOT NULL,
	step TEXT NOT NULL,
	task TEXT NOT NULL,
	old TEXT NOT NULL,
	new TEXT NOT NULL,
	-- The lines in both versions, from 1; 0 on a side without it.
	old_from INTEGER NOT NULL,
	old_to INTEGER NOT NULL,
	new_from INTEGER NOT NULL,
	new_to INTEGER NOT NULL,
	PRIMARY KEY (change_id, seq)
) STRICT, WITHOUT ROWID;

-- The outbox: something to tell that is no change of a document.
CREATE TABLE notices (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL,
	watch TEXT NOT NULL,
	at INTEGER NOT NULL,
	title TEXT NOT NULL,
	lines TEXT NOT NULL -- a JSON array of strings
) STRICT;

-- The outbox: one change or notice on its way to one notifier.
CREATE TABLE deliveries (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	notifier TEXT NOT NULL,
	change_id INTEGER REFERENCES changes,
	notice_id INTEGER REFERENCES notices,
	cycle_id INTEGER,
	state TEXT NOT NULL CHECK (state IN ('waiting', 'claimed', 'sent', 'failed', 'dropped')),
	due_at INTEGER NOT NULL,
	message_id INTEGER REFERENCES messages,
	-- 1: no watch of the document names the notifier; only a route brings it there.
	routed INTEGER NOT NULL DEFAULT 0 CHECK (routed IN (0, 1)),
	UNIQUE (change_id, notifier),
	CHECK ((change_id IS NULL) <> (notice_id IS NULL))
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (notifier, due_at) WHERE state = 'waiting';
CREATE INDEX deliveries_notifier ON deliveries (notifier);
CREATE INDEX deliveries_open ON deliveries (notifier, due_at) WHERE state IN ('waiting', 'claimed');
CREATE INDEX deliveries_message ON deliveries (message_id) WHERE message_id IS NOT NULL;

-- The outbox: one call's worth to one channel, frozen before the first post.
CREATE TABLE messages (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	notifier TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('root', 'reply', 'digest', 'file', 'notice')),
	document_id INTEGER REFERENCES documents, -- null: of several or of none
	parent_id INTEGER REFERENCES messages,
	body BLOB NOT NULL,
	text TEXT NOT NULL,     -- the plain fallback
	plain INTEGER NOT NULL CHECK (plain IN (0, 1)), -- the body was refused
	state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
	attempts INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	first_at INTEGER,       -- first attempt
	next_at INTEGER NOT NULL,
	sent_at INTEGER,
	channel TEXT NOT NULL,  -- where it landed
	ts TEXT NOT NULL,       -- under which timestamp
	error TEXT NOT NULL,
	-- Of a message that opened a thread, 1: the count of replies that it shows is not the newest.
	stale INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1)),
	-- And 1: nothing more goes into that thread, which is gone.
	closed INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1))
) STRICT;
CREATE INDEX messages_waiting ON messages (notifier, id) WHERE state = 'waiting';
CREATE INDEX messages_stale ON messages (notifier) WHERE stale = 1;
CREATE INDEX messages_thread ON messages (document_id, notifier, created_at) WHERE kind = 'root';
CREATE INDEX messages_parent ON messages (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX messages_plain ON messages (notifier, sent_at) WHERE plain = 1;
CREATE INDEX messages_unsent ON messages (id) WHERE state <> 'sent';
CREATE INDEX messages_failed ON messages (notifier) WHERE state = 'failed';

-- A channel that refused everything: its messages wait until this instant.
CREATE TABLE holds (
	notifier TEXT PRIMARY KEY,
	reason TEXT NOT NULL,
	since INTEGER NOT NULL,
	until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A notifier that is left in peace: in its quiet hours, or because Slack asked
-- for it. What waits for it does so on purpose.
CREATE TABLE pauses (
	notifier TEXT NOT NULL,
	reason TEXT NOT NULL CHECK (reason IN ('hours', 'asked')),
	until INTEGER NOT NULL,
	PRIMARY KEY (notifier, reason)
) STRICT, WITHOUT ROWID;

-- Derived: lines of a document, those that the contents of one commit had and none
-- before. The blocks of a document hold each line that it ever had, once.
CREATE TABLE blocks (
	id INTEGER PRIMARY KEY,
	document_id INTEGER NOT NULL REFERENCES documents,
	size INTEGER NOT NULL, -- unpacked
	frame BLOB NOT NULL,   -- zstd; each line ends with a line feed
	-- open: not in trigrams yet; large: too large for it. Searches read these.
	state TEXT NOT NULL CHECK (state IN ('open', 'indexed', 'large'))
) STRICT;
CREATE INDEX blocks_document ON blocks (document_id);
CREATE INDEX blocks_state ON blocks (state) WHERE state <> 'indexed';

-- Derived: which three characters in a row stand in which block, by its id. The
-- text itself is not kept here.
CREATE VIRTUAL TABLE trigrams USING fts5 (
	text, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1');

-- The log that proves the archive: docs/audit-log.md. One leaf for each event. Its
-- record is not kept: it is made of the row that the leaf is of, so that a row which
-- was altered no longer makes its leaf.
CREATE TABLE leaves (
	id INTEGER PRIMARY KEY,  -- its place, from 0
	type TEXT NOT NULL CHECK (type IN ('start', 'state', 'revision', 'change', 'lack', 'erasure', 'coverage')),
	-- The row: of generations, document_states, revisions, changes, unavailable_versions, contents or coverages.
	ref INTEGER NOT NULL,
	hash BLOB NOT NULL       -- RFC 6962, of the record
) STRICT;

-- Working: the log's right edge, of which the next leaf makes the next root.
CREATE TABLE edge (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	size INTEGER NOT NULL,
	peaks BLOB NOT NULL
) STRICT;

-- One beginning of the log: the first, or one after a restore.
CREATE TABLE generations (
	id INTEGER PRIMARY KEY,
	origin TEXT NOT NULL,
	public_key TEXT NOT NULL, -- of a signed note
	at INTEGER NOT NULL,
	-- Of the log that went before it; null for the first.
	old_origin TEXT,
	old_size INTEGER,
	old_root BLOB
) STRICT;

-- One signed tree head: the newest, and those that left the machine.
CREATE TABLE checkpoints (
	size INTEGER PRIMARY KEY,
	at INTEGER NOT NULL,
	note BLOB NOT NULL,
	published INTEGER NOT NULL CHECK (published IN (0, 1)) -- 1: a message or a person has it
) STRICT;

-- One version that could not be had.
CREATE TABLE unavailable_versions (
	id INTEGER PRIMARY KEY,
	version_id INTEGER NOT NULL REFERENCES versions,
	at INTEGER NOT NULL,
	error TEXT NOT NULL
) STRICT;

-- Cycles of a watch, one behind the other: good ones of an hour in one row, and each
-- other one by itself.
CREATE TABLE coverages (
	id INTEGER PRIMARY KEY,
	watch TEXT NOT NULL,
	first_cycle INTEGER NOT NULL REFERENCES cycles,
	last_cycle INTEGER NOT NULL REFERENCES cycles
) STRICT;
CREATE INDEX coverages_watch ON coverages (watch, last_cycle);

-- Working: when the first commit was made after the write-ahead log was last copied into
-- the file as a whole: one row.
CREATE TABLE wal (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	since INTEGER NOT NULL
) STRICT;
