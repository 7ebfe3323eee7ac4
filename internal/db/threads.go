package db

import (
	"context"
	"time"

	"cocsync/internal/coc"
)

// Thread returns the root of the notifier's thread of a document, if it was frozen after
// since; 0 for none. It is the first message after since: an important message in the channel
// does not start a new thread. If channel is set, only messages posted there or not yet posted
// count.
func (o *Outbox) Thread(ctx context.Context, notifier string, document coc.Key, channel string, since time.Time) (id int64, err error) {
	defer wrap(&err, "thread of document %d of %s", document.ID, notifier)
	return first(ctx, o.read, scan[int64], `
		SELECT id FROM messages
		WHERE account_id = ?1 AND document_id = ?2 AND notifier = ?3 AND kind = 'root' AND created_at > ?4 AND closed = 0
			AND (state = 'waiting' OR state = 'sent' AND ts <> '') AND (?5 = '' OR channel IN ('', ?5))
		ORDER BY created_at, id LIMIT 1`, document, notifier, since.UnixMilli(), channel)
}
