-- +goose Up

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

-- Working: the version of the algorithm that made the document's blocks; 0 where
-- there are none yet.
ALTER TABLE documents ADD COLUMN lined INTEGER NOT NULL DEFAULT 0;
CREATE INDEX documents_lined ON documents (lined);
