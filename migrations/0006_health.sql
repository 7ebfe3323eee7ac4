-- +goose Up

-- The watch's schedule in the configuration that was loaded last, its time zone, and
-- the pause between two of its cycles in milliseconds. Null until a configuration that
-- names the watch was loaded by this release.
ALTER TABLE watches ADD COLUMN schedule TEXT;
ALTER TABLE watches ADD COLUMN timezone TEXT;
ALTER TABLE watches ADD COLUMN interval INTEGER;
-- When a configuration last set another schedule: nothing was due by it before.
ALTER TABLE watches ADD COLUMN scheduled_at INTEGER;
-- Working: the list has had fewer rows than its total since then, with these numbers.
ALTER TABLE watches ADD COLUMN short_since INTEGER;
ALTER TABLE watches ADD COLUMN short_listed INTEGER;
ALTER TABLE watches ADD COLUMN short_total INTEGER;

-- The total that the list named, and its rows that could not be read.
ALTER TABLE cycles ADD COLUMN total INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cycles ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;
-- Of a running cycle: when COC last responded, at most a minute behind.
ALTER TABLE cycles ADD COLUMN responded_at INTEGER;

-- Working: since when every request for the version's content has failed, and when the
-- next is due; null where none failed.
ALTER TABLE versions ADD COLUMN failed_since INTEGER;
ALTER TABLE versions ADD COLUMN retry_at INTEGER;

-- Unavailable versions are requested again by their own pauses, not by the audit.
UPDATE versions SET checked_at = NULL WHERE state = 'unavailable';

-- So that what is still to be fetched can be counted without reading what is not.
CREATE INDEX documents_listed ON documents (first_seen_at) WHERE state = 'listed';

-- Working: when the first commit was made after the write-ahead log was last copied into
-- the file as a whole: one row.
CREATE TABLE wal (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	since INTEGER NOT NULL
) STRICT;

-- The time of the last verification is kept in a file next to the archive (NAME.head):
-- nothing in the archive itself can postpone the next one.
DROP TABLE verifications;
