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

// Stale returns a thread of the notifier whose root shows an outdated number of replies; ok is
// false for none.
func (o *Outbox) Stale(ctx context.Context, notifier string) (th coc.Thread, ok bool, err error) {
	defer wrap(&err, "threads at %s", notifier)
	list, err := o.messages(ctx, `WHERE m.stale = 1 AND m.notifier = ? ORDER BY m.id LIMIT 1`, notifier)
	if err != nil || len(list) == 0 {
		return th, false, err
	}
	th.Root = list[0]
	th.Replies, err = first(ctx, o.read, scan[int], `
		SELECT count(*) FROM deliveries d JOIN messages m ON m.id = d.message_id
		WHERE m.parent_id = ? AND m.kind = 'reply' AND m.state = 'sent'`, th.Root.ID)
	return th, err == nil, err
}

// Counted records that the root of a thread shows its number of replies, or that updating it
// failed permanently, until the next reply.
func (o *Outbox) Counted(ctx context.Context, root int64) (err error) {
	defer wrap(&err, "thread of message %d", root)
	return o.update(ctx, func(t tx) error {
		return t.exec(`UPDATE messages SET stale = 0 WHERE id = ?`, root)
	})
}
