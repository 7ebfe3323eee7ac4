-- The archive. Instants are Unix milliseconds UTC; null means not said or not
-- known. Rows of accounts to contents are observed and never rewritten, except
-- the marked working columns, which only say how far cocsync got.

-- +goose Up

-- Marks the file as cocsync's ("coc1").
PRAGMA application_id = 1668244273;

-- One set of COC credentials and one endpoint. Its name is its identity.
CREATE TABLE accounts (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	endpoint TEXT NOT NULL,
	-- Working: COC refused this key pair (a hash names it), or asked for quiet.
	refused_key TEXT,
	refused_until INTEGER,
	refused_why TEXT,
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
	trouble_whole INTEGER NOT NULL DEFAULT 0 -- it was the whole cycle's
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
	UNIQUE (account_id, document_id)
) STRICT;
CREATE INDEX documents_name ON documents (name);

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
	error TEXT NOT NULL DEFAULT ''
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
	UNIQUE (document_id, label)
) STRICT;
CREATE INDEX versions_pending ON versions (document_id) WHERE state = 'pending';
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
	erased_why TEXT
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

-- Derived: what an algorithm made of a change. Can be worked out again.
CREATE TABLE diffs (
	change_id INTEGER PRIMARY KEY REFERENCES changes,
	algorithm INTEGER NOT NULL,
	added INTEGER NOT NULL,
	removed INTEGER NOT NULL,
	summary TEXT NOT NULL,
	note TEXT NOT NULL
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
	UNIQUE (change_id, notifier),
	CHECK ((change_id IS NULL) <> (notice_id IS NULL))
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (notifier, due_at) WHERE state = 'waiting';
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
	error TEXT NOT NULL
) STRICT;
CREATE INDEX messages_waiting ON messages (notifier, id) WHERE state = 'waiting';

-- A channel that refused everything: its messages wait until this instant.
CREATE TABLE holds (
	notifier TEXT PRIMARY KEY,
	reason TEXT NOT NULL,
	since INTEGER NOT NULL,
	until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
