-- +goose Up

-- The log that proves the archive: docs/audit-log.md. One leaf for each event. Its
-- record is not kept: it is made of the row that the leaf is of, so that a row which
-- was altered no longer makes its leaf.
CREATE TABLE leaves (
	id INTEGER PRIMARY KEY,  -- its place, from 0
	type TEXT NOT NULL CHECK (type IN ('start', 'state', 'revision', 'change', 'lack', 'erasure', 'coverage')),
	-- The row: of generations, document_states, revisions, changes, lacks, contents or coverages.
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
	told INTEGER NOT NULL CHECK (told IN (0, 1)) -- 1: a message or a person has it
) STRICT;

-- One version that could not be had.
CREATE TABLE lacks (
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
