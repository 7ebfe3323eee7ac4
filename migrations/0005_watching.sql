-- +goose Up

-- How many cycles were due by the watch's schedule after the one before it began and
-- did not run.
ALTER TABLE cycles ADD COLUMN missed INTEGER NOT NULL DEFAULT 0 CHECK (missed >= 0);

-- When the archive as a whole was last verified and found good: one row. A working row,
-- which spares the next process the work.
CREATE TABLE verifications (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	at INTEGER NOT NULL
) STRICT;

-- So that what is not archived can be counted without reading what is.
CREATE INDEX versions_unavailable ON versions (document_id) WHERE state = 'unavailable';
