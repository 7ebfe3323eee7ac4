package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cocsync/internal/coc"
)

// Due deliveries become messages in one transaction (Freeze) before the first
// of them is posted, so a retry sends the same body, and a crash between the
// post and the mark repeats one message but loses none.

// maxNextIn is the longest pause before the next attempt of a message: what Slack may ask
// for with Retry-After. A pending time further ahead than it could have been set was
// written before the clock was set back. It holds up nothing.
const maxNextIn = time.Hour

// Due returns the deliveries of a notifier that are due and not yet
// claimed by a message, oldest first. With kinds it passes over changes of other
// kinds, unless one of these kinds about the same document is due behind them;
// nil is for all.
func (d *DB) Due(ctx context.Context, notifier string, now time.Time, kinds []coc.Kind, limit int) (_ []coc.Delivery, err error) {
	defer wrap(&err, "due deliveries of %s", notifier)
	type row struct {
		coc.Delivery
		change, notice sql.NullInt64
	}
	only, err := json.Marshal(kinds)
	if err != nil {
		return nil, err
	}
	rows, err := collect(ctx, d.read, func(s scanner) (r row, err error) {
		var due sql.NullInt64
		err = s.Scan(&r.ID, &r.Notifier, &due, &r.Routed, &r.change, &r.notice, &r.Gathered)
		r.DueAt = instant(due)
		return r, err
	}, `
		SELECT id, notifier, due_at, routed, change_id, notice_id,
			EXISTS (SELECT 1 FROM generations g JOIN cycles y ON y.id = d.cycle_id
				WHERE g.id = (SELECT max(id) FROM generations) AND g.old_origin IS NOT NULL AND NOT EXISTS (
					SELECT 1 FROM cycles e WHERE e.watch = y.watch AND e.id < y.id AND e.started_at >= g.at AND e.outcome = 'good'))
		FROM deliveries d
		WHERE state = 'waiting' AND notifier = ?1 AND (due_at <= ?2 OR due_at > ?5)
			AND (?3 = 'null' OR notice_id IS NOT NULL OR EXISTS (
				SELECT 1 FROM changes c JOIN changes later ON later.document_id = c.document_id AND later.id >= c.id
					JOIN deliveries l ON l.change_id = later.id AND l.notifier = ?1
				WHERE c.id = d.change_id AND l.state = 'waiting' AND (l.due_at <= ?2 OR l.due_at > ?5)
					AND later.kind IN (SELECT value FROM json_each(?3))))
		ORDER BY id LIMIT ?4`,
		notifier, now.UnixMilli(), string(only), limit, now.Add(tellWithin).UnixMilli())
	if err != nil {
		return nil, err
	}
	list := make([]coc.Delivery, 0, len(rows))
	for _, r := range rows {
		if r.change.Valid {
			c, err := d.Change(ctx, r.change.Int64)
			if err != nil {
				return nil, err
			}
			r.Change = &c
		} else if r.Notice, err = d.notice(ctx, r.notice.Int64); err != nil {
			return nil, err
		}
		list = append(list, r.Delivery)
	}
	return list, nil
}

func (d *DB) notice(ctx context.Context, id int64) (*coc.Notice, error) {
	n := coc.Notice{ID: id}
	var at sql.NullInt64
	var lines string
	err := d.read.row(ctx, `SELECT kind, watch, at, title, lines FROM notices WHERE id = ?`, id).
		Scan(&n.Kind, &n.Watch, &at, &n.Title, &lines)
	if err != nil {
		return nil, explain(err)
	}
	n.At = instant(at)
	if err := json.Unmarshal([]byte(lines), &n.Lines); err != nil {
		return nil, damaged("the lines of notice %d: %w", id, err)
	}
	return &n, nil
}

