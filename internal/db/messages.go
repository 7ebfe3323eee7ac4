package db

import (
	"context"
	"fmt"
	"time"

	"cocsync/internal/coc"
)

// maxNextIn is the maximum pause before the next attempt of a message, as requested by Slack's
// Retry-After. A later time was stored before the clock was set back and is ignored.
const maxNextIn = time.Hour

// messageRows selects messages with the root of their thread: a parent is itself in a thread,
// or is its root.
const messageRows = `
	SELECT m.id, m.notifier, m.kind, coalesce(m.account_id, 0), coalesce(m.document_id, 0), coalesce(m.parent_id, 0), m.body, m.text, m.plain,
		m.state, m.attempts, m.created_at, m.first_at, m.next_at, m.sent_at, m.channel, m.ts, m.error, NULL, NULL, m.code,
		coalesce(th.channel, ''), coalesce(th.ts, '')
	FROM messages m LEFT JOIN messages up ON up.id = m.parent_id
	LEFT JOIN messages th ON th.id = coalesce(up.parent_id, up.id)`

// messages returns messages with their changes.
func messages(r reader, where string, args ...any) ([]coc.Message, error) {
	list, err := collect[coc.Message](r, messageRows+` `+where, args...)
	for i := range list {
		m := &list[i]
		if err == nil {
			m.Deliveries, err = claims(r, m.ID)
		}
		for _, d := range m.Deliveries {
			if d.Ref != "" {
				m.Changes = append(m.Changes, d.Ref)
			}
		}
	}
	return list, err
}

// claims returns the deliveries that a message sends.
func claims(r reader, message int64) ([]coc.Claim, error) {
	return collect[coc.Claim](r, `
		SELECT y.id, coalesce(y.account_id, 0), coalesce(y.change_id, 0), coalesce(y.notice_id, 0), coalesce(`+changeRef+`, '')
		FROM deliveries y LEFT JOIN changes c ON c.account_id = y.account_id AND c.id = y.change_id
		LEFT JOIN accounts a ON a.id = c.account_id WHERE y.message_id = ? ORDER BY y.id`, message)
}

// Next returns the next message of the notifier to post: it is due, its parent is not pending,
// and no earlier message about the same document or watch is unsent. If there is none, ok is
// false and wake is when the next message is due, zero if none is pending.
//
// With the key, a message whose code does not match has failed, and the error is coc.ErrForged.
// One that was frozen without the key is composed again from its deliveries.
func (o *Outbox) Next(ctx context.Context, notifier string, now time.Time) (m coc.Message, ok bool, wake time.Time, err error) {
	if o.key != nil {
		if err := o.recompose(ctx, notifier); err != nil {
			return m, false, wake, err
		}
	}
	m, ok, wake, err = o.next(ctx, notifier, now)
	if err == nil && ok && o.key != nil {
		err = o.authenticate(ctx, &m)
	}
	return m, ok && err == nil, wake, err
}

// next is Next without codes.
func (o *Outbox) next(ctx context.Context, notifier string, now time.Time) (m coc.Message, ok bool, wake time.Time, err error) {
	r := o.reading(ctx, "next message to %s", notifier)
	list, err := messages(r, `
		WHERE m.state = 'waiting' AND m.notifier = ?1 AND (m.next_at <= ?2 OR m.attempts = 0 OR m.next_at > ?3)
			AND NOT EXISTS (SELECT 1 FROM messages e
				WHERE e.state = 'waiting' AND e.notifier = ?1 AND e.id < m.id
				AND (e.id = m.parent_id OR EXISTS (
					SELECT 1 FROM deliveries de JOIN changes ce ON ce.account_id = de.account_id AND ce.id = de.change_id
						JOIN changes cm ON cm.account_id = ce.account_id AND cm.document_id = ce.document_id
						JOIN deliveries dm ON dm.account_id = cm.account_id AND dm.change_id = cm.id
					WHERE de.message_id = e.id AND dm.message_id = m.id)
				OR EXISTS (
					SELECT 1 FROM deliveries de JOIN notices ne ON ne.id = de.notice_id
						JOIN notices nm ON nm.watch = ne.watch JOIN deliveries dm ON dm.notice_id = nm.id
					WHERE de.message_id = e.id AND dm.message_id = m.id)))
		ORDER BY m.id LIMIT 1`, notifier, now.UnixMilli(), now.Add(maxNextIn).UnixMilli())
	if err != nil || len(list) > 0 {
		return append(list, m)[0], len(list) > 0, wake, err
	}
	wake, err = first[time.Time](r, `
		SELECT min(p.at) FROM (
			SELECT min(next_at) AS at FROM messages WHERE state = 'waiting' AND notifier = ?1
			UNION ALL
			SELECT min(due_at) FROM deliveries WHERE state = 'waiting' AND notifier = ?1) p`, notifier)
	return m, false, wake, err
}

