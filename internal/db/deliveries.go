package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cocsync/internal/coc"
)

// Due deliveries become messages in one transaction (Freeze) before the first attempt, so
// a retry sends the same body, and a crash between the post and its record repeats one
// message but loses none.

// Due returns the deliveries of a notifier that are due and not yet claimed by a message,
// oldest first. With kinds it skips changes of other kinds, unless one of these kinds about
// the same document is due after them; nil is for all.
func (o *Outbox) Due(ctx context.Context, notifier string, now time.Time, kinds []coc.Kind, limit int) (due []coc.Delivery, err error) {
	r := o.reading(ctx, "due deliveries of %s", notifier)
	args := []any{notifier, now.UnixMilli(), now.Add(releaseAfter).UnixMilli()}
	ofKinds := ""
	if kinds != nil {
		in, values := inList(kinds)
		args = append(args, values...)
		ofKinds = `AND (d.notice_id IS NOT NULL OR EXISTS (
			SELECT 1 FROM changes c JOIN changes later ON later.account_id = c.account_id AND later.document_id = c.document_id AND later.id >= c.id
				JOIN deliveries l ON l.account_id = later.account_id AND l.change_id = later.id AND l.notifier = ?1
			WHERE c.account_id = d.account_id AND c.id = d.change_id AND l.state = 'waiting' AND (l.due_at <= ?2 OR l.due_at > ?3)
				AND later.kind IN ` + in + `))`
	}
	rows, err := collect[struct {
		coc.Delivery
		OfChange coc.Key
		OfNotice int64
	}](r, `
		SELECT d.id, d.notifier, d.due_at, EXISTS (SELECT 1 FROM logs g JOIN cycles y ON y.account_id = g.account_id AND y.id = d.cycle_id
				WHERE g.account_id = d.account_id AND g.person IS NOT NULL
					AND g.id = (SELECT max(n.id) FROM logs n WHERE n.account_id = g.account_id) AND NOT EXISTS (
					SELECT 1 FROM cycles e WHERE e.account_id = y.account_id AND e.watch = y.watch AND e.id < y.id
						AND e.started_at >= g.started_at AND e.outcome = 'good')),
			d.routed, coalesce(d.account_id, 0), coalesce(d.change_id, 0), coalesce(d.notice_id, 0)
		FROM deliveries d
		WHERE d.state = 'waiting' AND d.notifier = ?1 AND (d.due_at <= ?2 OR d.due_at > ?3) `+ofKinds+`
		ORDER BY d.id LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, err
	}
	archive := &Archive{o.store}
	for _, d := range rows {
		if d.OfNotice != 0 {
			d.Notice = new(coc.Notice)
			*d.Notice, err = find[coc.Notice](r, noticeRows+` WHERE id = ?`, d.OfNotice)
		} else {
			d.Change = new(coc.Change)
			*d.Change, err = archive.Change(ctx, d.OfChange)
		}
		if err != nil {
			return nil, err
		}
		due = append(due, d.Delivery)
	}
	return due, nil
}

// Release makes the pending deliveries of a cycle due now.
func (o *Outbox) Release(ctx context.Context, cycle coc.Key, now time.Time) error {
	return o.update(ctx, "release deliveries", func(t *tx) { t.release(cycle, now) })
}

// release includes pending deliveries of earlier cycles for the same documents, so that
// messages about a document stay in order.
func (t *tx) release(cycle coc.Key, now time.Time) {
	t.exec(`
		UPDATE deliveries SET due_at = ?1 WHERE state = 'waiting' AND due_at > ?1 AND (account_id, change_id) IN (
			SELECT c.account_id, c.id FROM changes c WHERE (c.account_id, c.document_id) IN (
				SELECT x.account_id, x.document_id FROM deliveries y JOIN changes x ON x.account_id = y.account_id AND x.id = y.change_id
				WHERE y.state = 'waiting' AND y.account_id = ?2 AND y.cycle_id = ?3))`, now, cycle)
}

// Freeze stores the drafts of a batch as messages, drops the deliveries that must not be
// sent, and adds the missing deliveries of its targets, due now. It returns the messages' ids
// in the order of the drafts.
func (o *Outbox) Freeze(ctx context.Context, b coc.Batch, now time.Time) (ids []int64, err error) {
	err = o.update(ctx, "freeze messages", func(t *tx) {
		stored := map[*coc.Draft]int64{}
		for _, m := range b.Drafts {
			parent := m.Parent
			if m.ReplyTo != nil {
				parent = stored[m.ReplyTo]
				if parent == 0 {
					t.fail(errors.New("a reply is before its parent"))
				}
			}
			stored[m] = t.freeze(m, parent, now)
			ids = append(ids, stored[m])
		}
		for _, delivery := range b.Drop {
			t.exec(`UPDATE deliveries SET state = 'dropped' WHERE id = ? AND state = 'waiting'`, delivery)
		}
		for _, to := range b.Recipients {
			t.addRecipients(to, now)
		}
	})
	return ids, err
}

func (t *tx) freeze(m *coc.Draft, parent int64, now time.Time) int64 {
	id := t.insert("messages", `notifier, kind, account_id, document_id, parent_id, body, text, plain, state, attempts,
		created_at, next_at, channel, ts, error`,
		m.Notifier, m.Kind, noneIsNull(m.Document.Account), noneIsNull(m.Document.ID), noneIsNull(parent),
		m.Body, m.Text, m.Plain, coc.Waiting, 0, now, now, "", "", "")
	for _, delivery := range m.Claims {
		if t.exec(`UPDATE deliveries SET state = 'claimed', message_id = ? WHERE id = ? AND state = 'waiting'`, id, delivery) == 0 {
			t.fail(fmt.Errorf("delivery %d is already claimed", delivery))
		}
	}
	t.putCode(id)
	return id
}

func (t *tx) addRecipients(to coc.Recipients, now time.Time) {
	for _, n := range to.Routed {
		t.exec(`
			INSERT INTO deliveries (notifier, account_id, change_id, routed, state, due_at) VALUES (?, ?, ?, 1, 'waiting', ?)
			ON CONFLICT (account_id, change_id, notifier) DO UPDATE SET state = 'waiting', due_at = excluded.due_at
			WHERE deliveries.state = 'dropped'`, n, to.Change, now)
	}
	for _, n := range to.FromWatches {
		t.exec(`
			UPDATE deliveries SET state = 'waiting', due_at = ?
			WHERE account_id = ? AND change_id = ? AND notifier = ? AND routed = 0 AND state = 'dropped'`, now, to.Change, n)
	}
}

// Notification is a sent or pending notification of a change by one notifier.
type Notification struct {
	Notifier string
	State    string       // of its delivery: waiting, claimed, sent, failed or dropped
	DueAt    time.Time    // when it is or was due
	Record   int64        // the delivery record that has it; 0 for none
	Message  *coc.Message // the message that contains it; nil if none is composed yet
}

// Notifications returns the notifications of a change, by notifier.
func (o *Outbox) Notifications(ctx context.Context, change coc.Key) (sent []Notification, err error) {
	r := o.reading(ctx, "messages of change %d", change.ID)
	rows, err := collect[struct {
		Notification
		ID int64
	}](r, `
		SELECT notifier, state, due_at, coalesce(record_id, 0), coalesce(message_id, 0) FROM deliveries
		WHERE account_id = ? AND change_id = ? ORDER BY notifier`, change)
	for _, d := range rows {
		if err == nil && d.ID != 0 {
			d.Message = new(coc.Message)
			*d.Message, err = find[coc.Message](r, messageRows+` WHERE m.id = ?`, d.ID)
		}
		sent = append(sent, d.Notification)
	}
	return sent, err
}