// Freeze stores the drafts of a batch as messages, drops the deliveries that are not
// to be sent, and creates the missing deliveries of its aims, due now. It returns the
// messages' ids in the order of the drafts.
func (d *DB) Freeze(ctx context.Context, b coc.Batch, now time.Time) (ids []int64, err error) {
	defer wrap(&err, "freeze messages")
	err = d.update(ctx, func(t tx) error {
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
				return nil, errors.New("a reply comes before its parent")
			}
		}
		id, err := t.insert(`
			INSERT INTO messages (notifier, kind, document_id, parent_id, body, text, plain, state, attempts,
				created_at, next_at, channel, ts, error)
			VALUES (?, ?, nullif(?, 0), nullif(?, 0), ?, ?, ?, 'waiting', 0, ?, ?, '', '', '')`,
			m.Notifier, string(m.Kind), m.Document, parent, m.Body, m.Text, m.Plain, now.UnixMilli(), now.UnixMilli())
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
			INSERT INTO deliveries (notifier, change_id, routed, state, due_at) VALUES (?1, ?2, 1, 'waiting', ?3)
			ON CONFLICT (change_id, notifier) DO UPDATE SET state = 'waiting', due_at = excluded.due_at WHERE state = 'dropped'`,
			n, a.Change, now.UnixMilli())
		if err != nil {
			return err
		}
	}
	for _, n := range a.Own {
		err := t.exec(`
			UPDATE deliveries SET state = 'waiting', due_at = ?3
			WHERE change_id = ?2 AND notifier = ?1 AND NOT routed AND state = 'dropped'`, n, a.Change, now.UnixMilli())
		if err != nil {
			return err
		}
	}
	return nil
}

func (t tx) claim(delivery, message int64) error {
	var id int64
	err := t.row(`
		UPDATE deliveries SET state = 'claimed', message_id = ? WHERE id = ? AND state = 'waiting'
		RETURNING id`, message, delivery).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("delivery %d is taken already", delivery)
	}
	return err
}

const messageColumns = `m.id, m.notifier, m.kind, coalesce(m.document_id, 0), coalesce(m.parent_id, 0), m.body, m.text, m.plain,
	m.state, m.attempts, m.created_at, m.first_at, m.next_at, m.sent_at, m.channel, m.ts, m.error,
	coalesce(th.channel, ''), coalesce(th.ts, ''),
	(SELECT json_group_array(change_id) FROM deliveries x WHERE x.message_id = m.id AND x.change_id IS NOT NULL)`

// messageTables are messages, each beside the one whose thread it is in: a parent
// is in a thread itself, or opened it.
const messageTables = `messages m LEFT JOIN messages up ON up.id = m.parent_id
	LEFT JOIN messages th ON th.id = coalesce(up.parent_id, up.id)`

func scanMessage(row scanner) (m coc.Message, err error) {
	var created, first, next, sent sql.NullInt64
	var changes string
	err = row.Scan(&m.ID, &m.Notifier, &m.Kind, &m.Document, &m.Parent, &m.Body, &m.Text, &m.Plain,
		&m.State, &m.Attempts, &created, &first, &next, &sent, &m.Channel, &m.TS, &m.Err,
		&m.ThreadChannel, &m.ThreadTS, &changes)
	if err != nil {
		return m, err
	}
	m.CreatedAt, m.FirstAt, m.NextAt, m.SentAt = instant(created), instant(first), instant(next), instant(sent)
	return m, json.Unmarshal([]byte(changes), &m.Changes)
}

// Next returns the message of the notifier to post next: one that is due, whose
// parent does not wait, and which has no earlier unsent one about the same document,
// or the same watch's state, before it. Where there is none, ok is false, and wake says when the next one falls due; zero if none
// waits.
func (d *DB) Next(ctx context.Context, notifier string, now time.Time) (m coc.Message, ok bool, wake time.Time, err error) {
	defer wrap(&err, "next message to %s", notifier)
	m, err = scanMessage(d.read.row(ctx, `
		SELECT `+messageColumns+` FROM `+messageTables+`
		WHERE m.state = 'waiting' AND m.notifier = ?1 AND (m.next_at <= ?2 OR m.attempts = 0 OR m.next_at > ?3)
			AND NOT EXISTS (SELECT 1 FROM messages e
				WHERE e.state = 'waiting' AND e.notifier = ?1 AND e.id < m.id
				AND (e.id = m.parent_id OR EXISTS (
					SELECT 1 FROM deliveries de JOIN changes ce ON ce.id = de.change_id,
						deliveries dm JOIN changes cm ON cm.id = dm.change_id
					WHERE de.message_id = e.id AND dm.message_id = m.id AND ce.document_id = cm.document_id)
				OR EXISTS (
					SELECT 1 FROM deliveries de JOIN notices ne ON ne.id = de.notice_id,
						deliveries dm JOIN notices nm ON nm.id = dm.notice_id
					WHERE de.message_id = e.id AND dm.message_id = m.id AND ne.watch = nm.watch)))
		ORDER BY m.id LIMIT 1`, notifier, now.UnixMilli(), now.Add(maxNextIn).UnixMilli()))
	if err == nil {
		return m, true, time.Time{}, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return m, false, time.Time{}, explain(err)
	}
	var next sql.NullInt64
	err = d.read.row(ctx, `
		SELECT min(at) FROM (
			SELECT min(next_at) AS at FROM messages WHERE state = 'waiting' AND notifier = ?1
			UNION ALL
			SELECT min(due_at) FROM deliveries WHERE state = 'waiting' AND notifier = ?1)`, notifier).Scan(&next)
	return coc.Message{}, false, instant(next), explain(err)
}

// RecordAttempt records what became of posting a message: its Kind, State, Plain,
// Attempts, FirstAt, NextAt, SentAt, Channel, TS and Err. Sent and Failed take
// its deliveries with them. A reply that became a root closes the thread that it
// found gone.
func (d *DB) RecordAttempt(ctx context.Context, m coc.Message) (err error) {
	defer wrap(&err, "message %d", m.ID)
	return d.update(ctx, func(t tx) error {
		err := t.exec(`
			UPDATE messages SET kind = ?, state = ?, plain = ?, attempts = ?, first_at = ?, next_at = ?, sent_at = ?,
				channel = ?, ts = ?, error = ? WHERE id = ?`,
			string(m.Kind), string(m.State), m.Plain, m.Attempts, millis(m.FirstAt), m.NextAt.UnixMilli(), millis(m.SentAt),
			m.Channel, m.TS, m.Err, m.ID)
		if err != nil || m.State == coc.Waiting {
			return err
		}
		if m.State == coc.Sent && m.Kind == coc.MessageReply {
			err := t.exec(`UPDATE messages SET stale = 1 WHERE id = ? AND kind = 'root' AND state = 'sent'`, m.Parent)
			if err != nil {
				return err
			}
		}
		if m.Kind == coc.MessageRoot && m.Parent != 0 {
			err := t.exec(`UPDATE messages SET closed = 1 WHERE id = ?1 OR id = (SELECT parent_id FROM messages WHERE id = ?1)`, m.Parent)
			if err != nil {
				return err
			}
			if err := t.exec(`UPDATE messages SET parent_id = NULL WHERE id = ?`, m.ID); err != nil {
				return err
			}
		}
		return t.exec(`UPDATE deliveries SET state = ? WHERE message_id = ?`, string(m.State), m.ID)
	})
}

// Retrying returns the messages of a notifier that wait after an attempt failed,
// oldest first.
func (d *DB) Retrying(ctx context.Context, notifier string) (_ []coc.Message, err error) {
	defer wrap(&err, "messages to %s that were tried", notifier)
	return collect(ctx, d.read, scanMessage, `
		SELECT `+messageColumns+` FROM `+messageTables+`
		WHERE m.state = 'waiting' AND m.notifier = ? AND m.attempts > 0 ORDER BY m.id`, notifier)
}

// Held returns why the notifier's channel takes nothing and until when it is
// left alone; an empty reason says that it is not held.
func (d *DB) Held(ctx context.Context, notifier string) (reason string, until time.Time, err error) {
	defer wrap(&err, "hold of %s", notifier)
	var ms sql.NullInt64
	err = d.read.row(ctx, `SELECT reason, until FROM holds WHERE notifier = ?`, notifier).Scan(&reason, &ms)
	return reason, instant(ms), explain(ignore(err, sql.ErrNoRows))
}

// Hold stops the notifier until then; an empty reason frees it.
func (d *DB) Hold(ctx context.Context, notifier, reason string, until time.Time) (err error) {
	defer wrap(&err, "hold %s", notifier)
	return d.update(ctx, func(t tx) error {
		if reason == "" {
			return t.exec(`DELETE FROM holds WHERE notifier = ?`, notifier)
		}
		return t.exec(`
			INSERT INTO holds (notifier, reason, since, until) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT (notifier) DO UPDATE SET reason = excluded.reason, until = excluded.until`,
			notifier, reason, time.Now().UnixMilli(), until.UnixMilli())
	})
}

// Pause records that the notifier is left in peace until then: in its quiet hours,
// or because Slack asked for it.
func (d *DB) Pause(ctx context.Context, notifier string, reason coc.PauseReason, until time.Time) (err error) {
	defer wrap(&err, "leave %s in peace", notifier)
	return d.update(ctx, func(t tx) error {
		return t.exec(`
			INSERT INTO pauses (notifier, reason, until) VALUES (?1, ?2, ?3)
			ON CONFLICT (notifier, reason) DO UPDATE SET until = excluded.until`, notifier, string(reason), until.UnixMilli())
	})
}

// PausedUntil returns until when Slack asked to be left alone by the notifier, as last
// recorded; zero for never.
func (d *DB) PausedUntil(ctx context.Context, notifier string) (until time.Time, err error) {
	defer wrap(&err, "peace of %s", notifier)
	var ms sql.NullInt64
	err = d.read.row(ctx, `SELECT until FROM pauses WHERE notifier = ? AND reason = 'asked'`, notifier).Scan(&ms)
	return instant(ms), explain(ignore(err, sql.ErrNoRows))
}

// Thread returns the message that opened the notifier's thread of a document, if
// one was frozen after since; 0 when there is none. Of several it is the first:
// what stands in the channel for its own weight ends no thread. With a channel's id
// only what landed there, or has yet to land, counts.
func (d *DB) Thread(ctx context.Context, notifier string, document int64, channel string, since time.Time) (id int64, err error) {
	defer wrap(&err, "thread of document %d at %s", document, notifier)
	err = d.read.row(ctx, `
		SELECT id FROM messages
		WHERE document_id = ? AND notifier = ? AND kind = 'root' AND created_at > ? AND NOT closed
			AND (state = 'waiting' OR state = 'sent' AND ts <> '') AND (?4 = '' OR channel IN ('', ?4))
		ORDER BY created_at, id LIMIT 1`, document, notifier, since.UnixMilli(), channel).Scan(&id)
	return id, explain(ignore(err, sql.ErrNoRows))
}

// Stale returns a thread of the notifier whose root does not show how many
// replies there are by now; ok is false when there is none.
func (d *DB) Stale(ctx context.Context, notifier string) (th coc.Thread, ok bool, err error) {
	defer wrap(&err, "threads at %s", notifier)
	th.Root, err = scanMessage(d.read.row(ctx, `
		SELECT `+messageColumns+` FROM `+messageTables+`
		WHERE m.stale = 1 AND m.notifier = ? ORDER BY m.id LIMIT 1`, notifier))
	if errors.Is(err, sql.ErrNoRows) {
		return th, false, nil
	}
	if err == nil {
		err = d.read.row(ctx, `
			SELECT count(*) FROM deliveries d JOIN messages m ON m.id = d.message_id
			WHERE m.parent_id = ? AND m.kind = 'reply' AND m.state = 'sent'`, th.Root.ID).Scan(&th.Replies)
	}
	return th, err == nil, explain(err)
}

// Counted records that nothing more is to be done about the count that the root
// of a thread shows, until the next reply.
func (d *DB) Counted(ctx context.Context, root int64) (err error) {
	defer wrap(&err, "thread of message %d", root)
	return d.update(ctx, func(t tx) error {
		return t.exec(`UPDATE messages SET stale = 0 WHERE id = ?`, root)
	})
}

// Retry makes waiting messages due now and failed ones wait again, and frees the
// notifier; "" means every notifier. It returns how many messages it touched.
func (d *DB) Retry(ctx context.Context, notifier string, message int64, now time.Time) (n int, err error) {
	defer wrap(&err, "retry messages")
	err = d.update(ctx, func(t tx) error {
		n = 0
		rows, err := t.rows(`
			UPDATE messages SET state = 'waiting', next_at = ?1, plain = iif(state = 'failed', 0, plain),
				first_at = iif(state = 'failed', NULL, first_at)
			WHERE state <> 'sent' AND (?2 = '' OR notifier = ?2) AND (?3 = 0 OR id = ?3)
			RETURNING id`, now.UnixMilli(), notifier, message)
		if err != nil {
			return err
		}
		var ids []int64
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return errors.Join(err, rows.Close())
			}
			ids = append(ids, id)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for _, id := range ids {
			if err := t.exec(`UPDATE deliveries SET state = 'claimed' WHERE message_id = ? AND state = 'failed'`, id); err != nil {
				return err
			}
		}
		n = len(ids)
		return t.exec(`DELETE FROM holds WHERE ?1 = '' OR notifier = ?1`, notifier)
	})
	return n, err
}

// Messages returns messages, newest first: those that wait or failed, or with
// all also those that were sent.
func (d *DB) Messages(ctx context.Context, all bool, limit int) (_ []coc.Message, err error) {
	defer wrap(&err, "messages")
	if all {
		return collect(ctx, d.read, scanMessage, `
			SELECT `+messageColumns+` FROM `+messageTables+` ORDER BY m.id DESC LIMIT ?`, limit)
	}
	return collect(ctx, d.read, scanMessage, `
		SELECT `+messageColumns+` FROM `+messageTables+`
		WHERE m.state <> 'sent' ORDER BY m.id DESC LIMIT ?`, limit)
}

// Backlog is what still waits for one notifier.
type Backlog struct {
	Notifier string
	Waiting  int       // deliveries not yet sent, and messages besides them: files, details
	Oldest   time.Time // when the oldest of them was due; zero where none is pending
	Failed   int       // messages refused for good
	Quiet    time.Time // the end of the quiet hours that it was found in last
	Held     string    // why the channel takes nothing; "" when it does
	HeldTill time.Time // the next try
	LastErr  string    // why the first of the messages that wait did not go
	Plain    int       // messages that went as plain text since the instant asked for
	PlainErr string    // why the newest of them did
}

// Backlogs returns what waits, for each notifier that has or had something, and
// what went as plain text since then.
func (d *DB) Backlogs(ctx context.Context, since time.Time) (_ []Backlog, err error) {
	defer wrap(&err, "backlog")
	return collect(ctx, d.read, func(row scanner) (b Backlog, err error) {
		var oldest, till, quiet sql.NullInt64
		err = row.Scan(&b.Notifier, &b.Waiting, &oldest, &b.Failed, &b.Held, &till, &quiet, &b.LastErr, &b.Plain, &b.PlainErr)
		b.Oldest, b.HeldTill, b.Quiet = instant(oldest), instant(till), instant(quiet)
		return b, err
	}, `
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
			(SELECT count(*) FROM messages m WHERE m.notifier = n.notifier AND m.state = 'failed'),
			coalesce(h.reason, ''), h.until, q.until,
			coalesce((SELECT error FROM messages m WHERE m.notifier = n.notifier AND m.state = 'waiting'
				AND m.error <> '' ORDER BY m.id LIMIT 1), ''),
			(SELECT count(*) FROM messages m WHERE m.notifier = n.notifier AND m.plain = 1 AND m.state = 'sent' AND m.sent_at > ?1),
			coalesce((SELECT error FROM messages m WHERE m.notifier = n.notifier AND m.plain = 1 AND m.state = 'sent' AND m.sent_at > ?1
				ORDER BY m.sent_at DESC LIMIT 1), '')
		FROM (SELECT notifier FROM names WHERE notifier IS NOT NULL UNION SELECT notifier FROM holds
			UNION SELECT DISTINCT notifier FROM messages WHERE state = 'waiting') n
		LEFT JOIN holds h ON h.notifier = n.notifier LEFT JOIN pauses q ON q.notifier = n.notifier AND q.reason = 'hours' ORDER BY n.notifier`, since.UnixMilli())
}

// Contents returns the two texts that a change compares. old is nil when it
// compares with nothing; both are nil for a change without versions. It fails
// with coc.ErrErased when one of them was removed.
func (d *DB) Contents(ctx context.Context, change int64) (old, now []byte, err error) {
	defer wrap(&err, "contents of change %d", change)
	var from, to coc.Hash // zero for none
	err = d.read.row(ctx, `
		SELECT cf.sha256, ct.sha256 FROM changes c
		LEFT JOIN revisions rf ON rf.id = c.from_revision LEFT JOIN contents cf ON cf.id = rf.content_id
		LEFT JOIN revisions rt ON rt.id = c.to_revision LEFT JOIN contents ct ON ct.id = rt.content_id
		WHERE c.id = ?`, change).Scan((*hashColumn)(&from), (*hashColumn)(&to))
	if err != nil {
		return nil, nil, explain(err)
	}
	u := d.Unpacker()
	load := func(hash coc.Hash) ([]byte, error) {
		if hash == (coc.Hash{}) {
			return nil, nil
		}
		c, err := u.Content(ctx, hash)
		return c.Bytes, err
	}
	if old, err = load(from); err != nil {
		return nil, nil, err
	}
	now, err = load(to)
	return old, now, err
}
