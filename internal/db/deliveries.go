package db

import (
	"context"
	"database/sql"
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
func (o *Outbox) Due(ctx context.Context, notifier string, now time.Time, kinds []coc.Kind, limit int) (list []coc.Delivery, err error) {
	defer wrap(&err, "due deliveries of %s", notifier)
	type row struct {
		coc.Delivery
		change coc.Key
		notice int64
	}
	args := []any{notifier, now.UnixMilli(), now.Add(releaseAfter).UnixMilli()}
	ofKinds := ""
	if kinds != nil {
		ofKinds = `AND (d.notice_id IS NOT NULL OR EXISTS (
			SELECT 1 FROM changes c JOIN changes later ON later.account_id = c.account_id AND later.document_id = c.document_id AND later.id >= c.id
				JOIN deliveries l ON l.account_id = later.account_id AND l.change_id = later.id AND l.notifier = ?1
			WHERE c.account_id = d.account_id AND c.id = d.change_id AND l.state = 'waiting' AND (l.due_at <= ?2 OR l.due_at > ?3)
				AND later.kind IN (` + placeholders(len(kinds)) + `)))`
		for _, k := range kinds {
			args = append(args, k)
		}
	}
	rows, err := collect(ctx, o.read, func(s scanner) (r row, err error) {
		err = s.Scan(&r.ID, &r.Notifier, &r.DueAt, &r.Routed, &r.change, &r.notice, &r.Gathered)
		return r, err
	}, `
		SELECT d.id, d.notifier, d.due_at, d.routed, coalesce(d.account_id, 0), coalesce(d.change_id, 0), coalesce(d.notice_id, 0),
			EXISTS (SELECT 1 FROM generations g JOIN cycles y ON y.account_id = d.account_id AND y.id = d.cycle_id
				WHERE g.id = (SELECT max(id) FROM generations) AND g.old_origin IS NOT NULL AND NOT EXISTS (
					SELECT 1 FROM cycles e WHERE e.account_id = y.account_id AND e.watch = y.watch AND e.id < y.id AND e.started_at >= g.at AND e.outcome = 'good'))
		FROM deliveries d
		WHERE d.state = 'waiting' AND d.notifier = ?1 AND (d.due_at <= ?2 OR d.due_at > ?3) `+ofKinds+`
		ORDER BY d.id LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, err
	}
	archive := &Archive{o.store}
	for _, r := range rows {
		if r.notice != 0 {
			r.Notice, err = o.notice(ctx, r.notice)
		} else {
			var c coc.Change
			c, err = archive.Change(ctx, r.change)
			r.Change = &c
		}
		if err != nil {
			return nil, err
		}
		list = append(list, r.Delivery)
	}
	return list, nil
}

// Release makes the pending deliveries of a cycle due now.
func (o *Outbox) Release(ctx context.Context, cycle coc.Key, now time.Time) (err error) {
	defer wrap(&err, "release deliveries")
	return o.update(ctx, func(t tx) error { return t.release(cycle, now) })
}

// release includes pending deliveries of earlier cycles for the same documents, so that
// messages about a document stay in order.
func (t tx) release(cycle coc.Key, now time.Time) error {
	return t.exec(`
		UPDATE deliveries SET due_at = ?1 WHERE state = 'waiting' AND due_at > ?1 AND (account_id, change_id) IN (
			SELECT c.account_id, c.id FROM changes c WHERE (c.account_id, c.document_id) IN (
				SELECT x.account_id, x.document_id FROM deliveries y JOIN changes x ON x.account_id = y.account_id AND x.id = y.change_id
				WHERE y.state = 'waiting' AND y.account_id = ?2 AND y.cycle_id = ?3))`, now, cycle)
}

// Freeze stores the drafts of a batch as messages, drops the deliveries that must not be
// sent, and adds the missing deliveries of its targets, due now. It returns the messages' ids
// in the order of the drafts.
func (o *Outbox) Freeze(ctx context.Context, b coc.Batch, now time.Time) (ids []int64, err error) {
	defer wrap(&err, "freeze messages")
	err = o.update(ctx, func(t tx) error {
		if ids, err = t.freeze(b.Drafts, now); err != nil {
			return err
		}
		for _, delivery := range b.Drop {
			err := t.exec(`UPDATE deliveries SET state = 'dropped' WHERE id = ? AND state = 'waiting'`, delivery)
			if err != nil {
				return err
			}
		}
		for _, a := range b.Aims {
			if err := t.aim(a, now); err != nil {
				return err
			}
		}
		return nil
	})
	return ids, err
}

func (t tx) freeze(drafts []*coc.Draft, now time.Time) (ids []int64, err error) {
	stored := map[*coc.Draft]int64{}
	for _, m := range drafts {
		parent := m.Parent
		if m.ReplyTo != nil {
			var ok bool
			if parent, ok = stored[m.ReplyTo]; !ok {
				return nil, errors.New("a reply is before its parent")
			}
		}
		id, err := t.insert(`
			INSERT INTO messages (notifier, kind, account_id, document_id, parent_id, body, text, plain, state, attempts,
				created_at, next_at, channel, ts, error)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, ?, ?, '', '', '') RETURNING id`,
			m.Notifier, m.Kind, noneIsNull(m.Document.Account), noneIsNull(m.Document.ID), noneIsNull(parent),
			m.Body, m.Text, m.Plain, now, now)
		if err != nil {
			return nil, err
		}
		for _, delivery := range m.Claims {
			if err := t.claim(delivery, id); err != nil {
				return nil, err
			}
		}
		stored[m] = id
		ids = append(ids, id)
	}
	return ids, nil
}

func (t tx) aim(a coc.Aim, now time.Time) error {
	for _, n := range a.Routed {
		err := t.exec(`
			INSERT INTO deliveries (notifier, account_id, change_id, routed, state, due_at) VALUES (?, ?, ?, 1, 'waiting', ?)
			ON CONFLICT (account_id, change_id, notifier) DO UPDATE SET state = 'waiting', due_at = excluded.due_at
			WHERE deliveries.state = 'dropped'`, n, a.Change, now)
		if err != nil {
			return err
		}
	}
	for _, n := range a.Own {
		err := t.exec(`
			UPDATE deliveries SET state = 'waiting', due_at = ?
			WHERE account_id = ? AND change_id = ? AND notifier = ? AND routed = 0 AND state = 'dropped'`,
			now, a.Change, n)
		if err != nil {
			return err
		}
	}
	return nil
}

func (t tx) claim(delivery, message int64) error {
	n, err := t.affect(`UPDATE deliveries SET state = 'claimed', message_id = ? WHERE id = ? AND state = 'waiting'`, message, delivery)
	if err == nil && n == 0 {
		err = fmt.Errorf("delivery %d is already claimed", delivery)
	}
	return err
}

// Notification is a sent or pending notification of a change by one notifier.
type Notification struct {
	Notifier string
	State    string       // of its delivery: waiting, claimed, sent, failed or dropped
	DueAt    time.Time    // when it is or was due
	Message  *coc.Message // the message that contains it; nil if none is composed yet
}

// Notifications returns the notifications of a change, by notifier. Messages have all fields
// except Body.
func (o *Outbox) Notifications(ctx context.Context, change coc.Key) (_ []Notification, err error) {
	defer wrap(&err, "messages of change %d", change.ID)
	return collect(ctx, o.read, func(row scanner) (n Notification, err error) {
		var id sql.NullInt64
		var m coc.Message
		err = row.Scan(&n.Notifier, &n.State, &n.DueAt, &id, &m.Kind, &m.Plain, &m.State, &m.Attempts, &m.NextAt, &m.SentAt,
			&m.Channel, &m.TS, &m.Err, &m.Text)
		if id.Valid {
			m.ID, m.Notifier = id.Int64, n.Notifier
			n.Message = &m
		}
		return n, err
	}, `
		SELECT y.notifier, y.state, y.due_at, m.id, coalesce(m.kind, ''), coalesce(m.plain, 0), coalesce(m.state, ''), coalesce(m.attempts, 0),
			m.next_at, m.sent_at, coalesce(m.channel, ''), coalesce(m.ts, ''), coalesce(m.error, ''), coalesce(m.text, '')
		FROM deliveries y LEFT JOIN messages m ON m.id = y.message_id
		WHERE y.account_id = ? AND y.change_id = ? ORDER BY y.notifier`, change)
}