// RecordAttempt records the result of posting a message: its Kind, State, Plain, Attempts,
// FirstAt, NextAt, SentAt, Channel, TS and Err. Its deliveries get the state Sent or Failed
// with it. A reply that became a root closes the thread that no longer exists.
func (o *Outbox) RecordAttempt(ctx context.Context, m coc.Message) error {
	return o.update(ctx, fmt.Sprintf("message %d", m.ID), func(t *tx) {
		t.exec(`
			UPDATE messages SET kind = ?, state = ?, plain = ?, attempts = ?, first_at = ?, next_at = ?, sent_at = ?,
				channel = ?, ts = ?, error = ? WHERE id = ?`,
			m.Kind, m.State, m.Plain, m.Attempts, m.FirstAt, m.NextAt.UnixMilli(), m.SentAt,
			m.Channel, m.TS, m.Err, m.ID)
		if m.State == coc.Waiting {
			return
		}
		if m.Kind == coc.MessageRoot && m.Parent != 0 {
			t.exec(`UPDATE messages SET closed = 1 WHERE id = ?1 OR id = (SELECT parent_id FROM messages WHERE id = ?1)`, m.Parent)
			t.exec(`UPDATE messages SET parent_id = NULL WHERE id = ?`, m.ID)
		}
		t.exec(`UPDATE deliveries SET state = ? WHERE message_id = ?`, m.State, m.ID)
		if m.State == coc.Sent {
			t.exec(`UPDATE messages SET code = ? WHERE id = ?`, o.postedCode(&m), m.ID)
			t.countDeliveries(&m)
		}
	})
}

// Retrying returns the pending messages of a notifier with a failed attempt, oldest first.
func (o *Outbox) Retrying(ctx context.Context, notifier string) ([]coc.Message, error) {
	return messages(o.reading(ctx, "messages to %s that were tried", notifier),
		`WHERE m.state = 'waiting' AND m.notifier = ? AND m.attempts > 0 ORDER BY m.id`, notifier)
}

// Retry makes pending messages due now and failed ones pending, and ends the hold of the
// notifier; "" means all notifiers. It returns the number of changed messages.
func (o *Outbox) Retry(ctx context.Context, notifier string, message int64, now time.Time) (n int, err error) {
	err = o.update(ctx, "retry messages", func(t *tx) {
		n = int(t.exec(`
			UPDATE messages SET state = 'waiting', next_at = ?1, plain = CASE state WHEN 'failed' THEN 0 ELSE plain END,
				first_at = CASE state WHEN 'failed' THEN NULL ELSE first_at END
			WHERE state <> 'sent' AND (?2 = '' OR notifier = ?2) AND (?3 = 0 OR id = ?3)`, now.UnixMilli(), notifier, message))
		t.exec(`
			UPDATE deliveries SET state = 'claimed'
			WHERE state = 'failed' AND message_id IN (SELECT id FROM messages WHERE state = 'waiting')`)
		t.exec(`DELETE FROM holds WHERE ?1 = '' OR notifier = ?1`, notifier)
	})
	return n, err
}

// Messages returns pending and failed messages, newest first, at most limit. With all it
// includes sent messages.
func (o *Outbox) Messages(ctx context.Context, all bool, limit int) ([]coc.Message, error) {
	where := `WHERE m.state <> 'sent'`
	if all {
		where = ``
	}
	return messages(o.reading(ctx, "messages"), where+` ORDER BY m.id DESC LIMIT ?`, limit)
}

// Thread returns the root of the notifier's thread of a document, if it was frozen after
// since; 0 for none. It is the first message after since: an important message in the channel
// does not start a new thread. If channel is set, only messages posted there or not yet posted
// count.
func (o *Outbox) Thread(ctx context.Context, notifier string, document coc.Key, channel string, since time.Time) (int64, error) {
	return first[int64](o.reading(ctx, "thread of document %d of %s", document.ID, notifier), `
		SELECT id FROM messages
		WHERE account_id = ?1 AND document_id = ?2 AND notifier = ?3 AND kind = 'root' AND created_at > ?4 AND closed = 0
			AND (state = 'waiting' OR state = 'sent' AND ts <> '') AND (?5 = '' OR channel IN ('', ?5))
		ORDER BY created_at, id LIMIT 1`, document, notifier, since.UnixMilli(), channel)
}
