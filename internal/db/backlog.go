package db

import (
	"context"
	"time"

	"cocsync/internal/coc"
)

// Backlog counts the pending and failed messages of one notifier.
type Backlog struct {
	Notifier string
	Waiting  int       // unsent deliveries, and unsent messages without one: files, details
	Oldest   time.Time // when the oldest of them was due; zero if none is pending
	Failed   int       // messages that were refused permanently
	Altered  int       // messages that were not sent because they were altered
	Quiet    time.Time // the end of its last quiet hours
	Held     string    // why the channel is on hold; "" when it is not
	HeldTill time.Time // the next attempt
	LastErr  string    // why the first of the pending messages was not sent
	Plain    int       // messages that were sent as plain text since a time
	PlainErr string    // why the newest of them was
}

// Backlogs returns the backlog of each notifier with deliveries or messages. Plain counts
// messages since the given time.
func (o *Outbox) Backlogs(ctx context.Context, since time.Time) ([]Backlog, error) {
	return collect[Backlog](o.reading(ctx, "backlog"), `
		WITH RECURSIVE names (notifier) AS ( -- each once, by the index
			SELECT min(notifier) FROM deliveries
			UNION ALL
			SELECT (SELECT min(notifier) FROM deliveries WHERE notifier > names.notifier) FROM names WHERE names.notifier IS NOT NULL)
		SELECT n.notifier,
			(SELECT count(*) FROM deliveries d WHERE d.notifier = n.notifier AND d.state IN ('waiting', 'claimed'))
				+ (SELECT count(*) FROM messages m WHERE m.notifier = n.notifier AND m.state = 'waiting'
					AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = m.id)),
			(SELECT min(p.at) FROM (
				SELECT min(due_at) AS at FROM deliveries d WHERE d.notifier = n.notifier AND d.state IN ('waiting', 'claimed')
				UNION ALL
				SELECT min(created_at) FROM messages m WHERE m.notifier = n.notifier AND m.state = 'waiting') p),
			(SELECT count(*) FROM messages m WHERE m.notifier = n.notifier AND m.state = 'failed' AND m.error <> ?2),
			(SELECT count(*) FROM messages m WHERE m.notifier = n.notifier AND m.state = 'failed' AND m.error = ?2),
			q.until, coalesce(h.reason, ''), h.until,
			coalesce((SELECT error FROM messages m WHERE m.notifier = n.notifier AND m.state = 'waiting'
				AND m.error <> '' ORDER BY m.id LIMIT 1), ''),
			(SELECT count(*) FROM messages m WHERE m.notifier = n.notifier AND m.plain = 1 AND m.state = 'sent' AND m.sent_at > ?1),
			coalesce((SELECT error FROM messages m WHERE m.notifier = n.notifier AND m.plain = 1 AND m.state = 'sent' AND m.sent_at > ?1
				ORDER BY m.sent_at DESC LIMIT 1), '')
		FROM (SELECT notifier FROM names WHERE notifier IS NOT NULL UNION SELECT notifier FROM holds
			UNION SELECT DISTINCT notifier FROM messages WHERE state <> 'sent') n
		LEFT JOIN holds h ON h.notifier = n.notifier LEFT JOIN pauses q ON q.notifier = n.notifier AND q.reason = 'hours'
			ORDER BY n.notifier`, since.UnixMilli(), coc.ErrForged.Error())
}
