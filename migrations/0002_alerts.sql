-- +goose Up

-- 1: no watch of the document names the notifier; only a route brings it there.
ALTER TABLE deliveries ADD COLUMN routed INTEGER NOT NULL DEFAULT 0 CHECK (routed IN (0, 1));

-- Of a message that opened a thread, 1: the count of replies that it shows is
-- not the newest.
ALTER TABLE messages ADD COLUMN stale INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1));
CREATE INDEX messages_stale ON messages (notifier) WHERE stale = 1;
CREATE INDEX messages_thread ON messages (document_id, notifier) WHERE kind = 'root';
CREATE INDEX messages_parent ON messages (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX messages_plain ON messages (notifier, sent_at) WHERE plain = 1;

-- A notifier in its quiet hours: what waits for it does so on purpose.
CREATE TABLE quiets (
	notifier TEXT PRIMARY KEY,
	until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
