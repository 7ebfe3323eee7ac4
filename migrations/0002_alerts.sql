-- +goose Up

-- 1: no watch of the document names the notifier; only a route brings it there.
ALTER TABLE deliveries ADD COLUMN routed INTEGER NOT NULL DEFAULT 0 CHECK (routed IN (0, 1));
CREATE INDEX deliveries_notifier ON deliveries (notifier);
CREATE INDEX deliveries_open ON deliveries (notifier, due_at) WHERE state IN ('waiting', 'claimed');

-- Of a message that opened a thread, 1: the count of replies that it shows is
-- not the newest.
ALTER TABLE messages ADD COLUMN stale INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1));
-- And 1: nothing more goes into that thread, which is gone.
ALTER TABLE messages ADD COLUMN closed INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1));
CREATE INDEX messages_stale ON messages (notifier) WHERE stale = 1;
CREATE INDEX messages_thread ON messages (document_id, notifier, created_at) WHERE kind = 'root';
CREATE INDEX messages_parent ON messages (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX messages_plain ON messages (notifier, sent_at) WHERE plain = 1;
CREATE INDEX messages_unsent ON messages (id) WHERE state <> 'sent';
CREATE INDEX messages_failed ON messages (notifier) WHERE state = 'failed';

-- A notifier that is left in peace: in its quiet hours, or because Slack asked
-- for it. What waits for it does so on purpose.
CREATE TABLE quiets (
	notifier TEXT NOT NULL,
	why TEXT NOT NULL CHECK (why IN ('hours', 'asked')),
	until INTEGER NOT NULL,
	PRIMARY KEY (notifier, why)
) STRICT, WITHOUT ROWID;
