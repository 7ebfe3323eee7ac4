package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"cocsync/internal/coc"
)

// Told is how a change was told to one notifier, or is going to be.
type Told struct {
	Notifier string
	State    string       // of its delivery: waiting, claimed, sent, failed or dropped
	DueAt    time.Time    // when it falls or fell due
	Message  *coc.Message // that tells it; nil while there is none
}

// Told returns how a change was told, by notifier. A message brings all but its body.
func (d *DB) Told(ctx context.Context, change int64) (_ []Told, err error) {
	defer wrap(&err, "messages of change %d", change)
	return collect(ctx, d.read, func(row scanner) (t Told, err error) {
		var id, plain, attempts, due, next, sent sql.NullInt64
		var kind, state, channel, ts, failure, text sql.NullString
		err = row.Scan(&t.Notifier, &t.State, &due, &id, &kind, &plain, &state, &attempts, &next, &sent, &channel, &ts, &failure, &text)
		t.DueAt = instant(due)
		if id.Valid {
			t.Message = &coc.Message{
				ID: id.Int64, Notifier: t.Notifier, Kind: coc.MessageKind(kind.String), Plain: plain.Int64 == 1, State: coc.MessageState(state.String),
				Attempts: int(attempts.Int64), NextAt: instant(next), SentAt: instant(sent),
				Channel: channel.String, TS: ts.String, Err: failure.String, Text: text.String,
			}
		}
		return t, err
	}, `
		SELECT y.notifier, y.state, y.due_at, m.id, m.kind, m.plain, m.state, m.attempts, m.next_at, m.sent_at, m.channel, m.ts, m.error, m.text
		FROM deliveries y LEFT JOIN messages m ON m.id = y.message_id
		WHERE y.change_id = ? ORDER BY y.notifier`, change)
}

// Basis is what a change rests on.
type Basis struct {
	Evidence     coc.Evidence // the answer of COC that brought what is new; zero where nothing came
	OldCheckedAt time.Time    // of a rewritten version: when its old bytes were last seen to stand
	Cycle        int64        // that saw it; 0 when not known
	Watch        string       // of the cycle
	Leaf         int64        // its place in the log, from 0; -1 for none
	Signed       int64        // how many leaves the newest checkpoint signs
}

// Basis returns what a change rests on.
func (d *DB) Basis(ctx context.Context, change int64) (b Basis, err error) {
	defer wrap(&err, "basis of change %d", change)
	var answered, checked sql.NullInt64
	err = d.read.row(ctx, `
		SELECT coalesce(r.request_id, s.request_id, ''), coalesce(r.answered_at, s.answered_at), r.previous_checked_at,
			coalesce(y.id, 0), coalesce(y.watch, ''), (SELECT coalesce(max(size), 0) FROM checkpoints)
		FROM changes c LEFT JOIN revisions r ON r.id = c.to_revision LEFT JOIN document_states s ON s.id = c.to_state
		LEFT JOIN cycles y ON y.id = c.cycle_id
		WHERE c.id = ?`, change).Scan(&b.Evidence.RequestID, &answered, &checked, &b.Cycle, &b.Watch, &b.Signed)
	if errors.Is(err, sql.ErrNoRows) {
		err = coc.ErrNotFound
	}
	if err != nil {
		return b, explain(err)
	}
	b.Evidence.Date, b.OldCheckedAt = instant(answered), instant(checked)
	b.Leaf, err = d.leafOf(ctx, change)
	return b, err
}

// leafOf returns the place of a change's leaf in the log, or -1. Leaves of changes stand
// in the order of the changes, so halving finds it without an index; where somebody
// altered the log it may not, and verifying, which reads every leaf, says so.
func (d *DB) leafOf(ctx context.Context, change int64) (int64, error) {
	var end int64
	if err := d.read.row(ctx, `SELECT coalesce(max(id), -1) + 1 FROM leaves`).Scan(&end); err != nil {
		return -1, explain(err)
	}
	for from := int64(0); from < end; {
		middle := from + (end-from)/2
		var leaf, ref int64
		err := d.read.row(ctx, `SELECT id, ref FROM leaves WHERE id >= ?1 AND id < ?2 AND type = 'change' ORDER BY id LIMIT 1`, middle, end).Scan(&leaf, &ref)
		switch {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return -1, explain(err)
		case err != nil || ref > change:
			end = middle
		case ref < change:
			from = leaf + 1
		default:
			return leaf, nil
		}
	}
	return -1, nil
}

// Neighbours returns the changes of a document on either side of one, in the order of
// time; 0 where there is none.
func (d *DB) Neighbours(ctx context.Context, document int64, at coc.Place) (before, after int64, err error) {
	defer wrap(&err, "changes beside %d", at.ID)
	one := func(query string) (id int64, err error) {
		err = d.read.row(ctx, query, document, at.At.UnixMilli(), at.ID).Scan(&id)
		return id, explain(ignore(err, sql.ErrNoRows))
	}
	if before, err = one(`SELECT id FROM changes WHERE document_id = ?1 AND (at, id) < (?2, ?3) ORDER BY at DESC, id DESC LIMIT 1`); err != nil {
		return 0, 0, err
	}
	after, err = one(`SELECT id FROM changes WHERE document_id = ?1 AND (at, id) > (?2, ?3) ORDER BY at, id LIMIT 1`)
	return before, after, err
}
